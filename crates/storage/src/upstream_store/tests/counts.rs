//! What an operator is told in numbers, on every database.

use super::*;
use crate::records::{UpstreamHoldings, WaitingForWebhooks, WebhookSecrets, WebhookSettings};

fn settings() -> WebhookSettings {
    WebhookSettings {
        name: "CI".to_owned(),
        url: "https://ci.example/hook".to_owned(),
        events: vec!["first".to_owned()],
        active: true,
        certificate_required: true,
        secrets: WebhookSecrets::default(),
    }
}

#[tokio::test]
async fn what_is_held_and_what_waits_is_counted() {
    for (store, test) in stores().await {
        assert_eq!(store.holdings().await.unwrap(), UpstreamHoldings::default());
        assert_eq!(store.webhooks.count_waiting().await.unwrap(), WaitingForWebhooks::default());
        user(&store, "ann").await;
        let project = project(&store, "PRJ").await;
        let (site, tool) =
            (repository(&store, project.id, "site").await, repository(&store, project.id, "tool").await);
        let webhook = store.webhooks.create_webhook(site.id, settings(), NOW, 3).await.unwrap();
        let held = UpstreamHoldings { projects: 1, repositories: 2, users: 1, webhooks: 1 };
        assert_eq!(store.holdings().await.unwrap(), held);

        let told = NewEvent { audience: Audience::Webhooks, ..event("first", Some(site.id)) };
        store.outbox.announce(vec![told.clone(), told]).await.unwrap();
        let waiting = store.webhooks.count_waiting().await.unwrap();
        assert_eq!((waiting.events, waiting.failing_webhooks, waiting.oldest_at), (2, 0, Some(NOW)));
        let (_, delivery) = store.webhooks.next_for_webhook(webhook.id).await.unwrap().expect("two wait");
        let fate = crate::records::DeliveryFate::Repeated { not_before: NOW + 100 };
        store.webhooks.record_attempt(&delivery, refused(&delivery), fate, 10).await.unwrap();
        let waiting = store.webhooks.count_waiting().await.unwrap();
        assert_eq!((waiting.events, waiting.failing_webhooks), (2, 1));

        let mut paths =
            store.repositories.repository_paths(&[site.id, tool.id, RepositoryId(99)]).await.unwrap();
        paths.sort();
        let path = |repository: &Repository| (repository.id, "PRJ".to_owned(), repository.slug.clone());
        assert_eq!(paths, [path(&site), path(&tool)]);
        assert_eq!(store.repositories.repository_paths(&[]).await.unwrap(), []);
        test.remove().await;
    }
}

fn refused(delivery: &crate::records::WebhookDelivery) -> crate::records::Exchange {
    crate::records::Exchange {
        event_key: delivery.event_key.clone(),
        request_id: delivery.request_id.clone(),
        attempt: 1,
        started_at: NOW,
        finished_at: NOW + 5,
        url: "https://ci.example/hook".to_owned(),
        request_headers: serde_json::Map::new(),
        request_body: delivery.body.clone(),
        outcome: crate::records::InvocationOutcome::Failure,
        status_code: Some(500),
        description: "500".to_owned(),
        response_headers: None,
        response_body: None,
    }
}
