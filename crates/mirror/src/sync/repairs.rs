//! What happens when a repository here looks damaged: it is examined, and if the damage is proven, made anew.
//!
//! ```text
//! serving, housekeeping, fetching ──▶ suspect ──▶ examine ─┬─▶ whole: served again, not examined again for a while
//! a look at the disk ──────────────────▶ found ────────────┼─▶ cannot be read now: once more, a little later
//!                                                          └─▶ damaged ──▶ what was made from it is dropped ──▶ the
//!                                              next synchronisation makes it anew beside the old one, which it replaces
//! ```
//!
//! From the suspicion on it is not served: clients are told where the upstream is. Nothing on disk is changed here, and
//! no failure is ever taken for a proof.

use std::collections::{HashMap, HashSet, VecDeque};
use std::fmt;
use std::sync::{Arc, Weak};
use std::time::Duration;

use heliostat_git::{Fault, RefListener, RepositoryStore};
use heliostat_peer::{BackOff, Clock};
use heliostat_storage::LocalRepositoryId;
use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::pending_changes::PendingChanges;
use super::queue::SyncQueue;
use crate::inventory::{Entry, Inventory, TroubleKind};

/// How many repositories are looked at at once after a suspicion.
const MAX_LOOKS: usize = 4;

/// How many repositories are read as a whole at once.
const MAX_EXAMINATIONS: usize = 1;

/// How soon a repository that cannot be read is read again.
const READ_AGAIN: BackOff = BackOff::new(Duration::from_millis(500), Duration::from_secs(10));

/// A repository that was found whole is not read as a whole again for so many times as long as that took, whatever it
/// looks like to those who use it. It is looked at all the same.
const TRUST_AFTER_EXAMINATION: u32 = 20;

/// And is trusted no longer than this.
const MAX_TRUST: Duration = Duration::from_mins(30);

/// How long a repository that was made anew is left alone before it is made anew once more.
const NEXT_REPAIR: BackOff = BackOff::new(Duration::from_secs(30), Duration::from_secs(3_600));

/// A repair so long ago does not delay the next one.
const REPAIRS_FORGOTTEN_AFTER: Duration = Duration::from_hours(24);

/// What was suspected, found and put right since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RepairCounters {
    /// Suspicions that were followed.
    pub suspected: u64,
    /// Repositories that were proven to be damaged.
    pub damaged: u64,
    /// Repositories that were made anew.
    pub repaired: u64,
    /// Repositories whose references were not those that were synchronised.
    pub differing: u64,
}

/// The suspicions, and what becomes of them.
pub(crate) struct Repairs {
    inventory: Arc<Inventory>,
    queue: Arc<SyncQueue>,
    repositories: RepositoryStore,
    clock: Clock,
    state: Mutex<State>,
    arrived: Notify,
    looks: Semaphore,
    examinations: Semaphore,
}

#[derive(Default)]
struct State {
    /// Those that wait to be examined; each is in `in_hand` as well, which bounds it.
    waiting: VecDeque<Arc<Entry>>,
    /// Those that wait, are examined or about to be made anew.
    in_hand: HashSet<LocalRepositoryId>,
    /// Until when those are trusted that were examined and turned out to be whole.
    trusted_until: HashMap<LocalRepositoryId, Instant>,
    /// How often a repository was made anew lately, and when last.
    made_anew: HashMap<LocalRepositoryId, (u32, Instant)>,
    counters: RepairCounters,
}

impl Repairs {
    /// Hears of suspicions from now on, from all who work on these repositories.
    pub(crate) fn new(
        inventory: Arc<Inventory>,
        queue: Arc<SyncQueue>,
        repositories: RepositoryStore,
        clock: Clock,
    ) -> Arc<Self> {
        let repairs = Arc::new(Self {
            inventory,
            queue,
            repositories,
            clock,
            state: Mutex::default(),
            arrived: Notify::new(),
            looks: Semaphore::new(MAX_LOOKS),
            examinations: Semaphore::new(MAX_EXAMINATIONS),
        });
        let listener: Arc<dyn RefListener> = repairs.clone();
        repairs.repositories.subscribe(Arc::downgrade(&listener) as Weak<dyn RefListener>);
        repairs
    }

    /// Something looks like damage. Examined soon, and not served until then.
    pub(crate) fn suspect(&self, entry: &Arc<Entry>, fault: &Fault) {
        let now_ms = self.clock.now_ms();
        let mut state = self.state.lock();
        // Who reads what is damaged may meet it for as long as it is being made anew.
        if entry.must_be_made_anew() || !state.in_hand.insert(entry.local_id) {
            return;
        }
        state.counters.suspected += 1;
        state.waiting.push_back(Arc::clone(entry));
        drop(state);
        entry.set_trouble(TroubleKind::Suspected, &fault.to_string(), now_ms);
        let record = entry.record();
        tracing::warn!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            fault = %fault,
            "a repository looks damaged and is examined"
        );
        self.arrived.notify_one();
    }

    /// A look at the disk has found this. It is looked at once more before anything follows from it.
    pub(crate) fn found(&self, entry: &Arc<Entry>, fault: &Fault) {
        // What a look finds is not a matter of trust.
        self.state.lock().trusted_until.remove(&entry.local_id);
        self.suspect(entry, fault);
    }

    /// Its references are not those that were synchronised: not served until they are fetched again.
    pub(crate) fn differs(&self, entry: &Arc<Entry>) {
        if entry.trouble().is_some() {
            return;
        }
        self.state.lock().counters.differing += 1;
        let record = entry.record();
        tracing::warn!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            "references on disk are not those that were synchronised; fetching them again"
        );
        let reason = "references on disk are not those that were synchronised";
        entry.set_trouble(TroubleKind::Differs, reason, self.clock.now_ms());
        self.queue.request(entry, PendingChanges::Snapshot);
    }

    /// A synchronisation has proven what is here; `made_anew` says that it began with nothing.
    pub(super) fn synchronised(&self, entry: &Entry, made_anew: bool) {
        entry.clear_trouble(&[TroubleKind::Differs]);
        if made_anew && entry.clear_trouble(&[TroubleKind::Damaged]) {
            self.state.lock().counters.repaired += 1;
            let record = entry.record();
            tracing::info!(
                repository.project = record.project_key,
                repository.slug = record.slug,
                "a damaged repository was made anew"
            );
        }
    }

    /// What has happened since the start.
    pub(crate) fn counters(&self) -> RepairCounters {
        self.state.lock().counters
    }

    /// Examines what is suspected; ends with the token.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut examinations = JoinSet::new();
        loop {
            let waiting = std::mem::take(&mut self.state.lock().waiting);
            for entry in waiting {
                examinations.spawn(Arc::clone(&self).examine(entry));
            }
            tokio::select! {
                () = stop.cancelled() => return,
                () = self.arrived.notified() => {}
                Some(ended) = examinations.join_next() => if let Err(error) = ended {
                    tracing::error!(error = &error as &dyn std::error::Error, "an examination has crashed");
                }
            }
        }
    }

    async fn examine(self: Arc<Self>, entry: Arc<Entry>) {
        let _in_hand = InHand { repairs: &self, id: entry.local_id };
        let mut attempts = 0;
        while self.inventory.is_mirrored(&entry) {
            match self.fault_of(&entry).await {
                None => {
                    entry.clear_trouble(&[TroubleKind::Suspected, TroubleKind::Unreadable]);
                    tell(&entry, "the repository that looked damaged is whole");
                    return;
                }
                Some(Fault::Damaged(reason)) => return self.make_anew(&entry, &reason).await,
                Some(Fault::CannotReadNow(reason)) => {
                    attempts += 1;
                    entry.set_trouble(TroubleKind::Unreadable, &reason, self.clock.now_ms());
                    tokio::time::sleep(READ_AGAIN.after(attempts)).await;
                }
            }
        }
        entry.clear_trouble(&[TroubleKind::Suspected, TroubleKind::Unreadable]);
    }

    /// A look first: most damage is found by it, and it needs not wait until another repository was read as a whole.
    async fn fault_of(&self, entry: &Entry) -> Option<Fault> {
        let repository = self.repositories.repository(entry.disk_id());
        let looked = {
            let _permit = self.looks.acquire().await;
            repository.look().await
        };
        if let Err(fault) = looked {
            return Some(fault);
        }
        if self.is_trusted(entry) {
            return None;
        }
        let _permit = self.examinations.acquire().await;
        let began = Instant::now();
        let found = repository.examine().await.err();
        if found.is_none() {
            let trust = began.elapsed().saturating_mul(TRUST_AFTER_EXAMINATION).min(MAX_TRUST);
            self.state.lock().trusted_until.insert(entry.local_id, Instant::now() + trust);
        }
        found
    }

    fn is_trusted(&self, entry: &Entry) -> bool {
        self.state.lock().trusted_until.get(&entry.local_id).is_some_and(|until| Instant::now() < *until)
    }

    async fn make_anew(&self, entry: &Arc<Entry>, reason: &str) {
        entry.set_trouble(TroubleKind::Damaged, reason, self.clock.now_ms());
        let record = entry.record();
        tracing::error!(
            repository.project = record.project_key,
            repository.slug = record.slug,
            reason,
            "a repository is damaged and is made anew from the upstream"
        );
        let pause = self.pause_before_repair(entry);
        if record.held.is_some() {
            // Only here is what the upstream has lost: an administrator decides first.
            return;
        }
        // In memory and among stored answers may be what it was not.
        self.repositories.forget(entry.disk_id());
        if let Err(error) = self.inventory.note_lost(entry).await {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "cannot record that a repository is damaged"
            );
        }
        tokio::time::sleep(pause).await;
        self.queue.request(entry, PendingChanges::Snapshot);
    }

    /// Notes one more repair of this repository and says how long it has to wait.
    fn pause_before_repair(&self, entry: &Entry) -> Duration {
        let mut state = self.state.lock();
        state.counters.damaged += 1;
        state.made_anew.retain(|_, (_, last)| last.elapsed() < REPAIRS_FORGOTTEN_AFTER);
        let before = state.made_anew.get(&entry.local_id).copied();
        let times = before.map_or(0, |(times, _)| times);
        state.made_anew.insert(entry.local_id, (times + 1, Instant::now()));
        before.map_or(Duration::ZERO, |(times, last)| NEXT_REPAIR.after(times).saturating_sub(last.elapsed()))
    }
}

/// A repository that is examined or about to be made anew; dropped however that ends.
struct InHand<'a> {
    repairs: &'a Repairs,
    id: LocalRepositoryId,
}

impl Drop for InHand<'_> {
    fn drop(&mut self) {
        self.repairs.state.lock().in_hand.remove(&self.id);
    }
}

impl fmt::Debug for Repairs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Repairs").finish_non_exhaustive()
    }
}

impl RefListener for Repairs {
    fn suspected(&self, repository: u64, fault: &Fault) {
        let is_in_hand = |id: &LocalRepositoryId| u64::try_from(id.0) == Ok(repository);
        // The examination meets the same damage.
        if self.state.lock().in_hand.iter().any(is_in_hand) {
            return;
        }
        if let Some(entry) = self.inventory.all().into_iter().find(|entry| entry.disk_id() == repository) {
            self.suspect(&entry, fault);
        }
    }
}

fn tell(entry: &Entry, news: &str) {
    let record = entry.record();
    tracing::info!(repository.project = record.project_key, repository.slug = record.slug, "{news}");
}
