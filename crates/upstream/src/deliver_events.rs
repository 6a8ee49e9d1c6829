//! Events get from the outbox to the mirrors: at least once, in order per repository, fast when all is well.
//!
//! ```text
//!  push ──▶ outbox row ──▶ wake ──▶ one task per mirror that has something due
//!                                     │  read a batch, group by repository, coalesce
//!                                     ├─ repository 1: POST, POST …   (in order)
//!                                     ├─ repository 2: POST …         (at the same time)
//!                                     ▼
//!                          delivered: row deleted · failed: the mirror's rows wait
//! ```
//!
//! A row is deleted only after the mirror has answered 2xx, so a crash on either side repeats a delivery and
//! never loses one. A mirror that fails is left alone for a growing time, and is tried at once when it calls.
//! The loop itself is in `delivery_loop`.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use futures_util::StreamExt;
use heliostat_peer::BackOff;
use heliostat_storage::{MirrorServer, MirrorServerId, OutboxEvent, OutboxEventId, StoreError};
use reqwest::Method;
use tokio::sync::Notify;

use crate::coalesce::{Delivery, coalesce};
use crate::delivery_loop::Receivers;
use crate::mirror_client::{self, MirrorCall};
use crate::upstream::Upstream;

/// How long a mirror may take to take an event in.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Events that are read, and coalesced, at once.
const BATCH_SIZE: u64 = 500;
/// Repositories of which one mirror is told at the same time.
const PARALLEL_REPOSITORIES: usize = 8;
/// Mirrors that are told at the same time.
const PARALLEL_MIRRORS: usize = 64;
/// Events that wait for a mirror that is away; beyond, the oldest are dropped and its sweep finds the difference.
const MAX_PENDING_EVENTS: u64 = 20_000;
/// How long a mirror that has failed is left alone.
const RETRY: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(30));
/// A mirror in back-off that calls is tried again at most this often.
const RETRY_ON_CALL_MS: i64 = 1_000;

/// What the delivery loop shares with the rest.
#[derive(Default)]
pub(crate) struct Deliveries {
    wake: Notify,
    mirrors: Mutex<HashMap<MirrorServerId, DeliveryRecord>>,
}

/// How delivery to one mirror is going.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeliveryRecord {
    /// Failures since the last success.
    pub failures: u32,
    /// Why the last one failed, while failing.
    pub last_error: Option<String>,
    /// When an event was last taken in, in epoch milliseconds.
    pub delivered_at: Option<i64>,
    /// When delivery last failed, in epoch milliseconds.
    pub failed_at: Option<i64>,
    /// Set when the mirror has called since it failed, so that the back-off is over.
    back: bool,
}

impl Deliveries {
    /// Something was announced.
    pub(crate) fn wake(&self) {
        self.wake.notify_one();
    }

    /// A mirror has called, so it can probably be reached again.
    pub(crate) fn mirror_is_back(&self, id: &MirrorServerId, now: i64) {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(record) = mirrors.get_mut(id) else { return };
        let rested = record.failed_at.is_some_and(|failed_at| now - failed_at >= RETRY_ON_CALL_MS);
        if record.failures > 0 && rested && !record.back {
            record.back = true;
            self.wake.notify_one();
        }
    }

    /// Forgets a mirror that was removed.
    pub(crate) fn forget(&self, id: &MirrorServerId) {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }

    /// How delivery to a mirror is going.
    pub(crate) fn record_of(&self, id: &MirrorServerId) -> DeliveryRecord {
        self.mirrors.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned().unwrap_or_default()
    }

    fn take_those_back(&self) -> Vec<MirrorServerId> {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        let back = mirrors
            .iter_mut()
            .filter_map(|(id, record)| std::mem::take(&mut record.back).then(|| id.clone()));
        back.collect()
    }

    fn delivered(&self, id: &MirrorServerId, now: i64) {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        let record = mirrors.entry(id.clone()).or_default();
        *record = DeliveryRecord { delivered_at: Some(now), ..DeliveryRecord::default() };
    }

    fn failed(&self, id: &MirrorServerId, error: String, now: i64) -> u32 {
        let mut mirrors = self.mirrors.lock().unwrap_or_else(PoisonError::into_inner);
        let record = mirrors.entry(id.clone()).or_default();
        record.failures = record.failures.saturating_add(1);
        record.last_error = Some(error);
        record.failed_at = Some(now);
        record.failures
    }
}

/// The mirrors of an upstream, as the delivery loop sees them.
#[derive(Clone)]
pub(crate) struct Mirrors(pub(crate) Upstream);

impl Receivers for Mirrors {
    type Id = MirrorServerId;

    const NAME: &'static str = "mirrors";
    const AT_ONCE: usize = PARALLEL_MIRRORS;

    fn wake(&self) -> &Notify {
        &self.0.0.deliveries.wake
    }

    fn now_ms(&self) -> i64 {
        self.0.now_ms()
    }

    async fn due(&self) -> Result<Vec<MirrorServerId>, StoreError> {
        let mut due = self.0.store().mirrors_with_pending(self.0.now_ms()).await?;
        for id in self.0.0.deliveries.take_those_back() {
            if !due.contains(&id) {
                due.push(id);
            }
        }
        Ok(due)
    }

    async fn next_at(&self) -> Result<Option<i64>, StoreError> {
        self.0.store().next_delivery_at().await
    }

    async fn deliver_some(&self, id: &MirrorServerId) -> Result<bool, StoreError> {
        deliver_batch(&self.0, id).await
    }
}

/// Returns whether there may be more to deliver now.
async fn deliver_batch(upstream: &Upstream, id: &MirrorServerId) -> Result<bool, StoreError> {
    let store = upstream.store();
    let Some(mirror) = store.find_mirror(id).await?.filter(|mirror| mirror.enabled) else {
        return Ok(false);
    };
    let mut events = store.pending_for(id, BATCH_SIZE).await?;
    if events.len() as u64 == BATCH_SIZE {
        let dropped = store.trim_outbox(id, MAX_PENDING_EVENTS).await?;
        if dropped > 0 {
            tracing::warn!(mirror.id = %id, dropped, "a mirror is too far behind; its sweep has to find the rest");
            events = store.pending_for(id, BATCH_SIZE).await?;
        }
    }
    if events.is_empty() {
        return Ok(false);
    }
    let failed = AtomicBool::new(false);
    let groups = group_by_repository(events);
    let undelivered: Vec<Vec<OutboxEventId>> = futures_util::stream::iter(groups)
        .map(|group| deliver_in_order(upstream, &mirror, group, &failed))
        .buffer_unordered(PARALLEL_REPOSITORIES)
        .collect()
        .await;
    let undelivered = undelivered.concat();
    if undelivered.is_empty() {
        return Ok(true);
    }
    let delay = RETRY.after(upstream.0.deliveries.record_of(id).failures);
    let not_before = upstream.now_ms().saturating_add(i64::try_from(delay.as_millis()).unwrap_or(i64::MAX));
    store.postpone(&undelivered, not_before).await?;
    Ok(false)
}

/// Delivers the events of one repository, and returns those that were not delivered.
async fn deliver_in_order(
    upstream: &Upstream,
    mirror: &MirrorServer,
    events: Vec<OutboxEvent>,
    failed: &AtomicBool,
) -> Vec<OutboxEventId> {
    let mut undelivered = Vec::new();
    for delivery in coalesce(events) {
        // Once one delivery has failed the mirror is left alone, and nothing overtakes.
        let delivered = !failed.load(Ordering::Relaxed) && deliver(upstream, mirror, &delivery).await;
        if !delivered {
            failed.store(true, Ordering::Relaxed);
            undelivered.extend(delivery.settles);
        }
    }
    undelivered
}

async fn deliver(upstream: &Upstream, mirror: &MirrorServer, delivery: &Delivery) -> bool {
    let call = MirrorCall {
        method: Method::POST,
        url: &mirror.events_url,
        event_key: Some(&delivery.event_key),
        body: &delivery.body,
        timeout: DELIVERY_TIMEOUT,
    };
    match mirror_client::send(&upstream.0.mirrors, mirror, call).await {
        Ok(()) => upstream.0.deliveries.delivered(&mirror.id, upstream.now_ms()),
        Err(error) if error.refuses_content() => {
            // The same bytes would be refused for ever, and hold up all that follows. The sweep repairs it.
            tracing::error!(mirror.id = %mirror.id, event = delivery.event_key, error = %error, "a mirror refuses an event");
        }
        Err(error) => {
            let failures = upstream.0.deliveries.failed(&mirror.id, error.to_string(), upstream.now_ms());
            if failures == 1 {
                tracing::warn!(mirror.id = %mirror.id, error = %error, "a mirror does not take events; trying again");
            }
            return false;
        }
    }
    match upstream.store().delete_events(&delivery.settles).await {
        Ok(()) => true,
        Err(error) => {
            tracing::warn!(mirror.id = %mirror.id, error = %error, "cannot forget a delivered event; it will be repeated");
            false
        }
    }
}

/// The events of each repository, and of none, in their order.
fn group_by_repository(events: Vec<OutboxEvent>) -> Vec<Vec<OutboxEvent>> {
    let mut groups: BTreeMap<_, Vec<OutboxEvent>> = BTreeMap::new();
    for event in events {
        groups.entry(event.repository_id).or_default().push(event);
    }
    groups.into_values().collect()
}
