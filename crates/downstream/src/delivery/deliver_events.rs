//! Events get from the outbox to the mirrors: at least once, in order per repository, fast when all is well.
//!
//! ```text
//!  push ──▶ outbox row ──▶ wake ──▶ one task per mirror that has something due
//!                                     │  read, group by repository, coalesce
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
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use heliostat_api::AddonEventKey;
use heliostat_api::callbacks::OnAddonEventCallback;
use heliostat_peer::{BackOff, CallError, PRODUCT_TYPE, PeerClient};
use heliostat_storage::{
    MirrorServer, MirrorServerId, MirrorServerStore, Outbox, OutboxEvent, OutboxEventId, RepositoryId,
    StoreError, UpstreamStore, WaitingReceiver,
};
use parking_lot::Mutex;
use tokio::sync::Notify;

use super::announcer::Announcer;
use super::coalesce::{Coalescing, EventBody, MergedEvent};
use super::delivery_loop::Receivers;
use super::events::{name_no_changes, names_changes};
use crate::calling::tell;

/// How long a mirror may take to take an event in.
const DELIVERY_TIMEOUT: Duration = Duration::from_secs(10);
/// Events that are read at once.
const BATCH_SIZE: u64 = 500;
/// Events are read on until so many deliveries have come of them: what a mirror missed while it was away is told in one
/// event for each repository.
const MAX_MERGED: usize = 4_000;
/// Repositories of which one mirror is told at the same time.
const PARALLEL_REPOSITORIES: usize = 8;
/// Mirrors that are told at the same time.
const PARALLEL_MIRRORS: usize = 64;
/// Events that wait for a mirror that is away; beyond, the oldest are dropped and its sweep finds the difference.
const MAX_PENDING_EVENTS: u64 = 20_000;
/// Those wait longer that no sweep makes up for. Without word of a deletion a mirror takes it for a loss of its upstream, and
/// what it has kept of permissions for an outage is taken back by word alone.
const LASTING_EVENTS: [&str; 2] =
    [AddonEventKey::RepoDeleted.as_str(), AddonEventKey::HeliostatPermissionsChanged.as_str()];
/// So many of each of those: a mirror may never come back.
const MAX_PENDING_LASTING: u64 = 100_000;
/// How long a mirror that has failed is left alone.
const RETRY: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(30));
/// A mirror in back-off that calls is tried again at most this often.
const RETRY_ON_CALL_MS: i64 = 1_000;

/// The delivery of events to mirrors.
pub struct MirrorDelivery {
    mirrors: MirrorServerStore,
    outbox: Outbox,
    client: PeerClient,
    announcer: Arc<Announcer>,
    records: Mutex<HashMap<MirrorServerId, DeliveryRecord>>,
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
    /// How often it was told of something, since the start.
    pub counts: DeliveryCounts,
    /// Set when the mirror has called since it failed, so that the back-off is over.
    back: bool,
}

/// How often a mirror was told of something, by how that ended.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct DeliveryCounts {
    /// It has taken the event in.
    pub delivered: u64,
    /// It has not answered, or not so that it had; the event is sent again.
    pub failed: u64,
    /// It does not take this event, and is not sent it again.
    pub refused: u64,
}

impl MirrorDelivery {
    pub(crate) fn new(store: &UpstreamStore, client: PeerClient, announcer: Arc<Announcer>) -> Self {
        let (mirrors, outbox) = (store.mirrors.clone(), store.outbox.clone());
        Self { mirrors, outbox, client, announcer, records: Mutex::default() }
    }

    /// A mirror has called, so it can probably be reached again.
    pub(crate) fn mirror_is_back(&self, id: &MirrorServerId, now: i64) {
        let mut records = self.records.lock();
        let Some(record) = records.get_mut(id) else { return };
        // A clock that was set back makes a failure look as if it were still to come.
        let has_rested = |failed_at: i64| now < failed_at || now - failed_at >= RETRY_ON_CALL_MS;
        let rested = record.failed_at.is_some_and(has_rested);
        if record.failures > 0 && rested && !record.back {
            record.back = true;
            self.announcer.mirrors_signal().notify_one();
        }
    }

    /// Forgets a mirror that was removed.
    pub(crate) fn forget(&self, id: &MirrorServerId) {
        self.records.lock().remove(id);
    }

    /// How delivery to a mirror is going.
    pub fn record_of(&self, id: &MirrorServerId) -> DeliveryRecord {
        self.records.lock().get(id).cloned().unwrap_or_default()
    }

    fn delivered(&self, id: &MirrorServerId, now: i64) {
        let mut records = self.records.lock();
        let record = records.entry(id.clone()).or_default();
        let counts = DeliveryCounts { delivered: record.counts.delivered + 1, ..record.counts };
        *record = DeliveryRecord { delivered_at: Some(now), counts, ..DeliveryRecord::default() };
    }

    fn failed(&self, id: &MirrorServerId, error: String, now: i64) -> u32 {
        let mut records = self.records.lock();
        let record = records.entry(id.clone()).or_default();
        record.failures = record.failures.saturating_add(1);
        record.counts.failed += 1;
        record.last_error = Some(error);
        record.failed_at = Some(now);
        record.failures
    }

    fn refused(&self, id: &MirrorServerId) {
        self.records.lock().entry(id.clone()).or_default().counts.refused += 1;
    }

    /// Returns whether there may be more to deliver now.
    async fn deliver_batch(&self, id: &MirrorServerId) -> Result<bool, StoreError> {
        let Some(mirror) = self.mirrors.find_mirror(id).await?.filter(|mirror| mirror.enabled) else {
            return Ok(false);
        };
        let groups = self.read_pending(id).await?;
        if groups.is_empty() {
            return Ok(false);
        }
        let failed = AtomicBool::new(false);
        let undelivered: Vec<Vec<OutboxEventId>> = futures_util::stream::iter(groups)
            .map(|group| self.deliver_in_order(&mirror, group, &failed))
            .buffer_unordered(PARALLEL_REPOSITORIES)
            .collect()
            .await;
        let mut undelivered = undelivered.concat();
        if undelivered.is_empty() {
            return Ok(true);
        }
        // The oldest hold back the others.
        undelivered.sort_unstable();
        undelivered.truncate(BATCH_SIZE as usize);
        let delay = RETRY.after(self.record_of(id).failures);
        let delay_ms = i64::try_from(delay.as_millis()).unwrap_or(i64::MAX);
        self.outbox.postpone(&undelivered, self.announcer.now_ms().saturating_add(delay_ms)).await?;
        Ok(false)
    }

    /// What is to be delivered: the events of each repository, and of none, in their order. A mirror that has failed is tried
    /// with one delivery before all that waits for it is read.
    async fn read_pending(&self, id: &MirrorServerId) -> Result<Vec<Vec<MergedEvent>>, StoreError> {
        let mut groups: BTreeMap<Option<RepositoryId>, Coalescing> = BTreeMap::new();
        let mut last = None;
        loop {
            let mut events = self.outbox.pending_for(id, last, BATCH_SIZE).await?;
            let is_full = events.len() as u64 == BATCH_SIZE;
            if is_full && last.is_none() {
                let dropped = self
                    .outbox
                    .trim_outbox(id, MAX_PENDING_EVENTS, &LASTING_EVENTS, MAX_PENDING_LASTING)
                    .await?;
                if dropped > 0 {
                    self.announcer.leases().has_missed(id);
                    tracing::warn!(mirror.id = %id, dropped, "a mirror is too far behind; its sweep has to find the rest");
                    events = self.outbox.pending_for(id, None, BATCH_SIZE).await?;
                }
            }
            if self.record_of(id).failures > 0 {
                return Ok(oldest_delivery(events));
            }
            last = events.last().map(|event| event.id);
            for event in events {
                groups.entry(event.repository_id).or_default().push(event);
            }
            if !is_full || groups.values().map(Coalescing::len).sum::<usize>() >= MAX_MERGED {
                return Ok(groups.into_values().map(Coalescing::finish).collect());
            }
        }
    }

    /// Delivers the events of one repository, and returns those that were not delivered.
    async fn deliver_in_order(
        &self,
        mirror: &MirrorServer,
        events: Vec<MergedEvent>,
        failed: &AtomicBool,
    ) -> Vec<OutboxEventId> {
        let mut undelivered = Vec::new();
        for event in events {
            let settles = event.settles.clone();
            // Once one delivery has failed the mirror is left alone, and nothing overtakes.
            let delivered = !failed.load(Ordering::Relaxed) && self.deliver(mirror, event).await;
            if !delivered {
                failed.store(true, Ordering::Relaxed);
                undelivered.extend(settles);
            }
        }
        undelivered
    }

    async fn post(&self, mirror: &MirrorServer, event: &MergedEvent) -> Result<(), CallError> {
        // One of this make is told which process sends.
        let instance = is_of_this_make(mirror).then(|| self.announcer.instance().to_owned());
        let callback = OnAddonEventCallback { instance, x_event_key: Some(event.event_key.clone()) };
        tell(&self.client, mirror, &mirror.events_url, &callback, &event.body, DELIVERY_TIMEOUT).await
    }

    async fn deliver(&self, mirror: &MirrorServer, mut event: MergedEvent) -> bool {
        if let EventBody::RefsChanged(changed) = &mut event.body
            && is_of_this_make(mirror)
        {
            self.announcer.pushed_packs().put_into(event.repository_id, changed);
        }
        let mut sent = self.post(mirror, &event).await;
        if let Err(error) = &sent
            && error.refuses_content()
            && let EventBody::RefsChanged(changed) = &mut event.body
            && names_changes(changed)
        {
            // It may have narrower limits than this server. It follows as well when it compares all references.
            tracing::warn!(mirror.id = %mirror.id, error = %error, "a mirror refuses an event; sending it without its changes");
            name_no_changes(changed);
            sent = self.post(mirror, &event).await;
        }
        match sent {
            Ok(()) => {
                self.delivered(&mirror.id, self.announcer.now_ms());
                if let Some((repository, generation)) = event.leads_to() {
                    self.announcer.leases().was_told(&mirror.id, repository, generation);
                }
            }
            Err(error) if error.refuses_content() => {
                // It would be refused for ever, and hold up all that follows. The sweep repairs it.
                self.refused(&mirror.id);
                self.announcer.leases().has_missed(&mirror.id);
                tracing::error!(mirror.id = %mirror.id, event = event.event_key, error = %error, "a mirror refuses an event");
            }
            Err(error) => {
                let failures = self.failed(&mirror.id, error.to_string(), self.announcer.now_ms());
                if failures == 1 {
                    tracing::warn!(mirror.id = %mirror.id, error = %error, "a mirror does not take events; trying again");
                }
                return false;
            }
        }
        match self.outbox.delete_events(&event.settles).await {
            Ok(()) => true,
            Err(error) => {
                tracing::warn!(mirror.id = %mirror.id, error = %error, "cannot forget a delivered event; it will be repeated");
                false
            }
        }
    }
}

impl Receivers for Arc<MirrorDelivery> {
    type Id = MirrorServerId;

    const NAME: &'static str = "mirrors";
    const AT_ONCE: usize = PARALLEL_MIRRORS;

    fn wake(&self) -> &Notify {
        self.announcer.mirrors_signal()
    }

    fn now_ms(&self) -> i64 {
        self.announcer.now_ms()
    }

    async fn waiting(&self) -> Result<Vec<WaitingReceiver<MirrorServerId>>, StoreError> {
        self.outbox.mirrors_with_pending().await
    }

    /// What another process has left behind says nothing about how often this one has found the mirror away.
    fn longest_rest(&self, waiting: &WaitingReceiver<MirrorServerId>) -> Duration {
        RETRY.longest_after(self.record_of(&waiting.receiver).failures)
    }

    fn take_those_back(&self) -> Vec<MirrorServerId> {
        let mut records = self.records.lock();
        let back = records
            .iter_mut()
            .filter_map(|(id, record)| std::mem::take(&mut record.back).then(|| id.clone()));
        back.collect()
    }

    async fn deliver_some(&self, id: &MirrorServerId) -> Result<bool, StoreError> {
        self.deliver_batch(id).await
    }
}

/// The first delivery, which settles the oldest of these events.
fn oldest_delivery(events: Vec<OutboxEvent>) -> Vec<Vec<MergedEvent>> {
    let Some(repository) = events.first().map(|event| event.repository_id) else { return Vec::new() };
    let mut coalescing = Coalescing::default();
    events
        .into_iter()
        .filter(|event| event.repository_id == repository)
        .for_each(|event| coalescing.push(event));
    coalescing.finish().into_iter().take(1).map(|event| vec![event]).collect()
}

/// Whether the mirror is a Heliostat.
pub(super) fn is_of_this_make(mirror: &MirrorServer) -> bool {
    mirror.product_type.as_deref() == Some(PRODUCT_TYPE)
}
