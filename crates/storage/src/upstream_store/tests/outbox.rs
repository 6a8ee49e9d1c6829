//! What the upstream store keeps of outbox, on every database.

use super::*;
use crate::records::{MirrorUpdate, WaitingReceiver};

#[tokio::test]
async fn each_enabled_mirror_gets_each_event_once_and_in_order() {
    for (store, test) in stores().await {
        let (one, two) = (mirror(&store, "AAAA").await, mirror(&store, "BBBB").await);
        let off = MirrorUpdate { enabled: Some(false), ..Default::default() };
        store.mirrors.update_mirror(&two.id, off).await.unwrap();
        let three = mirror(&store, "CCCC").await;
        store
            .repositories
            .create_project(new_project("PRJ"), |project| {
                vec![event("first", None), event(&format!("second {}", project.key), None)]
            })
            .await
            .unwrap();
        assert_eq!(pending_keys(&store, &one.id).await, ["first", "second PRJ"]);
        assert_eq!(pending_keys(&store, &two.id).await, [""; 0]);
        assert_eq!(pending_keys(&store, &three.id).await, ["first", "second PRJ"]);
        let pending = store.outbox.pending_for(&one.id, None, 1).await.unwrap();
        assert_eq!(pending.len(), 1);
        assert_eq!(pending[0].body, json!({ "eventKey": "first" }));
        test.remove().await;
    }
}

#[tokio::test]
async fn a_change_that_fails_leaves_no_event() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let project = project(&store, "PRJ").await;
        repository(&store, project.id, "site").await;
        let announced = || vec![event("never", None)];
        assert!(store.repositories.create_project(new_project("PRJ"), |_| announced()).await.is_err());
        let twin = new_repository(project.id, "site");
        assert!(store.repositories.create_repository(twin, metadata_hash, |_| announced()).await.is_err());
        assert!(store.repositories.delete_project(project.id, announced()).await.is_err());
        assert!(store.repositories.delete_repository(RepositoryId(99), announced()).await.is_err());
        assert_eq!(store.outbox.count_pending(&follower.id).await.unwrap(), 0);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_change_that_is_given_up_leaves_neither_row_nor_event() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let transaction = store.database.begin_write().await.unwrap();
        super::super::outbox::announce(&transaction, vec![event("never", None)]).await.unwrap();
        drop(transaction);
        assert_eq!(store.outbox.count_pending(&follower.id).await.unwrap(), 0);
        // The next transaction may use the same connection.
        store.outbox.announce(vec![event("later", None)]).await.unwrap();
        assert_eq!(pending_keys(&store, &follower.id).await, ["later"]);
        test.remove().await;
    }
}

#[tokio::test]
async fn a_postponed_event_holds_back_the_younger_ones() {
    for (store, test) in stores().await {
        let (one, two) = (mirror(&store, "AAAA").await, mirror(&store, "BBBB").await);
        let waits = |receiver: &MirrorServerId, attempts: i32, not_before: i64| WaitingReceiver {
            receiver: receiver.clone(),
            attempts,
            not_before,
        };
        assert_eq!(store.outbox.mirrors_with_pending().await.unwrap(), []);
        store.outbox.announce(vec![event("first", None)]).await.unwrap();
        let both_are_new = [waits(&one.id, 0, NOW), waits(&two.id, 0, NOW)];
        assert_eq!(store.outbox.mirrors_with_pending().await.unwrap(), both_are_new);

        let failed = store.outbox.pending_for(&one.id, None, 10).await.unwrap();
        store.outbox.postpone(&[failed[0].id], NOW + 100).await.unwrap();
        store.outbox.announce(vec![event("second", None)]).await.unwrap();
        let one_rests = [waits(&one.id, 1, NOW + 100), waits(&two.id, 0, NOW)];
        assert_eq!(store.outbox.mirrors_with_pending().await.unwrap(), one_rests);
        assert_eq!(store.outbox.pending_for(&one.id, None, 10).await.unwrap()[0].attempts, 1);

        let delivered: Vec<_> =
            store.outbox.pending_for(&two.id, None, 10).await.unwrap().iter().map(|event| event.id).collect();
        store.outbox.delete_events(&delivered).await.unwrap();
        assert_eq!(store.outbox.mirrors_with_pending().await.unwrap(), [waits(&one.id, 1, NOW + 100)]);
        assert_eq!(pending_keys(&store, &one.id).await, ["first", "second"]);
        test.remove().await;
    }
}

#[tokio::test]
async fn the_outbox_of_a_mirror_that_is_away_can_be_trimmed() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let many = (0..1200).map(|number| event(&number.to_string(), None)).collect();
        store.outbox.announce(many).await.unwrap();
        let lasting = ["7", "gone"];
        store.outbox.announce(vec![event("gone", None), event("1200", None)]).await.unwrap();
        assert_eq!(store.outbox.trim_outbox(&follower.id, 2000, &[], 0).await.unwrap(), 0);
        assert_eq!(store.outbox.trim_outbox(&follower.id, 2, &lasting, 1).await.unwrap(), 1198);
        assert_eq!(pending_keys(&store, &follower.id).await, ["7", "1199", "gone", "1200"]);
        assert_eq!(store.outbox.trim_outbox(&follower.id, 2, &lasting, 1).await.unwrap(), 0);
        // Without a bound, those of a mirror that never comes back would become more and more.
        store.outbox.announce(vec![event("gone", None), event("gone", None)]).await.unwrap();
        assert_eq!(store.outbox.trim_outbox(&follower.id, 2, &lasting, 2).await.unwrap(), 1);
        assert_eq!(pending_keys(&store, &follower.id).await, ["7", "1199", "1200", "gone", "gone"]);
        test.remove().await;
    }
}

#[tokio::test]
async fn many_writers_at_once_all_succeed() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let writers: Vec<_> = (0..16)
            .map(|number| {
                let store = store.clone();
                tokio::spawn(async move {
                    let project = project(&store, &format!("P{number}")).await;
                    let site = repository(&store, project.id, "site").await;
                    store
                        .repositories
                        .delete_repository(site.id, vec![event("repo:deleted", Some(site.id))])
                        .await
                })
            })
            .collect();
        for writer in writers {
            writer.await.unwrap().unwrap();
        }
        assert_eq!(store.outbox.count_pending(&follower.id).await.unwrap(), 16);
        test.remove().await;
    }
}
