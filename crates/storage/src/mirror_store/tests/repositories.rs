//! What the mirror store keeps of repositories, on every database.

use super::*;
use crate::error::StoreError;
use crate::ids::{Generation, LocalRepositoryId};
use crate::records::{HeldReason, MirroredStatus, NewMirroredRepository, SyncedRepository};

#[tokio::test]
async fn metadata_is_updated_and_keeps_what_was_synchronised() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let added = repository(&store, &upstream, "1").await;
        assert_eq!((added.project_key.as_str(), added.slug.as_str()), ("PRJ", "site-1"));
        assert_eq!(added.status, MirroredStatus::Initializing);
        let synced = SyncedRepository {
            local_id: added.local_id,
            generation: Generation(4),
            content_hash: "content".to_owned(),
            started_at: NOW,
            finished_at: NOW,
        };
        let available = store.record_synced(synced).await.unwrap();
        let renamed = RepositoryMetadata { slug: "page".to_owned(), ..metadata(&upstream, "1") };
        let renamed = store.upsert_repository(renamed).await.unwrap();
        assert_eq!(renamed, MirroredRepository { slug: "page".to_owned(), ..available });
        assert_eq!(store.find_repository(renamed.local_id).await.unwrap(), Some(renamed));
        let orphan = RepositoryMetadata { upstream_server_id: "unknown".into(), ..metadata(&upstream, "1") };
        assert!(matches!(store.upsert_repository(orphan).await, Err(StoreError::NotFound { .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn what_is_held_stays_so_until_it_is_released_or_begins_anew() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        let held = store.hold(site.local_id, HeldReason::Missing, NOW).await.unwrap();
        assert_eq!((held.held, held.held_at), (Some(HeldReason::Missing), Some(NOW)));
        let held = store.hold(site.local_id, HeldReason::Replaced, NOW + 9).await.unwrap();
        assert_eq!((held.held, held.held_at), (Some(HeldReason::Replaced), Some(NOW)));
        let silent = RepositoryMetadata { identity: None, ..metadata(&upstream, "1") };
        let described = store.upsert_repository(silent).await.unwrap();
        assert_eq!((&described.identity, described.held), (&site.identity, held.held));
        assert_eq!(store.release(site.local_id).await.unwrap(), site);
        store.hold(site.local_id, HeldReason::FellBack, NOW).await.unwrap();
        store.mark_removed(site.local_id, NOW).await.unwrap();
        assert_eq!(repository(&store, &upstream, "1").await, site, "it is wanted again");
        test.remove().await;
    }
}

#[tokio::test]
async fn a_removed_repository_is_not_served_and_can_come_back() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        let early = store.delete_repository(site.local_id).await;
        assert!(matches!(early, Err(StoreError::InUse { what: "repository", .. })), "{early:?}");
        assert!(store.list_removed(10).await.unwrap().is_empty());
        store.mark_removed(site.local_id, NOW).await.unwrap();
        store.mark_removed(site.local_id, NOW + 50).await.unwrap();
        assert_eq!(store.repositories_after(None, None, 10).await.unwrap().len(), 1);
        let removed = &store.list_removed(10).await.unwrap()[0];
        assert_eq!((removed.status, removed.removed_at), (MirroredStatus::NotMirrored, Some(NOW)));

        let back = repository(&store, &upstream, "1").await;
        assert_eq!((back.local_id, back.status), (site.local_id, MirroredStatus::Initializing));
        assert_eq!(back.removed_at, None);

        store.mark_removed(site.local_id, NOW).await.unwrap();
        store.delete_repository(site.local_id).await.unwrap();
        assert!(repository(&store, &upstream, "1").await.local_id > site.local_id);
        let unknown = store.mark_removed(LocalRepositoryId(99), NOW).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "repository", .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn repositories_are_walked_in_order() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        for external_id in ["9", "5", "7"] {
            repository(&store, &upstream, external_id).await;
        }
        let first = store.repositories_after(Some(&upstream.id), None, 2).await.unwrap();
        let second = store.repositories_after(None, Some(first[1].local_id), 10).await.unwrap();
        let walked: Vec<_> = first.iter().chain(&second).map(|one| one.external_id.as_str()).collect();
        assert_eq!(walked, ["9", "5", "7"]);
        test.remove().await;
    }
}

#[tokio::test]
async fn every_local_id_is_told_once_whatever_became_of_the_repository() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let other = super::upstream(&store, "other", NOW).await;
        let mut expected = vec![repository(&store, &other, "1").await.local_id];
        for external_id in ["1", "2", "3"] {
            expected.push(repository(&store, &upstream, external_id).await.local_id);
        }
        store.mark_removed(expected[2], NOW).await.unwrap();
        let mut told = store.local_ids().await.unwrap();
        told.sort_unstable();
        assert_eq!(told, expected);
        test.remove().await;
    }
}

#[tokio::test]
async fn many_new_repositories_are_recorded_at_once_and_those_that_are_known_stay_as_they_are() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let known = repository(&store, &upstream, "2").await;
        let new = |external_id: &str, generation| NewMirroredRepository {
            metadata: metadata(&upstream, external_id),
            generation: Generation(generation),
            upstream_content_hash: "there".to_owned(),
        };
        let all = vec![new("1", 4), new("2", 4), new("3", 0), new("1", 9)];
        let inserted = store.insert_repositories(&upstream.id, all, NOW).await.unwrap();
        let seen: Vec<_> = inserted.iter().map(|one| (one.external_id.as_str(), one.behind_since)).collect();
        assert_eq!(seen, [("1", Some(NOW)), ("3", None)]);
        // As if they had come one by one.
        repository(&store, &upstream, "4").await;
        let alone = store.mark_known(&upstream.id, "4", Generation(4), "there", NOW).await.unwrap().unwrap();
        let expected = MirroredRepository {
            local_id: inserted[0].local_id,
            external_id: "1".to_owned(),
            slug: "site-1".to_owned(),
            identity: Some("identity of 1".to_owned()),
            ..alone
        };
        assert_eq!(inserted[0], expected);
        assert_eq!(store.find_repository(inserted[0].local_id).await.unwrap(), Some(expected));
        assert_eq!(store.find_repository(known.local_id).await.unwrap(), Some(known));
        let unknown = store.insert_repositories(&"unknown".into(), vec![new("5", 1)], NOW).await;
        assert!(matches!(unknown, Err(StoreError::NotFound { what: "upstream", .. })));
        test.remove().await;
    }
}
