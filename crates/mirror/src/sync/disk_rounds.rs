//! Looks at every repository on disk in turn, so that what is wrong is found before anyone asks for it.
//!
//! Two rounds go on beside each other. The look is cheap, and compares the references on disk with those that were
//! synchronised last; it begins at once after a start. The full check reads every object. Each has a share of one core
//! that it does not exceed, by resting after each repository in proportion to what it took.
//!
//! Where nothing is synced, a power failure takes what was written within the last half minute or so, also from the
//! middle of files. So those repositories are checked first that were written to shortly before the server was started.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, SystemTime};

use heliostat_git::{Durability, RepositoryStore};
use heliostat_storage::LocalRepositoryId;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::queue::SyncQueue;
use super::repairs::Repairs;
use crate::inventory::{Entry, Inventory, is_as_synchronised, is_available};

/// How long the first round rests after each look, as a multiple of what the look took: half of one core.
const REST_AT_START: u32 = 1;

/// The same for later rounds: a twentieth of one core.
const REST: u32 = 19;

/// The same for full checks: a twentieth of one core.
const REST_AFTER_CHECK: u32 = 19;

/// How long after a start the first repository is checked in full.
const FIRST_CHECK_AFTER: Duration = Duration::from_mins(10);

/// How long a repository that was checked in full is not checked again.
const CHECK_INTERVAL: Duration = Duration::from_hours(7 * 24);

/// How soon is looked for the next repository to check when none is due.
const NOTHING_TO_CHECK: Duration = Duration::from_mins(10);

/// What was written so long before the last of all writes is on the disk, whatever happened after that.
const WRITTEN_BACK_AFTER: Duration = Duration::from_mins(1);

/// How many repositories were looked at and checked since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DiskCounters {
    /// Cheap looks.
    pub looks: u64,
    /// Checks of every object.
    pub checks: u64,
}

/// What the rounds have done so far.
#[derive(Debug, Default)]
pub(crate) struct DiskProgress {
    looks: AtomicU64,
    checks: AtomicU64,
}

impl DiskProgress {
    pub(crate) fn counters(&self) -> DiskCounters {
        DiskCounters {
            looks: self.looks.load(Ordering::Relaxed),
            checks: self.checks.load(Ordering::Relaxed),
        }
    }
}

/// The rounds.
#[derive(Clone)]
pub(crate) struct DiskRounds {
    /// A round of looks takes at least so long, and the rest after one look at most.
    pub(crate) interval: Duration,
    /// When the server was started.
    pub(crate) started_at: SystemTime,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) repositories: RepositoryStore,
    pub(crate) repairs: Arc<Repairs>,
    pub(crate) progress: Arc<DiskProgress>,
}

impl DiskRounds {
    /// Looks at all repositories, round after round; ends with the token.
    pub(crate) async fn look(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            let mut rest = REST_AT_START;
            loop {
                let began = Instant::now();
                for entry in self.in_order() {
                    let looked_at = Instant::now();
                    self.look_at(&entry).await;
                    // On a busy machine a look takes long without costing much.
                    tokio::time::sleep((looked_at.elapsed() * rest).min(self.interval)).await;
                }
                rest = REST;
                tokio::time::sleep_until(began + self.interval).await;
            }
        })
        .await;
    }

    /// Checks one repository after the other in full, the one first that was not checked for longest; ends with the
    /// token.
    pub(crate) async fn check(self, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            for entry in self.perhaps_not_on_disk().await {
                self.check_one(&entry).await;
            }
            tokio::time::sleep(FIRST_CHECK_AFTER).await;
            let mut checked = HashMap::new();
            loop {
                if !self.check_due(&mut checked).await {
                    tokio::time::sleep(NOTHING_TO_CHECK).await;
                }
            }
        })
        .await;
    }

    /// Checks those that were not checked for long, one after the other, and says whether there were any.
    async fn check_due(&self, checked: &mut HashMap<LocalRepositoryId, Instant>) -> bool {
        let mut has_checked = false;
        for entry in self.due(checked) {
            // Much may have happened since the round began.
            if !self.inventory.is_mirrored(&entry) || !self.is_at_rest(&entry) {
                continue;
            }
            let began = Instant::now();
            checked.insert(entry.local_id, began);
            has_checked = true;
            self.check_one(&entry).await;
            tokio::time::sleep(began.elapsed() * REST_AFTER_CHECK).await;
        }
        has_checked
    }

    /// Those that were not checked for long, the one first that was not for longest.
    fn due(&self, checked: &mut HashMap<LocalRepositoryId, Instant>) -> Vec<Arc<Entry>> {
        let entries = self.in_order();
        checked.retain(|id, _| entries.binary_search_by_key(id, |entry| entry.local_id).is_ok());
        let with_age = entries.into_iter().map(|entry| {
            let age = checked.get(&entry.local_id).map_or(Duration::MAX, Instant::elapsed);
            (age, entry)
        });
        let mut due: Vec<_> = with_age.filter(|(age, _)| *age >= CHECK_INTERVAL).collect();
        due.sort_by_key(|(age, _)| Reverse(*age));
        due.into_iter().map(|(_, entry)| entry).collect()
    }

    /// Those whose newest files a power failure before the start may have taken.
    async fn perhaps_not_on_disk(&self) -> Vec<Arc<Entry>> {
        let mut written = Vec::new();
        for entry in self.in_order() {
            let repository = self.repositories.repository(entry.disk_id());
            if repository.git().durability() == Durability::Strict {
                return Vec::new();
            }
            if is_available(&entry.record())
                && let Ok(last_written) = repository.last_written().await
            {
                written.push((last_written, entry));
            }
        }
        // This process may have written already.
        let before_start = written.iter().map(|(at, _)| *at).filter(|at| *at < self.started_at).max();
        let written_back = before_start.and_then(|last| last.checked_sub(WRITTEN_BACK_AFTER));
        written.retain(|(at, _)| written_back.is_none_or(|written_back| *at >= written_back));
        written.into_iter().map(|(_, entry)| entry).collect()
    }

    fn in_order(&self) -> Vec<Arc<Entry>> {
        let mut entries: Vec<_> = self.inventory.mirrored().collect();
        entries.sort_unstable_by_key(|entry| entry.local_id);
        entries
    }

    /// Whether it is served, and is not being changed or examined.
    fn is_at_rest(&self, entry: &Entry) -> bool {
        is_available(&entry.record()) && entry.trouble().is_none() && !self.queue.is_busy(entry)
    }

    async fn look_at(&self, entry: &Arc<Entry>) {
        // Held, so that nothing is fetched into it meanwhile; what is fetched now is looked at in the next round.
        let Ok(_fetching) = entry.fetching.try_lock() else { return };
        if !self.is_at_rest(entry) {
            return;
        }
        let record = entry.record();
        let looked = self.repositories.repository(entry.disk_id()).look().await;
        self.progress.looks.fetch_add(1, Ordering::Relaxed);
        match looked {
            Err(fault) => self.repairs.found(entry, &fault),
            Ok(refs) => {
                if !is_as_synchronised(&record, &refs) && self.is_at_rest(entry) {
                    self.repairs.differs(entry);
                }
            }
        }
    }

    async fn check_one(&self, entry: &Arc<Entry>) {
        let began = Instant::now();
        let found = self.repositories.repository(entry.disk_id()).examine().await;
        self.progress.checks.fetch_add(1, Ordering::Relaxed);
        let record = entry.record();
        tracing::debug!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            duration_ms = began.elapsed().as_millis() as u64,
            is_whole = found.is_ok(),
            "checked every object of a repository"
        );
        if let Err(fault) = found {
            self.repairs.found(entry, &fault);
        }
    }
}
