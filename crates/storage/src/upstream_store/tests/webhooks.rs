//! What the upstream store keeps of webhooks, what waits for them and their log, on every database.

use serde_json::{Map, Value};

use super::*;
use crate::error::StoreError;
use crate::ids::{Generation, WebhookId};
use crate::records::{
    Audience, DeliveryFate, Exchange, InvocationOutcome, MirrorOutcome, MirrorProgress, RefChangeRecord,
    RepositoryMirrorState, WaitingReceiver, Webhook, WebhookDelivery, WebhookSecrets, WebhookSettings,
};

const LIMIT: u64 = 3;

fn settings(events: &[&str]) -> WebhookSettings {
    WebhookSettings {
        name: "CI".to_owned(),
        url: "https://ci.example/hook".to_owned(),
        events: events.iter().map(|event| (*event).to_owned()).collect(),
        active: true,
        certificate_required: true,
        secrets: WebhookSecrets { secret: Some("very secret".to_owned()), ..Default::default() },
    }
}

fn told(key: &str, repository_id: RepositoryId) -> NewEvent {
    NewEvent { audience: Audience::Webhooks, ..event(key, Some(repository_id)) }
}

async fn site(store: &UpstreamStore) -> Repository {
    let project = project(store, "PRJ").await;
    repository(store, project.id, "site").await
}

async fn webhook(store: &UpstreamStore, id: RepositoryId, events: &[&str]) -> Webhook {
    store.webhooks.create_webhook(id, settings(events), NOW, LIMIT).await.unwrap()
}

async fn next(store: &UpstreamStore, id: WebhookId) -> Option<WebhookDelivery> {
    store.webhooks.next_for_webhook(id).await.unwrap().map(|(_, delivery)| delivery)
}

fn exchange(delivery: &WebhookDelivery, outcome: InvocationOutcome) -> Exchange {
    Exchange {
        event_key: delivery.event_key.clone(),
        request_id: delivery.request_id.clone(),
        attempt: delivery.attempts + 1,
        started_at: NOW,
        finished_at: NOW + 5,
        url: "https://ci.example/hook".to_owned(),
        request_headers: Map::from_iter([("X-Event-Key".to_owned(), Value::from("first"))]),
        request_body: delivery.body.clone(),
        outcome,
        status_code: Some(200),
        description: "200 OK".to_owned(),
        response_headers: None,
        response_body: Some("taken".to_owned()),
    }
}

#[tokio::test]
async fn webhooks_are_kept_with_their_secrets_and_shown_without() {
    for (store, test) in stores().await {
        let site = site(&store).await;
        let created = webhook(&store, site.id, &["first"]).await;
        assert_eq!(store.webhooks.find_webhook(created.id).await.unwrap().as_ref(), Some(&created));
        assert_eq!(created.settings, settings(&["first"]));
        assert!(!format!("{created:?}").contains("very secret"));
        let changed = WebhookSettings { active: false, ..settings(&["second"]) };
        let updated = store.webhooks.update_webhook(created.id, changed.clone(), NOW + 1).await.unwrap();
        assert_eq!((updated.settings, updated.created_at, updated.updated_at), (changed, NOW, NOW + 1));
        for _ in 1..LIMIT {
            webhook(&store, site.id, &["first"]).await;
        }
        let full = store.webhooks.create_webhook(site.id, settings(&[]), NOW, LIMIT).await;
        assert!(matches!(full, Err(StoreError::LimitReached { limit: LIMIT, .. })));
        let nowhere = store.webhooks.create_webhook(RepositoryId(99), settings(&[]), NOW, LIMIT).await;
        assert!(matches!(nowhere, Err(StoreError::NotFound { .. })));
        assert_eq!(store.webhooks.webhooks_of(site.id).await.unwrap().len(), 3);
        store.webhooks.delete_webhook(created.id).await.unwrap();
        assert!(matches!(store.webhooks.delete_webhook(created.id).await, Err(StoreError::NotFound { .. })));
        test.remove().await;
    }
}

#[tokio::test]
async fn events_wait_in_order_only_for_those_who_ask() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let site = site(&store).await;
        let asking = webhook(&store, site.id, &["first", "second"]).await;
        let other = webhook(&store, site.id, &["third"]).await;
        let off = webhook(&store, site.id, &["first"]).await;
        store
            .webhooks
            .update_webhook(off.id, WebhookSettings { active: false, ..settings(&["first"]) }, NOW)
            .await
            .unwrap();
        store.outbox.announce(vec![told("first", site.id), told("second", site.id)]).await.unwrap();
        assert_eq!(pending_keys(&store, &follower.id).await, [""; 0], "mirrors have events of their own");
        assert_eq!(next(&store, other.id).await, None);
        assert_eq!(next(&store, off.id).await, None);
        let waits = |attempts, not_before| WaitingReceiver { receiver: asking.id, attempts, not_before };
        assert_eq!(store.webhooks.webhooks_with_pending().await.unwrap(), [waits(0, NOW)]);

        let first = next(&store, asking.id).await.unwrap();
        let failed = exchange(&first, InvocationOutcome::Failure);
        let later = DeliveryFate::Repeated { not_before: NOW + 100 };
        store.webhooks.record_attempt(&first, failed, later, 10).await.unwrap();
        let waiting = store.webhooks.webhooks_with_pending().await.unwrap();
        assert_eq!(waiting, [waits(1, NOW + 100)], "the second one does not overtake");
        let again = next(&store, asking.id).await.unwrap();
        assert_eq!((again.id, again.attempts, &again.request_id), (first.id, 1, &first.request_id));
        let taken = exchange(&again, InvocationOutcome::Success);
        store.webhooks.record_attempt(&again, taken, DeliveryFate::Settled, 10).await.unwrap();
        let second = next(&store, asking.id).await.unwrap();
        assert_eq!(second.event_key, "second");
        assert_ne!(second.request_id, first.request_id);

        // A webhook that is switched off has nothing to wait for.
        store
            .webhooks
            .update_webhook(asking.id, WebhookSettings { active: false, ..settings(&[]) }, NOW)
            .await
            .unwrap();
        assert_eq!(next(&store, asking.id).await, None);
        let orphan = exchange(&second, InvocationOutcome::Success);
        store.webhooks.delete_webhook(asking.id).await.unwrap();
        store.webhooks.record_attempt(&second, orphan, DeliveryFate::Settled, 10).await.unwrap();
        test.remove().await;
    }
}

#[tokio::test]
async fn the_log_is_bounded_and_counted() {
    for (store, test) in stores().await {
        let site = site(&store).await;
        let asking = webhook(&store, site.id, &["first"]).await;
        store.outbox.announce((0..5).map(|_| told("first", site.id)).collect()).await.unwrap();
        assert_eq!(store.webhooks.trim_webhook_deliveries(asking.id, 9).await.unwrap(), 0);
        assert_eq!(store.webhooks.trim_webhook_deliveries(asking.id, 4).await.unwrap(), 1);
        let outcomes = [
            InvocationOutcome::Error,
            InvocationOutcome::Failure,
            InvocationOutcome::Success,
            InvocationOutcome::Success,
        ];
        for outcome in outcomes {
            let delivery = next(&store, asking.id).await.unwrap();
            let attempt = exchange(&delivery, outcome);
            store.webhooks.record_attempt(&delivery, attempt, DeliveryFate::Settled, 3).await.unwrap();
        }
        let log = store.webhooks.list_invocations(asking.id, None, None, FIRST_PAGE).await.unwrap().values;
        let kept: Vec<_> = log.iter().map(|call| call.exchange.outcome).collect();
        assert_eq!(kept, outcomes.iter().rev().take(3).copied().collect::<Vec<_>>());
        assert_eq!(log[0].exchange.request_headers["X-Event-Key"], "first");
        let counts = store.webhooks.count_invocations(asking.id, Some("first")).await.unwrap();
        assert_eq!((counts.successes, counts.failures, counts.errors), (2, 1, 0));
        assert_eq!(counts.since, Some(NOW));
        assert_eq!(
            store.webhooks.count_invocations(asking.id, Some("second")).await.unwrap(),
            Default::default()
        );
        let failure =
            store.webhooks.latest_invocation(asking.id, None, Some(InvocationOutcome::Failure)).await;
        assert_eq!(failure.unwrap().unwrap().exchange.outcome, InvocationOutcome::Failure);
        store.repositories.delete_repository(site.id, Vec::new()).await.unwrap();
        assert_eq!(store.webhooks.find_webhook(asking.id).await.unwrap(), None);
        assert_eq!(store.webhooks.count_invocations(asking.id, None).await.unwrap(), Default::default());
        test.remove().await;
    }
}

#[tokio::test]
async fn a_report_comes_with_what_was_recorded_since_the_last_one() {
    for (store, test) in stores().await {
        let follower = mirror(&store, "AAAA").await;
        let site = site(&store).await;
        let push = async |expected: i64, changes: Option<Value>| {
            let record = RefChangeRecord {
                repository_id: site.id,
                expected_generation: Generation(expected),
                content_hash: format!("hash {expected}"),
                default_branch: None,
                metadata_hash: None,
                changes,
                changed_at: NOW,
            };
            store.repositories.record_ref_change(record, |_| Vec::new()).await.unwrap();
        };
        let report = async |generation: Option<i64>| {
            let state = RepositoryMirrorState {
                mirror_id: follower.id.clone(),
                repository_id: site.id,
                last_outcome: MirrorOutcome::Synchronized,
                mirror_repository_id: None,
                synced_generation: generation.map(Generation),
                reported_at: NOW,
                purged: 0,
                purged_at: None,
            };
            let mut seen = MirrorProgress::default();
            let look = |progress| {
                seen = progress;
                vec![told("mirror", site.id)]
            };
            store.mirrors.record_mirror_outcome(state, look).await.unwrap();
            seen
        };
        let progress =
            |from: i64, changes: Option<Vec<Value>>| MirrorProgress { from: Some(Generation(from)), changes };
        push(0, Some(json!(["no webhook listens"]))).await;
        assert_eq!(report(Some(1)).await, MirrorProgress::default());
        let asking = webhook(&store, site.id, &["mirror"]).await;
        push(1, Some(json!(["two"]))).await;
        push(2, Some(json!(["three"]))).await;
        assert_eq!(report(Some(3)).await, progress(1, Some(vec![json!(["two"]), json!(["three"])])));
        assert_eq!(report(Some(2)).await, progress(3, None), "late");
        assert_eq!(report(None).await, progress(3, None));
        push(3, None).await;
        assert_eq!(report(Some(4)).await, progress(3, None), "what changed is not known");
        let states = store.mirrors.mirror_states_of(site.id).await.unwrap();
        assert_eq!(states[0].synced_generation, Some(Generation(4)));
        assert_eq!(next(&store, asking.id).await.unwrap().event_key, "mirror");
        for expected in 4..240 {
            push(expected, Some(json!([expected]))).await;
        }
        assert_eq!(report(Some(240)).await, progress(4, None), "too long ago");
        push(240, Some(json!(["last"]))).await;
        assert_eq!(report(Some(241)).await, progress(240, Some(vec![json!(["last"])])));
        test.remove().await;
    }
}
