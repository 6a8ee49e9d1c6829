//! What the mirror store keeps of synchronisation, on every database.

use super::*;
use crate::ids::{Generation, LocalRepositoryId};
use crate::records::{MirroredStatus, SyncedRepository};

fn synced(repository: &MirroredRepository, generation: i64) -> SyncedRepository {
    SyncedRepository {
        local_id: repository.local_id,
        generation: Generation(generation),
        content_hash: format!("hash {generation}"),
        started_at: NOW + 10,
        finished_at: NOW + 20,
    }
}

async fn know(store: &MirrorStore, repository: &MirroredRepository, generation: i64) -> MirroredRepository {
    let hash = format!("hash {generation}");
    let (upstream, id) = (&repository.upstream_server_id, repository.external_id.as_str());
    let known = store.mark_known(upstream, id, Generation(generation), &hash, NOW + generation).await;
    known.expect("it can be marked").expect("the repository is known")
}

#[tokio::test]
async fn the_greatest_known_generation_stays() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        know(&store, &site, 5).await;
        let late = know(&store, &site, 3).await;
        assert_eq!(late.generation_known, Generation(5));
        assert_eq!(late.upstream_content_hash.as_deref(), Some("hash 5"));
        assert_eq!(late.behind_since, Some(NOW + 5));
        let newer = know(&store, &site, 6).await;
        assert_eq!((newer.generation_known, newer.behind_since), (Generation(6), Some(NOW + 5)));
        let unknown = store.mark_known(&upstream.id, "99", Generation(1), "x", NOW).await.unwrap();
        assert_eq!(unknown, None);
        test.remove().await;
    }
}

#[tokio::test]
async fn concurrent_news_leave_the_newest() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        let marking: Vec<_> = (1..=16)
            .rev()
            .map(|generation| {
                let (store, site) = (store.clone(), site.clone());
                tokio::spawn(async move { know(&store, &site, generation).await })
            })
            .collect();
        for marked in marking {
            marked.await.unwrap();
        }
        let site = store.find_repository(site.local_id).await.unwrap().unwrap();
        assert_eq!(site.generation_known, Generation(16));
        assert_eq!(site.upstream_content_hash.as_deref(), Some("hash 16"));
        test.remove().await;
    }
}

#[tokio::test]
async fn a_synchronisation_makes_available_and_says_what_is_still_missing() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        assert_eq!(know(&store, &site, 2).await.behind_since, Some(NOW + 2));
        let behind = store.record_synced(synced(&site, 1)).await.unwrap();
        assert_eq!((behind.status, behind.generation_synced), (MirroredStatus::Available, Generation(1)));
        assert_eq!((behind.generation_known, behind.behind_since), (Generation(2), Some(NOW + 10)));

        let ahead = store.record_synced(synced(&site, 3)).await.unwrap();
        assert_eq!((ahead.generation_known, ahead.behind_since), (Generation(3), None));
        assert_eq!((ahead.initial_sync_at, ahead.last_sync_at), (Some(NOW + 20), Some(NOW + 20)));
        let known = know(&store, &site, 3).await;
        assert_eq!((known.status, known.behind_since), (MirroredStatus::Available, None));
        assert_eq!(known.content_hash, known.upstream_content_hash);
        test.remove().await;
    }
}

#[tokio::test]
async fn failures_are_counted_and_postponed_and_end_with_a_success() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        let failed = store.record_failed(site.local_id, "no route", NOW + 100).await.unwrap();
        assert_eq!((failed.status, failed.failed_count), (MirroredStatus::ErrorInitializing, 1));
        let failed = store.record_failed(site.local_id, "no route", NOW + 100).await.unwrap();
        assert_eq!((failed.failed_count, failed.last_error.as_deref()), (2, Some("no route")));
        assert_eq!(failed.next_attempt_at, Some(NOW + 100));

        let available = store.record_synced(synced(&site, 1)).await.unwrap();
        assert_eq!(
            (available.failed_count, &available.last_error, available.next_attempt_at),
            (0, &None, None)
        );
        let failed = store.record_failed(site.local_id, "gone", NOW + 200).await.unwrap();
        assert_eq!(failed.status, MirroredStatus::ErrorAvailable);
        assert!(store.record_failed(LocalRepositoryId(99), "x", NOW).await.is_err());
        test.remove().await;
    }
}

#[tokio::test]
async fn what_was_shown_before_is_no_synchronisation() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        store.record_synced(synced(&site, 1)).await.unwrap();
        know(&store, &site, 3).await;
        let failed = store.record_failed(site.local_id, "no route", NOW + 100).await.unwrap();
        let shown = store.record_shown(site.local_id, Generation(2), "hash 2").await.unwrap();
        let expected = MirroredRepository {
            generation_synced: Generation(2),
            content_hash: Some("hash 2".to_owned()),
            ..failed
        };
        assert_eq!(shown, expected);
        store.mark_removed(site.local_id, NOW).await.unwrap();
        let late = store.record_shown(site.local_id, Generation(3), "hash 3").await.unwrap();
        assert_eq!(late.generation_synced, Generation(2));
        test.remove().await;
    }
}

#[tokio::test]
async fn a_removed_repository_stays_removed_when_its_synchronisation_ends() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        store.mark_removed(site.local_id, NOW).await.unwrap();
        let late = store.record_synced(synced(&site, 1)).await.unwrap();
        assert_eq!(late.status, MirroredStatus::NotMirrored);
        let late = store.record_failed(site.local_id, "x", NOW).await.unwrap();
        assert_eq!((late.status, late.failed_count), (MirroredStatus::NotMirrored, 0));
        assert_eq!(late.next_attempt_at, None);
        test.remove().await;
    }
}

#[tokio::test]
async fn an_upstream_restored_from_a_backup_is_followed_again() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let site = repository(&store, &upstream, "1").await;
        know(&store, &site, 8).await;
        store.record_synced(synced(&site, 8)).await.unwrap();
        let stale =
            store.reset_known(site.local_id, Generation(7), Generation(4), "older", NOW).await.unwrap();
        assert!(!stale);
        let reset =
            store.reset_known(site.local_id, Generation(8), Generation(4), "older", NOW).await.unwrap();
        assert!(reset);
        let behind = store.find_repository(site.local_id).await.unwrap().unwrap();
        assert_eq!((behind.generation_known, behind.generation_synced), (Generation(4), Generation(0)));
        assert_eq!(behind.behind_since, Some(NOW));
        let followed = store.record_synced(synced(&site, 4)).await.unwrap();
        assert_eq!((followed.generation_synced, followed.generation_known), (Generation(4), Generation(4)));
        test.remove().await;
    }
}
