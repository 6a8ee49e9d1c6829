//! What happens when a repository here looks damaged: it is examined, and if the damage is proven, given up. The next one
//! who asks has it made anew.

use std::collections::{HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use heliostat_git::{Fault, RefListener, TrashReason};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::registry::Repositories;

/// Hears of what looks like damage.
pub(crate) struct Repairs {
    repositories: Arc<Repositories>,
    suspected: Mutex<Suspected>,
    arrived: Notify,
    given_up: AtomicU64,
}

#[derive(Default)]
struct Suspected {
    waiting: VecDeque<u64>,
    /// Those that wait or are being examined.
    in_hand: HashSet<u64>,
}

impl Repairs {
    /// Hears of suspicions from now on, from all who work on these repositories.
    pub(crate) fn new(repositories: Arc<Repositories>) -> Arc<Self> {
        let store = repositories.served.store().clone();
        let repairs = Arc::new(Self {
            repositories,
            suspected: Mutex::default(),
            arrived: Notify::new(),
            given_up: AtomicU64::new(0),
        });
        let listener: Arc<dyn RefListener> = repairs.clone();
        store.subscribe(Arc::downgrade(&listener));
        repairs
    }

    /// How many were given up since the start.
    pub(crate) fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Relaxed)
    }

    /// Examines what looks damaged until the token ends.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            loop {
                let next = self.suspected.lock().waiting.pop_front();
                match next {
                    Some(disk_id) => {
                        self.examine(disk_id).await;
                        self.suspected.lock().in_hand.remove(&disk_id);
                    }
                    None => self.arrived.notified().await,
                }
            }
        })
        .await;
    }

    async fn examine(&self, disk_id: u64) {
        let Some(entry) = self.repositories.find_on_disk(disk_id) else { return };
        let repository = self.repositories.served.store().repository(disk_id);
        match repository.examine().await {
            Ok(()) => {
                // What was brought may have been removed.
                entry.forget_brought();
            }
            Err(Fault::CannotReadNow(reason)) => {
                tracing::warn!(
                    repository.path = entry.path.as_str(),
                    reason,
                    "a repository of the origin cannot be read at the moment"
                );
            }
            Err(Fault::Damaged(reason)) => {
                let _fetching = entry.fetching.lock().await;
                tracing::error!(
                    repository.path = entry.path.as_str(),
                    reason,
                    "a repository of the origin is damaged here; it is given up and fetched anew"
                );
                match self.repositories.give_up(&entry, TrashReason::Damaged).await {
                    Ok(()) => {
                        self.given_up.fetch_add(1, Ordering::Relaxed);
                    }
                    Err(error) => tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot give a damaged repository up"
                    ),
                }
            }
        }
    }
}

impl RefListener for Repairs {
    fn suspected(&self, repository: u64, _fault: &Fault) {
        let mut suspected = self.suspected.lock();
        if suspected.in_hand.insert(repository) {
            suspected.waiting.push_back(repository);
            self.arrived.notify_one();
        }
    }
}

impl fmt::Debug for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repairs").field("suspected", &self.suspected.lock().in_hand).finish_non_exhaustive()
    }
}
