//! What the mirror store keeps of repositories, on every database.

use super::*;
use crate::error::StoreError;
use crate::ids::{Generation, LocalRepositoryId};
use crate::records::{HeldReason, MirroredStatus, SyncedRepository};

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
        assert_eq!(store.find_repository_by_slug("prj", "site-1").await.unwrap(), None);
        assert_eq!(store.find_repository_by_slug("Prj", "PAGE").await.unwrap(), Some(renamed));
        let orphan = RepositoryMetadata { upstream_server_id: "nobody".into(), ..metadata(&upstream, "1") };
        assert!(matches!(store.upsert_repository(orphan).await, Err(StoreError::NotFound { .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn a_name_used_twice_leads_to_the_first_upstream_and_its_newest_repository() {
    for (store, test) in stores().await {
        let second = upstream(&store, "a-second", NOW + 1).await;
        let first = upstream(&store, "b-first", NOW).await;
        let named = |upstream, external_id| RepositoryMetadata {
            slug: "site".to_owned(),
            ..metadata(upstream, external_id)
        };
        store.upsert_repository(named(&first, "1")).await.unwrap();
        let newest = store.upsert_repository(named(&first, "2")).await.unwrap();
        store.upsert_repository(named(&second, "3")).await.unwrap();
        assert_eq!(store.find_repository_by_slug("PRJ", "site").await.unwrap(), Some(newest));
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
        store.mark_removed(site.local_id, NOW).await.unwrap();
        store.mark_removed(site.local_id, NOW + 50).await.unwrap();
        assert_eq!(store.find_repository_by_slug("PRJ", &site.slug).await.unwrap(), None);
        assert!(store.list_repositories(None, FIRST_PAGE).await.unwrap().values.is_empty());
        assert_eq!(store.repositories_after(None, None, 10).await.unwrap().len(), 1);
        assert!(store.list_removed(NOW - 1, 10).await.unwrap().is_empty());
        let removed = &store.list_removed(NOW, 10).await.unwrap()[0];
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
async fn repositories_are_paged_and_walked_in_order() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        for external_id in ["9", "5", "7"] {
            repository(&store, &upstream, external_id).await;
        }
        let first =
            store.list_repositories(Some(&upstream.id), PageRequest { start: 0, limit: 2 }).await.unwrap();
        let second =
            store.list_repositories(Some(&upstream.id), PageRequest { start: 2, limit: 2 }).await.unwrap();
        let paged: Vec<_> =
            first.values.iter().chain(&second.values).map(|one| one.external_id.as_str()).collect();
        assert_eq!(paged, ["9", "5", "7"]);
        let after = store.repositories_after(None, Some(first.values[1].local_id), 10).await.unwrap();
        assert_eq!(after, second.values);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_walk_by_project_meets_each_mirrored_repository_once() {
    for (store, test) in stores().await {
        let upstream = upstream(&store, "up", NOW).await;
        let other = super::upstream(&store, "other", NOW).await;
        repository(&store, &other, "1").await;
        for (external_id, project) in [("1", "9"), ("2", "10"), ("3", "9"), ("4", "10"), ("5", "9")] {
            let in_project =
                RepositoryMetadata { project_id: project.to_owned(), ..metadata(&upstream, external_id) };
            store.upsert_repository(in_project).await.unwrap();
        }
        let gone = store.find_repository_by_external_id(&upstream.id, "3").await.unwrap().unwrap();
        store.mark_removed(gone.local_id, NOW).await.unwrap();

        let (mut after, mut walked) = (None, Vec::new());
        loop {
            let chunk = store.repositories_by_project_after(&upstream.id, after, 2).await.unwrap();
            let Some(last) = chunk.last() else { break };
            after = Some((last.project_id.clone(), last.local_id));
            walked.extend(chunk.into_iter().map(|found| (found.project_id, found.external_id)));
        }
        let walked: Vec<_> = walked.iter().map(|(project, id)| (project.as_str(), id.as_str())).collect();
        assert_eq!(walked, [("10", "2"), ("10", "4"), ("9", "1"), ("9", "5")]);
        test.remove().await;
    }
}
