//! What the upstream store keeps of accounts, on every database.

use super::*;
use crate::error::StoreError;
use crate::ids::TokenId;
use crate::records::{NewAccessToken, PermissionLevel, UserFilter};

fn new_token(id: &str, user: &User) -> NewAccessToken {
    NewAccessToken {
        id: TokenId::from(id),
        user_id: user.id,
        name: "build".to_owned(),
        token_hash: format!("hash of {id}"),
        permissions: vec!["REPO_READ".to_owned()],
        created_at: NOW,
        expires_at: None,
    }
}

#[tokio::test]
async fn users_are_found_by_name_in_whatever_case() {
    for (store, test) in stores().await {
        let alice = user(&store, "Alice").await;
        assert_eq!(store.accounts.find_user_by_name("aLICE").await.unwrap(), Some(alice.clone()));
        assert_eq!(store.accounts.find_user_by_slug("ALICE").await.unwrap(), Some(alice.clone()));
        assert_eq!(store.accounts.find_user(alice.id).await.unwrap(), Some(alice));
        assert_eq!(store.accounts.find_user_by_name("bob").await.unwrap(), None);
        assert_eq!(store.accounts.find_user_by_name("ali\0ce").await.unwrap(), None);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_taken_name_is_a_conflict_that_names_the_field() {
    for (store, test) in stores().await {
        user(&store, "alice").await;
        let same_name =
            store.accounts.create_user(NewUser { slug: "other".to_owned(), ..new_user("ALICE") }).await;
        assert!(
            matches!(same_name, Err(StoreError::Conflict { what: "user name", value }) if value == "ALICE")
        );
        let same_slug =
            store.accounts.create_user(NewUser { slug: "Alice".to_owned(), ..new_user("other") }).await;
        assert!(
            matches!(same_slug, Err(StoreError::Conflict { what: "user slug", value }) if value == "alice")
        );
        assert_eq!(store.accounts.count_users().await.unwrap(), 1);
        test.remove().await;
    }
}

#[tokio::test]
async fn pages_stay_stable_while_users_are_added() {
    for (store, test) in stores().await {
        for name in ["c", "a", "b"] {
            user(&store, name).await;
        }
        let everybody = UserFilter::default();
        let first = store.accounts.list_users(&everybody, PageRequest { start: 0, limit: 2 }).await.unwrap();
        assert_eq!(first.next_start, Some(2));
        assert!(!first.is_last);
        user(&store, "0").await;
        let second = store.accounts.list_users(&everybody, PageRequest { start: 2, limit: 2 }).await.unwrap();
        assert_eq!((second.is_last, second.next_start), (true, None));
        let names: Vec<_> =
            first.values.iter().chain(&second.values).map(|user| user.name.as_str()).collect();
        assert_eq!(names, ["c", "a", "b", "0"]);
        let beyond = store
            .accounts
            .list_users(&everybody, PageRequest { start: u64::MAX, limit: u64::MAX })
            .await
            .unwrap();
        assert_eq!((beyond.values.len(), beyond.is_last), (0, true));
        test.remove().await;
    }
}

#[tokio::test]
async fn nothing_in_a_search_text_is_a_wildcard() {
    for (store, test) in stores().await {
        user(&store, "fifty_%").await;
        user(&store, "fifty").await;
        for (text, expected) in
            [("FIFTY", 2), ("_", 1), ("%", 1), ("\\", 0), ("fifty DOE", 1), ("a'b", 0), ("\0", 0)]
        {
            let filter = UserFilter { text: Some(text.to_owned()) };
            let found = store.accounts.list_users(&filter, FIRST_PAGE).await.unwrap();
            assert_eq!(found.values.len(), expected, "searching for {text:?}");
        }
        test.remove().await;
    }
}

#[tokio::test]
async fn a_new_password_changes_nothing_else() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await;
        let replace = async |former: &str, new: &str| {
            store.accounts.replace_password_hash(alice.id, former, new, Vec::new()).await.unwrap()
        };
        store.accounts.set_password_hash(alice.id, Some("first".to_owned()), Vec::new()).await.unwrap();
        assert!(replace("first", "second").await);
        assert!(!replace("first", "third").await, "it is another one by now");
        let renewed = store.accounts.find_user(alice.id).await.unwrap().unwrap();
        assert_eq!(renewed, User { password_hash: Some("second".to_owned()), ..alice.clone() });
        store.accounts.set_password_hash(alice.id, None, Vec::new()).await.unwrap();
        let without_password = store.accounts.find_user(alice.id).await.unwrap().unwrap();
        assert_eq!(without_password, User { password_hash: None, ..alice });

        store.accounts.delete_user(alice.id, Vec::new()).await.unwrap();
        let gone = store.accounts.set_password_hash(alice.id, None, Vec::new()).await;
        assert!(matches!(gone, Err(StoreError::NotFound { what: "user", .. })), "{gone:?}");
        test.remove().await;
    }
}

#[tokio::test]
async fn a_deleted_user_takes_tokens_and_permissions_along_and_leaves_their_id_unused() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await;
        store.accounts.create_token(new_token("t1", &alice)).await.unwrap();
        store.accounts.set_permission(PermissionLevel::Global, alice.id, "ADMIN", Vec::new()).await.unwrap();
        store.accounts.delete_user(alice.id, Vec::new()).await.unwrap();
        assert_eq!(store.accounts.find_user_by_token_hash("hash of t1").await.unwrap(), None);
        assert!(
            store
                .accounts
                .list_permissions(PermissionLevel::Global, None, FIRST_PAGE)
                .await
                .unwrap()
                .values
                .is_empty()
        );
        assert!(matches!(
            store.accounts.delete_user(alice.id, Vec::new()).await,
            Err(StoreError::NotFound { what: "user", .. })
        ));
        assert!(user(&store, "alice").await.id > alice.id);
        test.remove().await;
    }
}

#[tokio::test]
async fn tokens_stand_for_their_user_until_they_are_deleted() {
    for (store, test) in stores().await {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        let token = store.accounts.create_token(new_token("t1", &alice)).await.unwrap();
        let found = store.accounts.find_user_by_token_hash("hash of t1").await.unwrap();
        assert_eq!(found, Some((alice.clone(), token.clone())));
        assert_eq!(token.permissions, ["REPO_READ"]);

        store.accounts.touch_token(&token.id, NOW + 1).await.unwrap();
        let listed = store.accounts.list_tokens(alice.id, FIRST_PAGE).await.unwrap();
        assert_eq!(listed.values[0].last_used_at, Some(NOW + 1));
        assert_eq!(store.accounts.find_token(bob.id, &token.id).await.unwrap(), None);

        let again = store.accounts.create_token(new_token("t1", &bob)).await;
        assert!(matches!(again, Err(StoreError::Conflict { .. })));
        assert!(store.accounts.delete_token(bob.id, &token.id, Vec::new()).await.is_err());
        store.accounts.delete_token(alice.id, &token.id, Vec::new()).await.unwrap();
        assert_eq!(store.accounts.find_user_by_token_hash("hash of t1").await.unwrap(), None);

        store.accounts.delete_user(bob.id, Vec::new()).await.unwrap();
        let of_no_user = store.accounts.create_token(new_token("t2", &bob)).await;
        assert!(matches!(of_no_user, Err(StoreError::NotFound { what: "user", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn permissions_replace_each_other_and_can_be_revoked() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await;
        let project = project(&store, "PRJ").await;
        let repository = repository(&store, project.id, "site").await;
        store
            .accounts
            .set_permission(PermissionLevel::Global, alice.id, "LICENSED_USER", Vec::new())
            .await
            .unwrap();
        store.accounts.set_permission(PermissionLevel::Global, alice.id, "ADMIN", Vec::new()).await.unwrap();
        store
            .accounts
            .set_permission(PermissionLevel::Project(project.id), alice.id, "PROJECT_READ", Vec::new())
            .await
            .unwrap();
        store
            .accounts
            .set_permission(PermissionLevel::Project(project.id), alice.id, "PROJECT_WRITE", Vec::new())
            .await
            .unwrap();
        store
            .accounts
            .set_permission(PermissionLevel::Repository(repository.id), alice.id, "REPO_ADMIN", Vec::new())
            .await
            .unwrap();

        let granted =
            store.accounts.permissions_of(alice.id, Some(project.id), Some(repository.id)).await.unwrap();
        assert_eq!(granted.global.as_deref(), Some("ADMIN"));
        assert_eq!(granted.project.as_deref(), Some("PROJECT_WRITE"));
        assert_eq!(granted.repository.as_deref(), Some("REPO_ADMIN"));
        let on_project = store
            .accounts
            .list_permissions(PermissionLevel::Project(project.id), Some("ALI"), FIRST_PAGE)
            .await
            .unwrap();
        assert_eq!(on_project.values[0].user, alice);
        assert_eq!(on_project.values[0].permission, "PROJECT_WRITE");
        let unmatched = store
            .accounts
            .list_permissions(PermissionLevel::Repository(repository.id), Some("x"), FIRST_PAGE)
            .await
            .unwrap();
        assert!(unmatched.values.is_empty());
        let on_repository = store
            .accounts
            .list_permissions(PermissionLevel::Repository(repository.id), None, FIRST_PAGE)
            .await
            .unwrap();
        assert_eq!((on_project.values.len(), on_repository.values.len()), (1, 1));

        store
            .accounts
            .revoke_permission(PermissionLevel::Project(project.id), alice.id, Vec::new())
            .await
            .unwrap();
        store
            .accounts
            .revoke_permission(PermissionLevel::Repository(repository.id), alice.id, Vec::new())
            .await
            .unwrap();
        store.accounts.revoke_permission(PermissionLevel::Global, alice.id, Vec::new()).await.unwrap();
        assert_eq!(
            store.accounts.permissions_of(alice.id, Some(project.id), Some(repository.id)).await.unwrap(),
            Default::default()
        );
        let twice = store.accounts.revoke_permission(PermissionLevel::Global, alice.id, Vec::new()).await;
        assert!(matches!(twice, Err(StoreError::NotFound { .. })));
        let nowhere = store
            .accounts
            .set_permission(PermissionLevel::Project(ProjectId(99)), alice.id, "PROJECT_READ", Vec::new())
            .await;
        assert!(matches!(nowhere, Err(StoreError::NotFound { .. })));
        test.remove().await;
    }
}

#[test]
fn debug_shows_no_secrets() {
    let shown = format!("{:?}", new_user("alice"));
    assert!(shown.contains("redacted") && !shown.contains("secret hash"), "{shown}");
    let shown = format!("{:?}", new_mirror());
    assert!(shown.contains("redacted") && !shown.contains("very secret"), "{shown}");
}

#[tokio::test]
async fn the_last_one_who_holds_sys_admin_keeps_it_whatever_is_done() {
    for (store, test) in stores().await {
        let alice = user(&store, "alice").await;
        let bob = store.accounts.create_user(NewUser { active: false, ..new_user("bob") }).await.unwrap();
        for holder in [&alice, &bob] {
            store
                .accounts
                .set_permission(PermissionLevel::Global, holder.id, "SYS_ADMIN", Vec::new())
                .await
                .unwrap();
        }
        let refused = [
            store.accounts.revoke_permission(PermissionLevel::Global, alice.id, Vec::new()).await,
            store.accounts.set_permission(PermissionLevel::Global, alice.id, "ADMIN", Vec::new()).await,
            store.accounts.delete_user(alice.id, Vec::new()).await,
        ];
        for refused in refused {
            assert!(
                matches!(refused, Err(StoreError::LastHolder { permission: "SYS_ADMIN" })),
                "{refused:?}"
            );
        }
        store
            .accounts
            .set_permission(PermissionLevel::Global, alice.id, "SYS_ADMIN", Vec::new())
            .await
            .unwrap();
        store.accounts.revoke_permission(PermissionLevel::Global, bob.id, Vec::new()).await.unwrap();
        test.remove().await;
    }
}

#[tokio::test]
async fn of_two_who_lose_sys_admin_at_the_same_time_one_keeps_it() {
    for (store, test) in stores().await {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        for _ in 0..20 {
            for holder in [&alice, &bob] {
                store
                    .accounts
                    .set_permission(PermissionLevel::Global, holder.id, "SYS_ADMIN", Vec::new())
                    .await
                    .unwrap();
            }
            let (of_alice, of_bob) = tokio::join!(
                store.accounts.revoke_permission(PermissionLevel::Global, alice.id, Vec::new()),
                store.accounts.set_permission(PermissionLevel::Global, bob.id, "ADMIN", Vec::new()),
            );
            assert_eq!(
                usize::from(of_alice.is_ok()) + usize::from(of_bob.is_ok()),
                1,
                "{of_alice:?} {of_bob:?}"
            );
        }
        test.remove().await;
    }
}
