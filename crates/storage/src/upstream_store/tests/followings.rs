//! What repositories follow, and how that goes.

use super::{NOW, project, repository, stores};
use crate::error::StoreError;
use crate::ids::RepositoryId;
use crate::page::PageRequest;
use crate::records::{FollowedSource, FollowingError, FollowingFault, FollowingOutcome};

const URL: &str = "https://git.example.com/acme/tool.git";

fn source(url: &str, password: Option<&str>) -> FollowedSource {
    FollowedSource {
        url: url.to_owned(),
        interval_seconds: 60,
        username: password.map(|_| "ann".to_owned()),
        password: password.map(str::to_owned),
        ssh_key: None,
        known_hosts: None,
    }
}

#[tokio::test]
async fn attempts_are_recorded_for_the_source_that_they_were_made_at() {
    for (store, _test) in stores().await {
        let id = repository(&store, project(&store, "PRJ").await.id, "tool").await.id;
        assert_eq!(store.followings.following_of(id).await.unwrap(), None);
        let begun = store.followings.follow_source(id, source(URL, Some("secret")), NOW).await.unwrap();
        assert!(!format!("{begun:?}").contains("secret"), "{begun:?}");
        assert_eq!(store.followings.following_of(id).await.unwrap(), Some(begun.clone()));
        assert_eq!(store.followings.all_followings().await.unwrap(), [begun]);

        let error = FollowingError { fault: FollowingFault::Away, message: "it does not answer".to_owned() };
        let failed = FollowingOutcome::Failed(error.clone());
        let record = async |at: i64, outcome: &FollowingOutcome| {
            store.followings.record_following_attempt(id, URL, NOW + at, outcome).await.unwrap();
            store.followings.following_of(id).await.unwrap().unwrap()
        };
        let now = record(1, &FollowingOutcome::Changed).await;
        assert_eq!((now.last_success_at, now.last_change_at), (Some(NOW + 1), Some(NOW + 1)));
        let now = record(2, &FollowingOutcome::Unchanged).await;
        assert_eq!((now.last_success_at, now.last_change_at), (Some(NOW + 2), Some(NOW + 1)));
        record(3, &failed).await;
        let now = record(4, &failed).await;
        assert_eq!((now.last_attempt_at, now.last_success_at), (Some(NOW + 4), Some(NOW + 2)));
        assert_eq!((now.failures, now.error.clone()), (2, Some(error)));

        let other = store.followings.follow_source(id, source(URL, None), NOW + 5).await.unwrap();
        assert_eq!((other.source.password.clone(), other.failures, other.created_at), (None, 2, NOW));
        let now = record(6, &FollowingOutcome::Unchanged).await;
        assert_eq!((now.failures, now.error), (0, None));

        let other = "https://git.example.com/acme/other.git";
        let moved = store.followings.follow_source(id, source(other, None), NOW + 7).await.unwrap();
        assert_eq!((moved.last_success_at, moved.created_at), (None, NOW + 7));
        assert_eq!(record(8, &failed).await, moved);
    }
}

#[tokio::test]
async fn those_that_fail_and_were_equal_least_lately_are_furthest_behind() {
    for (store, _test) in stores().await {
        let project = project(&store, "PRJ").await.id;
        let failed = FollowingError { fault: FollowingFault::Away, message: "it does not answer".to_owned() };
        let failed = FollowingOutcome::Failed(failed);
        for (name, began, outcome) in [
            ("lately", 40, Some(FollowingOutcome::Unchanged)),
            ("before", 30, Some(FollowingOutcome::Unchanged)),
            ("new", 10, None),
            ("fails", 50, Some(failed)),
        ] {
            let id = repository(&store, project, name).await.id;
            store.followings.follow_source(id, source(URL, None), NOW + began).await.unwrap();
            if let Some(outcome) = outcome {
                store.followings.record_following_attempt(id, URL, NOW + began, &outcome).await.unwrap();
            }
        }
        let slugs = async |at_most: u64| -> Vec<String> {
            let found = store.followings.followings_furthest_behind(at_most).await.unwrap();
            found.into_iter().map(|(repository, _)| repository.slug).collect()
        };
        assert_eq!(slugs(9).await, ["fails", "new", "before", "lately"]);
        assert_eq!(slugs(2).await, ["fails", "new"]);
    }
}

#[tokio::test]
async fn a_key_is_kept_and_not_shown() {
    for (store, _test) in stores().await {
        let id = repository(&store, project(&store, "PRJ").await.id, "tool").await.id;
        let (ssh_key, known_hosts) = (Some("secret".to_owned()), Some("host ssh-ed25519 AAAA".to_owned()));
        let source = FollowedSource { ssh_key, known_hosts, ..source("git@git.example.com:a.git", None) };
        let begun = store.followings.follow_source(id, source.clone(), NOW).await.unwrap();
        assert!(!format!("{begun:?}").contains("secret"), "{begun:?}");
        assert_eq!(store.followings.following_of(id).await.unwrap().unwrap().source, source);
    }
}

#[tokio::test]
async fn it_ends_by_itself_or_with_its_repository() {
    for (store, _test) in stores().await {
        let project = project(&store, "PRJ").await.id;
        let (one, two) =
            (repository(&store, project, "one").await.id, repository(&store, project, "two").await.id);
        for id in [one, two] {
            store.followings.follow_source(id, source(URL, None), NOW).await.unwrap();
        }
        let page = store.followings.list_followings(PageRequest { start: 0, limit: 1 }).await.unwrap();
        let (repository, following) = &page.values[0];
        assert_eq!((repository.slug.as_str(), following.repository_id), ("one", one));
        assert_eq!((page.values.len(), page.next_start), (1, Some(1)));
        store.followings.stop_following(one).await.unwrap();
        assert!(matches!(store.followings.stop_following(one).await, Err(StoreError::NotFound { .. })));
        store.repositories.delete_repository(two, Vec::new()).await.unwrap();
        assert!(store.followings.all_followings().await.unwrap().is_empty());
        let nothing = store.followings.follow_source(RepositoryId(9_999), source(URL, None), NOW).await;
        assert!(matches!(nothing, Err(StoreError::NotFound { .. })), "{nothing:?}");
    }
}
