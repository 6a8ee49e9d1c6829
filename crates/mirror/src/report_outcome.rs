//! Tells the upstream how synchronisations went: best effort, in the background, only the latest per repository.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use crate::back_off::BackOff;
use crate::holdings::Holding;
use crate::mirror::Mirror;
use crate::upstream_calls::SyncReport;

/// How many repositories wait to be reported; the oldest report gives way.
const MAX_WAITING: usize = 100_000;

/// How often one report is sent before it is dropped.
const MAX_ATTEMPTS: u32 = 3;

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

    async fn report_outcome(&self, external_id: &str, local_id: i32, report: SyncReport) {
        for attempt in 1..=MAX_ATTEMPTS {
            let Some(secret) = self.bond.secret_in_force() else {
                return;
            };
            match self.client.report(report, local_id, external_id, &secret).await {
                Ok(()) => return,
                Err(error) if error.is_outage() && attempt < MAX_ATTEMPTS => {
                    tokio::time::sleep(RETRY.after(attempt)).await;
                }
                Err(error) => {
                    tracing::warn!(
                        error = error.in_full(),
                        repository.external_id = external_id,
                        "cannot tell the upstream how a synchronisation went"
                    );
                    return;
                }
            }
        }
    }
}
