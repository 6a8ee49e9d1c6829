//! What the upstream store keeps of repositories, on every database.

use super::*;
use crate::error::StoreError;
use crate::ids::Generation;
use crate::records::{
    MirrorOutcome, PermissionLevel, PurgeOrders, RefChangeRecord, RepositoryMirrorState, RepositoryUpdate,
    Visibility,
};

fn change(repository: RepositoryId, expected: i64, content_hash: &str) -> RefChangeRecord {
    RefChangeRecord {
        repository_id: repository,
        expected_generation: Generation(expected),
        content_hash: content_hash.to_owned(),
        default_branch: None,
        metadata_hash: None,
        changes: None,
        changed_at: NOW + 1,
    }
}

#[tokio::test]
async fn a_slug_is_unique_in_its_project_only() {
    for (store, test) in stores().await {
        let (one, two) = (project(&store, "ONE").await, project(&store, "TWO").await);
        let site = repository(&store, one.id, "Site").await;
        assert_eq!(site.slug, "site");
        assert_eq!(site.project, one);
        let twin = repository(&store, two.id, "site").await;
        let again = store
            .repositories
            .create_repository(new_repository(one.id, "SITE"), metadata_hash, |_| Vec::new())
            .await;
        assert!(
            matches!(again, Err(StoreError::Conflict { what: "repository slug", value }) if value == "site")
        );
        let nowhere = store
            .repositories
            .create_repository(new_repository(ProjectId(99), "x"), metadata_hash, |_| Vec::new())
            .await;
        assert!(matches!(nowhere, Err(StoreError::NotFound { what: "project", .. })));

        let moving = RepositoryUpdate { project_id: Some(one.id), ..Default::default() };
        let moved =
            store.repositories.update_repository(twin.id, moving, NOW, metadata_hash, |_| Vec::new()).await;
        assert!(matches!(moved, Err(StoreError::Conflict { what: "repository slug", .. })));
        assert_eq!(store.repositories.find_repository_by_slug("two", "SITE").await.unwrap(), Some(twin));
        test.remove().await;
    }
}

#[tokio::test]
async fn ids_that_are_taken_elsewhere_are_skipped_and_an_identity_is_given_once() {
    for (store, test) in stores().await {
        let one = project(&store, "ONE").await;
        let first = repository(&store, one.id, "first").await;
        store.repositories.skip_repository_ids(RepositoryId(41)).await.unwrap();
        let second = repository(&store, one.id, "second").await;
        assert!(second.id.0 > 41, "{:?}", second.id);
        store.repositories.skip_repository_ids(first.id).await.unwrap();
        assert!(repository(&store, one.id, "third").await.id > second.id, "ids never go back");

        let mut copy = new_repository(one.id, "copy");
        copy.identity = first.identity;
        let again = store.repositories.create_repository(copy, metadata_hash, |_| Vec::new()).await;
        assert!(matches!(again, Err(StoreError::Conflict { what: "repository identity", .. })), "{again:?}");
        test.remove().await;
    }
}

#[tokio::test]
async fn updates_change_what_they_name_and_the_metadata_hash() {
    for (store, test) in stores().await {
        let (one, two) = (project(&store, "ONE").await, project(&store, "TWO").await);
        let site = repository(&store, one.id, "site").await;
        let update = RepositoryUpdate {
            project_id: Some(two.id),
            slug: Some("Page".to_owned()),
            description: Some("What you see".to_owned()),
            ..Default::default()
        };
        let updated = store
            .repositories
            .update_repository(site.id, update, NOW + 5, metadata_hash, |_| Vec::new())
            .await
            .unwrap();
        let expected = Repository {
            project: two,
            slug: "page".to_owned(),
            description: Some("What you see".to_owned()),
            metadata_hash: "TWO/page".to_owned(),
            updated_at: NOW + 5,
            ..site.clone()
        };
        assert_eq!(updated, expected);
        assert_eq!(store.repositories.find_repository(site.id).await.unwrap(), Some(expected));
        let clearing = RepositoryUpdate { description: Some(String::new()), ..Default::default() };
        let cleared = store
            .repositories
            .update_repository(site.id, clearing, NOW, metadata_hash, |_| Vec::new())
            .await
            .unwrap();
        assert_eq!(cleared.description, None);
        test.remove().await;
    }
}

#[tokio::test]
async fn users_see_what_they_may_read() {
    for (store, test) in stores().await {
        let (alice, bob) = (user(&store, "alice").await, user(&store, "bob").await);
        let open = store
            .repositories
            .create_project(NewProject { public: true, ..new_project("OPEN") }, |_| Vec::new())
            .await
            .unwrap();
        let closed = project(&store, "CLOSED").await;
        repository(&store, open.id, "in-open").await;
        let showcase = NewRepository { public: true, ..new_repository(closed.id, "showcase") };
        store.repositories.create_repository(showcase, metadata_hash, |_| Vec::new()).await.unwrap();
        let single = repository(&store, closed.id, "single").await;
        repository(&store, closed.id, "hidden").await;
        let draft =
            NewRepository { state: RepositoryState::Initialising, ..new_repository(closed.id, "draft") };
        store.repositories.create_repository(draft, metadata_hash, |_| Vec::new()).await.unwrap();
        store
            .accounts
            .set_permission(PermissionLevel::Repository(single.id), alice.id, "REPO_READ", Vec::new())
            .await
            .unwrap();
        store
            .accounts
            .set_permission(PermissionLevel::Project(closed.id), bob.id, "PROJECT_READ", Vec::new())
            .await
            .unwrap();

        let views = [
            (Visibility::All, "in-open showcase single hidden draft"),
            (Visibility::Announced, "in-open showcase single hidden"),
            (Visibility::Public, "in-open showcase"),
            (Visibility::User(alice.id), "in-open showcase single"),
            (Visibility::User(bob.id), "in-open showcase single hidden draft"),
        ];
        for (view, expected) in views {
            let seen = store.repositories.list_repositories(None, view, None, FIRST_PAGE).await.unwrap();
            let slugs: Vec<_> = seen.values.iter().map(|repository| repository.slug.as_str()).collect();
            assert_eq!(slugs.join(" "), expected, "seen by {view:?}");
        }
        let view = Visibility::User(alice.id);
        let found = store
            .repositories
            .list_repositories(Some(closed.id), view, Some("SING"), FIRST_PAGE)
            .await
            .unwrap();
        assert_eq!(found.values, std::slice::from_ref(&single));
        test.remove().await;
    }
}

#[tokio::test]
async fn pages_do_not_repeat_what_was_shown() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        for slug in ["d", "b", "a"] {
            repository(&store, project.id, slug).await;
        }
        let mut slugs = Vec::new();
        let mut start = Some(0);
        while let Some(from) = start {
            let request = PageRequest { start: from, limit: 2 };
            let page =
                store.repositories.list_repositories(None, Visibility::All, None, request).await.unwrap();
            slugs.extend(page.values.into_iter().map(|repository| repository.slug));
            start = page.next_start;
            if from == 0 {
                repository(&store, project.id, "c").await;
            }
        }
        assert_eq!(slugs, ["d", "b", "a", "c"]);
        test.remove().await;
    }
}

#[tokio::test]
async fn hashes_are_walked_by_project() {
    for (store, test) in stores().await {
        let (one, two) = (project(&store, "ONE").await, project(&store, "TWO").await);
        let first = repository(&store, two.id, "first").await;
        let second = repository(&store, one.id, "second").await;
        let third = repository(&store, two.id, "third").await;
        let mut walked = Vec::new();
        let mut after = None;
        loop {
            let hashes = store.repositories.list_hashes(Visibility::All, after, 2).await.unwrap();
            let Some(last) = hashes.last() else { break };
            after = Some((last.project_id, last.repository_id));
            walked.extend(hashes.into_iter().map(|hashes| hashes.repository_id));
        }
        assert_eq!(walked, [second.id, first.id, third.id]);
        test.remove().await;
    }
}

#[tokio::test]
async fn the_id_of_a_deleted_repository_is_not_used_again() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        store.repositories.delete_repository(site.id, Vec::new()).await.unwrap();
        assert!(repository(&store, project.id, "site").await.id > site.id);
        assert!(matches!(
            store.repositories.delete_repository(site.id, Vec::new()).await,
            Err(StoreError::NotFound { what: "repository", .. })
        ));
        test.remove().await;
    }
}

#[tokio::test]
async fn ref_changes_count_generations_and_refuse_a_stale_one() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        let follower = mirror(&store, "AAAA").await;
        let announce =
            |generation: Generation| vec![event(&format!("repo:refs_changed {generation}"), Some(site.id))];
        let generation =
            store.repositories.record_ref_change(change(site.id, 0, "first"), announce).await.unwrap();
        assert_eq!(generation, Generation(1));

        let stale = store.repositories.record_ref_change(change(site.id, 0, "late"), announce).await;
        assert!(
            matches!(
                stale,
                Err(StoreError::StaleGeneration { expected: Generation(0), actual: Generation(1) })
            ),
            "{stale:?}"
        );
        let recorded = store.repositories.find_repository(site.id).await.unwrap().unwrap();
        assert_eq!((recorded.generation, recorded.content_hash.as_str()), (Generation(1), "first"));
        assert_eq!(pending_keys(&store, &follower.id).await, ["repo:refs_changed 1"]);

        let missing = store.repositories.record_ref_change(change(RepositoryId(99), 0, "x"), announce).await;
        assert!(matches!(missing, Err(StoreError::NotFound { what: "repository", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn of_two_ref_changes_at_once_one_wins() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        let record = |hash: &'static str| {
            let store = store.clone();
            tokio::spawn(async move {
                store.repositories.record_ref_change(change(site.id, 0, hash), |_| Vec::new()).await
            })
        };
        let (left, right) = (record("left"), record("right"));
        let results = [left.await.unwrap(), right.await.unwrap()];
        assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1, "{results:?}");
        assert!(results.iter().any(|result| matches!(result, Err(StoreError::StaleGeneration { .. }))));
        test.remove().await;
    }
}

#[tokio::test]
async fn each_mirrors_last_report_is_kept() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        let follower = mirror(&store, "AAAA").await;
        let failed = RepositoryMirrorState {
            mirror_id: follower.id,
            repository_id: site.id,
            last_outcome: MirrorOutcome::SynchronizationFailed,
            mirror_repository_id: None,
            synced_generation: None,
            reported_at: NOW,
            purged: 2,
            purged_at: Some(NOW),
        };
        let synchronized = RepositoryMirrorState {
            last_outcome: MirrorOutcome::Synchronized,
            mirror_repository_id: Some(crate::ids::LocalRepositoryId(7)),
            reported_at: NOW + 1,
            ..failed.clone()
        };
        store.mirrors.record_mirror_outcome(failed.clone(), |_| Vec::new()).await.unwrap();
        let says_less = RepositoryMirrorState { purged: 0, purged_at: None, ..synchronized.clone() };
        store.mirrors.record_mirror_outcome(says_less, |_| Vec::new()).await.unwrap();
        assert_eq!(store.mirrors.mirror_states_of(site.id).await.unwrap(), [synchronized]);
        let of_nothing = RepositoryMirrorState { repository_id: RepositoryId(99), ..failed };
        assert!(matches!(
            store.mirrors.record_mirror_outcome(of_nothing, |_| Vec::new()).await,
            Err(StoreError::NotFound { .. })
        ));
        test.remove().await;
    }
}

#[tokio::test]
async fn orders_to_purge_are_counted_and_stay_until_they_are_carried_out() {
    for (store, test) in stores().await {
        let project = project(&store, "PRJ").await;
        let site = repository(&store, project.id, "site").await;
        assert_eq!(site.purge, PurgeOrders::default());
        assert_eq!(store.repositories.awaiting_purge().await.unwrap(), []);
        for number in 1..=2 {
            let ordered =
                store.repositories.order_purge(site.id, NOW + number, |_| Vec::new()).await.unwrap();
            let expected = PurgeOrders { number, ordered_at: Some(NOW + number), ..PurgeOrders::default() };
            assert_eq!(ordered.purge, expected);
        }
        store.repositories.record_purge(site.id, 1, NOW + 3).await.unwrap();
        assert_eq!(store.repositories.awaiting_purge().await.unwrap(), [site.id]);
        store.repositories.record_purge(site.id, 2, NOW + 4).await.unwrap();
        store.repositories.record_purge(site.id, 1, NOW + 5).await.unwrap();
        assert_eq!(store.repositories.awaiting_purge().await.unwrap(), []);
        let found = store.repositories.find_repository(site.id).await.unwrap().unwrap();
        assert_eq!((found.purge.done, found.purge.done_at), (2, Some(NOW + 4)));
        let missing = store.repositories.order_purge(RepositoryId(99), NOW, |_| Vec::new()).await;
        assert!(matches!(missing, Err(StoreError::NotFound { .. })));
        test.remove().await;
    }
}
