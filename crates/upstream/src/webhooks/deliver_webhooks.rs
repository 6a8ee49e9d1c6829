//! Events get to webhooks: at least once, in order per webhook, a bounded number of times.
//!
//! An event is stored in the transaction of the change that it tells of. Each attempt is written into the log of
//! the webhook in one transaction with what becomes of the event, so that a crash repeats an attempt and never
//! loses one; the receiver knows a repetition by its `X-Request-Id`. While an event waits to be sent again, later
//! ones wait behind it. The loop itself is the one that mirrors have.

use std::sync::Arc;
use std::time::Duration;

use heliostat_downstream::Receivers;
use heliostat_peer::BackOff;
use heliostat_storage::{DeliveryFate, Exchange, InvocationOutcome, StoreError, WaitingReceiver, WebhookId};
use tokio::sync::Notify;

use super::registered::{MAX_LOGGED_INVOCATIONS, Webhooks};
use super::webhook_client::{Message, is_final};

/// How often an event is sent before it is given up; with the pauses between, that takes about half an hour.
const MAX_ATTEMPTS: i32 = 12;
/// How long a webhook that has failed is left alone.
const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(600));
/// Webhooks that are called at the same time.
const PARALLEL_WEBHOOKS: usize = 32;
/// Events that wait for one webhook; beyond, the oldest are dropped.
const MAX_PENDING_EVENTS: u64 = 1_000;

/// The webhooks as the delivery loop sees them.
#[derive(Clone)]
pub(crate) struct WebhookDelivery(pub(crate) Arc<Webhooks>);

impl Receivers for WebhookDelivery {
    type Id = WebhookId;

    const NAME: &'static str = "webhooks";
    const AT_ONCE: usize = PARALLEL_WEBHOOKS;

    fn wake(&self) -> &Notify {
        self.0.announcer.webhooks_signal()
    }

    fn now_ms(&self) -> i64 {
        self.0.announcer.now_ms()
    }

    async fn waiting(&self) -> Result<Vec<WaitingReceiver<WebhookId>>, StoreError> {
        self.0.store.webhooks_with_pending().await
    }

    fn longest_rest(&self, waiting: &WaitingReceiver<WebhookId>) -> Duration {
        RETRY.longest_after(u32::try_from(waiting.attempts).unwrap_or(1))
    }

    async fn deliver_some(&self, id: &WebhookId) -> Result<bool, StoreError> {
        let store = &self.0.store;
        let dropped = store.trim_webhook_deliveries(*id, MAX_PENDING_EVENTS).await?;
        if dropped > 0 {
            self.0.deliveries.count_dropped(dropped);
            tracing::warn!(
                webhook.id = id.0,
                dropped,
                "too many events wait for a webhook; the oldest are dropped"
            );
        }
        let Some((webhook, delivery)) = store.next_for_webhook(*id).await? else {
            return Ok(false);
        };
        let exchange = self
            .0
            .client
            .post(Message {
                settings: &webhook.settings,
                event_key: &delivery.event_key,
                request_id: &delivery.request_id,
                attempt: delivery.attempts + 1,
                body: &delivery.body,
            })
            .await;
        let fate = fate_after(&exchange, self.0.announcer.now_ms());
        match fate {
            DeliveryFate::Repeated { .. } => self.0.deliveries.count_repeated(),
            DeliveryFate::Settled if exchange.outcome == InvocationOutcome::Success => {
                self.0.deliveries.count_delivered();
            }
            DeliveryFate::Settled => self.0.deliveries.count_given_up(),
        }
        log_first_and_last(*id, &exchange, fate);
        store.record_attempt(&delivery, exchange, fate, MAX_LOGGED_INVOCATIONS).await?;
        Ok(fate == DeliveryFate::Settled)
    }
}

fn fate_after(exchange: &Exchange, now_ms: i64) -> DeliveryFate {
    let settled = exchange.outcome == InvocationOutcome::Success
        || exchange.attempt >= MAX_ATTEMPTS
        || is_final(exchange);
    if settled {
        return DeliveryFate::Settled;
    }
    let delay = RETRY.after(u32::try_from(exchange.attempt).unwrap_or(1));
    let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
    DeliveryFate::Repeated { not_before: now_ms.saturating_add(delay_ms) }
}

fn log_first_and_last(id: WebhookId, exchange: &Exchange, fate: DeliveryFate) {
    let event = exchange.event_key.as_str();
    // Many addresses of webhooks carry a token.
    let reason = exchange.description.replace(&exchange.url, "the receiver");
    match fate {
        _ if exchange.outcome == InvocationOutcome::Success => {}
        DeliveryFate::Settled => {
            tracing::warn!(
                webhook.id = id.0,
                event,
                attempts = exchange.attempt,
                reason,
                "a webhook did not take an event; it is given up"
            );
        }
        DeliveryFate::Repeated { .. } if exchange.attempt == 1 => {
            tracing::warn!(
                webhook.id = id.0,
                event,
                reason,
                "a webhook does not take an event; trying again"
            );
        }
        DeliveryFate::Repeated { .. } => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::Map;

    use super::*;

    fn fate(outcome: InvocationOutcome, status_code: Option<i32>, attempt: i32) -> DeliveryFate {
        let exchange = Exchange {
            event_key: "repo:refs_changed".into(),
            request_id: "1".into(),
            attempt,
            started_at: 0,
            finished_at: 0,
            url: "http://ci.example.com".into(),
            request_headers: Map::new(),
            request_body: String::new(),
            outcome,
            status_code,
            description: String::new(),
            response_headers: None,
            response_body: None,
        };
        fate_after(&exchange, 1_000)
    }

    #[test]
    fn what_may_succeed_later_is_sent_again_and_not_for_ever() {
        use InvocationOutcome::{Error, Failure, Success};
        assert_eq!(fate(Success, Some(204), 1), DeliveryFate::Settled);
        assert_eq!(fate(Failure, Some(400), 1), DeliveryFate::Settled);
        assert_eq!(fate(Failure, Some(500), MAX_ATTEMPTS), DeliveryFate::Settled);
        for (outcome, status) in
            [(Failure, Some(500)), (Failure, Some(302)), (Failure, Some(404)), (Error, None)]
        {
            let DeliveryFate::Repeated { not_before } = fate(outcome, status, 1) else {
                panic!("{outcome} {status:?} is given up at once");
            };
            assert!((1_500..=2_000).contains(&not_before), "{not_before}");
        }
    }
}
