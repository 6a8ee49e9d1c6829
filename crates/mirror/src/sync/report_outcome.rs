//! Tells the upstream how synchronisations went: in the background, only the latest per repository.
//!
//! The upstream tells webhooks what this mirror has gained since its last report, so a report that an outage holds
//! up is sent when the outage is over, and one that is replaced by a later one loses nothing. So do those wait that the
//! upstream does not take because it doubts the signature. A process that dies before it has reported says at its next start
//! what it serves.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use heliostat_auth::Secret;
use heliostat_peer::{BackOff, Clock};
use heliostat_storage::UpstreamState;
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::inventory::{Entry as InventoryEntry, Inventory, is_available};
use crate::upstream_link::{
    RepositoryReport, SyncReport, UpstreamClient, UpstreamLink, is_about_the_clock, refuses_our_secret,
};

/// How many repositories wait to be reported; the oldest report gives way.
const MAX_WAITING: usize = 100_000;

/// How many reports are sent in one call.
const MAX_TOGETHER: usize = 100;

/// How often one report is sent before the others.
const MAX_ATTEMPTS: u32 = 3;

/// At the start, the repositories that were synchronised within this time are reported again, in milliseconds.
const REPORTED_AGAIN_MS: i64 = 24 * 60 * 60 * 1_000;

const RETRY: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(5));

/// The reports that wait to be sent, and what it takes to send them.
pub(crate) struct OutcomeReports {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    clock: Clock,
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<String>,
    latest: BTreeMap<String, RepositoryReport>,
}

impl OutcomeReports {
    pub(crate) fn new(link: Arc<UpstreamLink>, client: UpstreamClient, clock: Clock) -> Self {
        Self { link, client, clock, waiting: Mutex::default(), arrived: Notify::new() }
    }

    /// Sends the report soon; it replaces an earlier one that was not sent yet.
    pub(crate) fn put(&self, entry: &InventoryEntry, report: SyncReport) {
        let mut waiting = self.waiting.lock();
        let id = entry.external_id.clone();
        let purge = Some(entry.purged()).filter(|number| *number > 0);
        let (external_id, local_id) = (id.clone(), entry.local_id.0);
        let report = RepositoryReport { external_id, local_id, outcome: report, purge };
        if waiting.latest.insert(id.clone(), report).is_none() {
            waiting.order.push_back(id);
            if waiting.order.len() > MAX_WAITING
                && let Some(oldest) = waiting.order.pop_front()
            {
                waiting.latest.remove(&oldest);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
        self.link.contact().has_news();
    }

    /// Sends the report once more after the others, unless there is a later one by then.
    fn put_back(&self, report: RepositoryReport) {
        let mut waiting = self.waiting.lock();
        let id = report.external_id.clone();
        if let Entry::Vacant(place) = waiting.latest.entry(id.clone()) {
            place.insert(report);
            waiting.order.push_back(id);
        }
    }

    /// The oldest ones, as many as may be sent together; `None` when there are none.
    fn take(&self) -> Option<Vec<RepositoryReport>> {
        let mut waiting = self.waiting.lock();
        let Waiting { order, latest } = &mut *waiting;
        let number = order.len().min(MAX_TOGETHER);
        let taken: Vec<_> = order.drain(..number).filter_map(|id| latest.remove(&id)).collect();
        (!taken.is_empty()).then_some(taken)
    }

    /// Sends reports as they come, while the link holds; ends with the token.
    pub(crate) async fn run(self: Arc<Self>, inventory: Arc<Inventory>, stop: CancellationToken) {
        self.report_again(&inventory);
        let mut link = self.link.subscribe();
        loop {
            link.mark_unchanged();
            if self.link.state() == UpstreamState::Removed {
                *self.waiting.lock() = Waiting::default();
            }
            while let Some(secret) = self.link.secret_in_force()
                && let Some(reports) = self.take()
            {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.report_outcomes(reports, &secret) => {}
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.arrived.notified() => {}
                Ok(()) = link.changed() => {}
            }
        }
    }

    /// Reports what an earlier process may have had no time to report. What the upstream knows already changes
    /// nothing there.
    fn report_again(&self, inventory: &Inventory) {
        let since = self.clock.now_ms() - REPORTED_AGAIN_MS;
        for entry in inventory.all() {
            let record = entry.record();
            let is_recent = record.last_sync_at.is_some_and(|synced_at| synced_at >= since);
            if is_recent && is_available(&record) && record.failed_count == 0 {
                let generation = record.generation_synced;
                self.put(&entry, SyncReport::Synchronized { generation, sync_type: None });
            }
        }
    }

    /// Sends these in one call, and one by one what does not go that way.
    async fn report_outcomes(&self, reports: Vec<RepositoryReport>, secret: &Secret) {
        if reports.len() > 1 {
            match self.client.report_all(reports.clone(), secret).await {
                Ok(true) => return,
                Ok(false) => {}
                Err(error) => {
                    tracing::debug!(%error, "cannot tell the upstream of several synchronisations at once");
                }
            }
        }
        for report in reports {
            if self.link.secret_in_force().is_some() {
                self.report_outcome(report, secret).await;
            } else {
                self.put_back(report);
            }
        }
    }

    async fn report_outcome(&self, report: RepositoryReport, secret: &Secret) {
        for attempt in 1..=MAX_ATTEMPTS {
            match self.client.report(report.clone(), secret).await {
                Ok(()) => return,
                Err(error) if refuses_our_secret(&error) => break,
                Err(error) if error.is_outage() || is_about_the_clock(&error) => {
                    tokio::time::sleep(RETRY.after(attempt)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        error = %error,
                        repository.external_id = report.external_id,
                        "cannot tell the upstream how a synchronisation went"
                    );
                    return;
                }
            }
        }
        self.put_back(report);
    }
}
