//! Tells the upstream how synchronisations went: in the background, only the latest per repository.
//!
//! The upstream tells webhooks what this mirror has gained since its last report, so a report that an outage holds
//! up is sent when the outage is over, and one that is replaced by a later one loses nothing. A process that dies
//! before it has reported says at its next start what it serves.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use heliostat_peer::BackOff;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::holdings::{Holding, is_available};
use crate::mirror::Mirror;
use crate::upstream_calls::SyncReport;

/// How many repositories wait to be reported; the oldest report gives way.
const MAX_WAITING: usize = 100_000;

/// How often one report is sent before it is the turn of the others.
const MAX_ATTEMPTS: u32 = 3;

/// At the start, the repositories that were synchronised within this time are reported again, in milliseconds.
const REPORTED_AGAIN_MS: i64 = 24 * 60 * 60 * 1_000;

const RETRY: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(5));

/// The reports that wait to be sent.
#[derive(Default)]
pub(crate) struct Reports {
    waiting: Mutex<Waiting>,
    arrived: Notify,
}

#[derive(Default)]
struct Waiting {
    order: VecDeque<String>,
    latest: BTreeMap<String, (i32, SyncReport)>,
}

impl Reports {
    /// Sends the report soon; it replaces an earlier one that was not sent yet.
    pub(crate) fn put(&self, holding: &Holding, report: SyncReport) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let id = holding.external_id.clone();
        if waiting.latest.insert(id.clone(), (holding.local_id.0, report)).is_none() {
            waiting.order.push_back(id);
            if waiting.order.len() > MAX_WAITING
                && let Some(oldest) = waiting.order.pop_front()
            {
                waiting.latest.remove(&oldest);
            }
        }
        drop(waiting);
        self.arrived.notify_one();
    }

    /// Sends the report once more when the others had their turn, unless there is a later one by then.
    fn put_back(&self, external_id: &str, local_id: i32, report: SyncReport) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Entry::Vacant(place) = waiting.latest.entry(external_id.to_owned()) {
            place.insert((local_id, report));
            waiting.order.push_back(external_id.to_owned());
        }
    }

    fn take(&self) -> Option<(String, i32, SyncReport)> {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let id = waiting.order.pop_front()?;
        let (local_id, report) = waiting.latest.remove(&id)?;
        Some((id, local_id, report))
    }
}

impl Mirror {
    /// Sends reports as they come; ends with the token.
    pub(crate) async fn report_outcomes(self: Arc<Self>, stop: CancellationToken) {
        self.report_again();
        loop {
            while let Some((external_id, local_id, report)) = self.reports.take() {
                tokio::select! {
                    () = stop.cancelled() => return,
                    () = self.report_outcome(&external_id, local_id, report) => {}
                }
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.reports.arrived.notified() => {}
            }
        }
    }

    /// Reports what an earlier process may have had no time to report. What the upstream knows already changes
    /// nothing there.
    fn report_again(&self) {
        let since = self.options.clock.now_ms() - REPORTED_AGAIN_MS;
        for holding in self.holdings.all() {
            let record = holding.record();
            let is_recent = record.last_sync_at.is_some_and(|synced_at| synced_at >= since);
            if is_recent && is_available(&record) && record.failed_count == 0 {
                let generation = record.generation_synced;
                self.reports.put(&holding, SyncReport::Synchronized { generation, sync_type: None });
            }
        }
    }

    async fn report_outcome(&self, external_id: &str, local_id: i32, report: SyncReport) {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(secret) = self.bond.secret_in_force() else {
                return;
            };
            match self.client.report(report, local_id, external_id, &secret).await {
                Ok(()) => return,
                Err(error) if error.is_outage() => {
                    tokio::time::sleep(RETRY.after(attempt)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        error = %error,
                        repository.external_id = external_id,
                        "cannot tell the upstream how a synchronisation went"
                    );
                    return;
                }
            }
        }
        self.reports.put_back(external_id, local_id, report);
    }
}
