//! What happens when a repository here looks damaged: it is examined, and if the damage is proven, given up. The next one
//! who asks has it made anew. After a start each is looked at once, for what a power failure may have left broken.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heliostat_git::{Fault, RefListener, TrashReason};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::registry::Repositories;

/// One that was found whole is not examined again for so many times as long as that took, whatever it looks like to those
/// who use it.
const TRUST_AFTER_EXAMINATION: u32 = 20;

/// And is trusted no shorter than this.
const MIN_TRUST: Duration = Duration::from_secs(10);

/// And no longer than this.
const MAX_TRUST: Duration = Duration::from_mins(30);

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
    /// Until when those are trusted that were found whole.
    trusted_until: HashMap<u64, Instant>,
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

    /// Looks at every repository once, so that what is broken is found also where no client asks for it. It takes half
    /// of one core at most, and ends with the token.
    pub(crate) async fn look_at_all(self: Arc<Self>, stop: CancellationToken) {
        stop.run_until_cancelled(async {
            for entry in self.repositories.all() {
                let began = Instant::now();
                let repository = self.repositories.served.store().repository(entry.disk_id());
                if let Err(fault) = repository.look().await
                    && fault.is_damage()
                {
                    self.suspected(entry.disk_id(), &fault);
                }
                tokio::time::sleep(began.elapsed()).await;
            }
        })
        .await;
    }

    async fn examine(&self, disk_id: u64) {
        let Some(entry) = self.repositories.find_on_disk(disk_id) else { return };
        let repository = self.repositories.served.store().repository(disk_id);
        let began = Instant::now();
        match repository.examine().await {
            Ok(()) => {
                let trust = began.elapsed().saturating_mul(TRUST_AFTER_EXAMINATION);
                let until = Instant::now() + trust.clamp(MIN_TRUST, MAX_TRUST);
                self.suspected.lock().trusted_until.insert(disk_id, until);
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
        let now = Instant::now();
        suspected.trusted_until.retain(|_, until| *until > now);
        if suspected.trusted_until.contains_key(&repository) {
            return;
        }
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
