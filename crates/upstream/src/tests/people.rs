//! Who gets in, and what they may do there.

use std::os::unix::fs::PermissionsExt;

use heliostat_auth::{
    Caller, Credentials, GlobalPermission, ProjectPermission, RepositoryPermission, Secret,
};
use heliostat_refusal::Refusal;

use super::test_upstream::{ANY_REQUEST, FIRST, TestUpstream, USER_PASSWORD, repository_named};
use crate::permit;
use crate::{RepositoryChange, TokenCreation};

#[tokio::test]
async fn the_first_administrator_gets_a_password_file_once() {
    let folder = std::sync::Arc::new(tempfile::tempdir().expect("a temporary folder"));
    let server = TestUpstream::in_folder(std::sync::Arc::clone(&folder), None).await;
    let account = server.admin_account.clone().expect("a new administrator");
    let file = account.password_file.expect("a generated password");
    assert_eq!(file.metadata().expect("it is there").permissions().mode() & 0o777, 0o600);
    let password = std::fs::read_to_string(file).expect("readable");
    let admin =
        server.log_in("Admin", password.trim()).await.expect("the password works, in any case of the name");
    assert_eq!(admin.global(), Some(GlobalPermission::SysAdmin));
    drop(server);
    let again = TestUpstream::in_folder(folder, None).await;
    assert_eq!(again.admin_account, None);
    assert!(again.log_in("admin", password.trim()).await.is_ok());
}

#[tokio::test]
async fn credentials_must_hold() {
    let server = TestUpstream::new().await;
    server.user("ada").await;
    for (name, password) in [("ada", "wrong"), ("unknown", USER_PASSWORD), ("ada", ""), ("", "")] {
        let refused = server.log_in(name, password).await;
        assert!(matches!(refused, Err(Refusal::Unauthenticated { .. })), "{name} {password}");
    }
    assert_eq!(server.identify(Credentials::None).await.expect("anonymous"), Caller::Anonymous);

    let admin = server.admin().await;
    async {
        server
            .upstream
            .accounts()
            .set_password(permit::admin(&admin)?, "ada", &Secret::new("another password"))
            .await
    }
    .await
    .expect("changed");
    assert!(server.log_in("ada", USER_PASSWORD).await.is_err(), "the old password is worthless at once");
    assert!(server.log_in("ada", "another password").await.is_ok());

    async { server.upstream.accounts().revoke_global_permission(permit::admin(&admin)?, "ada").await }
        .await
        .expect("revoked");
    assert!(
        server.log_in("ada", "another password").await.is_err(),
        "without permission for the server no user logs in"
    );
    assert!(
        async { server.upstream.accounts().delete_user(permit::admin(&admin)?, "admin").await }
            .await
            .is_err(),
        "users cannot delete themselves"
    );
    let last =
        async { server.upstream.accounts().revoke_global_permission(permit::admin(&admin)?, "admin").await }
            .await;
    assert!(matches!(last, Err(Refusal::Conflict { .. })), "one SYS_ADMIN remains");
}

#[tokio::test]
async fn tokens_stand_for_their_user_within_their_bound() {
    let server = TestUpstream::new().await;
    let admin = server.admin().await;
    server.project("APP").await;
    server.repository("APP", "Engine").await;
    let create = async |permissions: &[&str]| {
        let permissions = permissions.iter().map(ToString::to_string).collect();
        let creation = TokenCreation { name: "ci".into(), permissions, expiry_days: Some(1) };
        async {
            server
                .upstream
                .accounts()
                .create_access_token(&server.upstream.accounts().owner(&admin, "admin").await?, creation)
                .await
        }
        .await
        .expect("a new token")
    };
    let (_, full) = create(&[]).await;
    let (limited_record, limited) = create(&["REPO_READ"]).await;

    let caller = server.identify(Credentials::Bearer(full.clone())).await.expect("a good token");
    assert!(caller.is_sys_admin());
    for name in ["x-token-auth", "x-access-token", "admin", ""] {
        let by_basic = Credentials::Basic { username: name.into(), password: full.clone() };
        assert!(server.identify(by_basic).await.is_ok(), "{name:?}");
    }
    let wrong_owner = Credentials::Basic { username: "ada".into(), password: full };
    assert!(server.identify(wrong_owner).await.is_err());

    let reader = server.identify(Credentials::Bearer(limited.clone())).await.expect("a good token");
    assert!(!reader.is_admin());
    assert!(
        async {
            server
                .upstream
                .repositories()
                .read_with_git(&server.upstream.repositories().reader(&reader, "app", "engine").await?)
                .await
        }
        .await
        .is_ok()
    );
    let push = server.may_push(&reader, "app", "engine").await;
    assert!(matches!(push, Err(Refusal::Forbidden { .. })));
    let more = TokenCreation { name: "more".into(), permissions: Vec::new(), expiry_days: None };
    assert!(
        async {
            server
                .upstream
                .accounts()
                .create_access_token(&server.upstream.accounts().owner(&reader, "admin").await?, more)
                .await
        }
        .await
        .is_err(),
        "no way up"
    );

    async {
        server
            .upstream
            .accounts()
            .delete_access_token(
                &server.upstream.accounts().owner(&admin, "admin").await?,
                limited_record.id.as_str(),
            )
            .await
    }
    .await
    .expect("deleted");
    assert!(server.identify(Credentials::Bearer(limited)).await.is_err());
    server.clock_offset.store(2 * 86_400_000, std::sync::atomic::Ordering::Relaxed);
    let (_, fresh) = create(&[]).await;
    assert!(server.identify(Credentials::Bearer(fresh)).await.is_ok());
}

#[tokio::test]
async fn what_may_not_be_read_looks_absent() {
    let server = TestUpstream::new().await;
    let (admin, ada) = (server.admin().await, server.user("ada").await);
    server.project("APP").await;
    server.repository("APP", "Engine").await;
    let forbidden =
        server.upstream.repositories().repository(&ada, "APP", "engine").await.expect_err("no permission");
    let unknown =
        server.upstream.repositories().repository(&ada, "APP", "nothing").await.expect_err("not there");
    assert!(matches!((&forbidden, &unknown), (Refusal::NotFound { .. }, Refusal::NotFound { .. })));
    assert_eq!(forbidden.to_string().replace("engine", "nothing"), unknown.to_string());
    let anonymous = server.upstream.repositories().repository(&Caller::Anonymous, "APP", "engine").await;
    assert!(matches!(anonymous, Err(Refusal::Unauthenticated { .. })));
    assert!(
        server
            .upstream
            .repositories()
            .repositories(&ada, None, None, FIRST)
            .await
            .expect("a list")
            .values
            .is_empty()
    );

    let read = RepositoryPermission::Read;
    async {
        server
            .upstream
            .accounts()
            .set_repository_permission(
                &server.upstream.repositories().administrator(&admin, "APP", "engine").await?,
                "ada",
                read,
            )
            .await
    }
    .await
    .expect("granted");
    assert!(server.upstream.repositories().repository(&ada, "app", "Engine").await.is_ok());
    assert!(server.upstream.repositories().project(&ada, "APP").await.is_ok());
    assert_eq!(
        server
            .upstream
            .repositories()
            .repositories(&ada, None, None, FIRST)
            .await
            .expect("a list")
            .values
            .len(),
        1
    );
    let created = async {
        server
            .upstream
            .repositories()
            .create_repository(
                &server.upstream.repositories().project_administrator(&ada, "APP").await?,
                repository_named("x"),
            )
            .await
    }
    .await;
    assert!(matches!(created, Err(Refusal::Forbidden { .. })));

    let write = ProjectPermission::Write;
    async {
        server
            .upstream
            .accounts()
            .set_project_permission(
                &server.upstream.repositories().project_administrator(&admin, "APP").await?,
                "ada",
                write,
            )
            .await
    }
    .await
    .expect("granted");
    assert!(server.may_push(&ada, "APP", "engine").await.is_ok());
    let archive = RepositoryChange { archived: Some(true), ..RepositoryChange::default() };
    server.update(&admin, "APP", "engine", archive).await.expect("archived");
    assert!(server.may_push(&admin, "APP", "engine").await.is_err());

    let publish = RepositoryChange { public: Some(true), ..RepositoryChange::default() };
    server.update(&admin, "APP", "engine", publish).await.expect("published");
    assert!(server.upstream.repositories().repository(&Caller::Anonymous, "APP", "engine").await.is_ok());
}

#[tokio::test]
async fn a_repository_is_there_whole_or_not_at_all() {
    let server = TestUpstream::new().await;
    let admin = server.admin().await;
    server.project("APP").await;
    let repository = server.repository("APP", "My Engine").await;
    assert_eq!((repository.slug.as_str(), repository.generation.0), ("my-engine", 0));
    let taken = async {
        server
            .upstream
            .repositories()
            .create_repository(
                &server.upstream.repositories().project_administrator(&admin, "APP").await?,
                repository_named("my  engine"),
            )
            .await
    }
    .await;
    assert!(matches!(taken, Err(Refusal::Conflict { context: Some(field), .. }) if field == "name"));
    assert_eq!(server.upstream.0.served.store().list().await.expect("a list").len(), 1);

    // Something lies on disk under the next number: it stays, and the number is passed over.
    let next = u64::try_from(repository.id.0).expect("positive") + 1;
    let branch = heliostat_git::RefName::branch("main").expect("a name");
    server.upstream.0.served.store().create(next, &branch).await.expect("created");
    let other = server.repository("APP", "other").await;
    assert_eq!(u64::try_from(other.id.0), Ok(next + 1));
    assert_eq!(server.upstream.0.served.store().list().await.expect("a list").len(), 3);
    let listed =
        server.upstream.repositories().repositories(&admin, None, None, FIRST).await.expect("a list");
    assert_eq!(listed.values.len(), 2);

    let rename = RepositoryChange { name: Some("Motor".into()), ..RepositoryChange::default() };
    let renamed = server.update(&admin, "APP", "my-engine", rename).await.expect("renamed");
    assert_eq!((renamed.slug.as_str(), renamed.metadata_hash == repository.metadata_hash), ("motor", false));
    let in_use = async {
        server
            .upstream
            .repositories()
            .delete_project(&server.upstream.repositories().project_administrator(&admin, "APP").await?)
            .await
    }
    .await;
    assert!(matches!(in_use, Err(Refusal::Conflict { .. })));
    for slug in ["motor", "other"] {
        let repositories = server.upstream.repositories();
        let administrator = repositories.administrator(&admin, "APP", slug).await.expect("permitted");
        repositories.delete_repository(&administrator).await.expect("deleted");
        assert!(repositories.repository(&admin, "APP", slug).await.is_err());
    }
    assert_eq!(
        server.upstream.0.served.store().list().await.expect("a list"),
        [next],
        "what the server has not made stays"
    );
    async {
        server
            .upstream
            .repositories()
            .delete_project(&server.upstream.repositories().project_administrator(&admin, "APP").await?)
            .await
    }
    .await
    .expect("deleted");
    let facts = ANY_REQUEST;
    assert!(
        server.upstream.accounts().identify(Credentials::Jwt(Secret::new("a.b.c")), facts).await.is_err()
    );
}
