//! Which repositories wait for a synchronisation, what for, and which are being synchronised.
//!
//! Two lanes: one for repositories that clients can already clone, one for first synchronisations. A first
//! clone can take an hour, and a push to another repository must not wait for it.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;

use heliostat_peer::Clock;
use heliostat_storage::{Generation, LocalRepositoryId};
use parking_lot::Mutex;
use tokio::sync::Semaphore;

use super::batches::MAX_TOGETHER;
use super::failure_history::StepHere;
use super::pending_changes::{AnnouncedChange, PendingChanges};
use super::slot::{Next, SyncRun, SyncSlot, Waiting};
use super::sweep::SweepSignal;
use crate::inventory::{Entry, SyncNeed, is_available};

/// The repositories that wait, and what is to be done to each.
pub(crate) struct SyncQueue {
    clock: Clock,
    /// Those with something to do or being done; at most one for each mirrored repository, which bounds it.
    slots: Mutex<HashMap<LocalRepositoryId, SyncSlot>>,
    following: Lane,
    first: Lane,
    sweep_signal: Arc<SweepSignal>,
}

/// Each repository is in at most one lane, once (see [`super::slot`]): that bounds it.
struct Lane {
    waiting: Mutex<VecDeque<(Arc<Entry>, Company)>>,
    arrivals: Semaphore,
}

/// Whether a repository may be fetched together with others.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Company {
    Others,
    Alone,
}

/// What a worker has to do next.
pub(super) enum Task {
    /// To synchronise this repository.
    One(Arc<Entry>),
    /// To ask for these together.
    Many(Vec<Arc<Entry>>),
}

/// What kind of synchronisations a worker carries out.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Work {
    /// Of repositories that are served.
    Following,
    /// Of repositories that are not served yet.
    First,
}

impl Work {
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Work::Following => "following",
            Work::First => "first",
        }
    }
}

impl Default for Lane {
    fn default() -> Self {
        Self { waiting: Mutex::default(), arrivals: Semaphore::new(0) }
    }
}

impl Lane {
    fn put(&self, entry: Arc<Entry>, company: Company) {
        self.waiting.lock().push_back((entry, company));
        self.arrivals.add_permits(1);
    }

    async fn next(&self) -> Option<Task> {
        self.arrivals.acquire().await.ok()?.forget();
        let mut waiting = self.waiting.lock();
        let (entry, company) = waiting.pop_front()?;
        if company == Company::Alone {
            return Some(Task::One(entry));
        }
        let mut together = vec![entry];
        while together.len() < MAX_TOGETHER
            && waiting.front().is_some_and(|(_, company)| *company == Company::Others)
            && let Ok(arrival) = self.arrivals.try_acquire()
        {
            arrival.forget();
            together.extend(waiting.pop_front().map(|(entry, _)| entry));
        }
        Some(Task::Many(together))
    }
}

impl SyncQueue {
    /// An empty queue; what needs a comparison with the upstream wakes it by this signal.
    pub(crate) fn new(clock: Clock, sweep_signal: Arc<SweepSignal>) -> Self {
        let (following, first) = (Lane::default(), Lane::default());
        Self { clock, slots: Mutex::default(), following, first, sweep_signal }
    }

    /// Takes in what an event says about the refs of a repository.
    pub(crate) fn announce(&self, entry: &Arc<Entry>, change: AnnouncedChange) {
        let (synced, now_ms) = (entry.record().generation_synced, self.clock.now_ms());
        self.follow(entry, |slot| slot.announce(change, synced, now_ms));
    }

    /// Sees to it that the repository is synchronised, at least as thoroughly as asked for; `Nothing` stands for a
    /// mere check.
    pub(crate) fn request(&self, entry: &Arc<Entry>, work: PendingChanges) {
        let now_ms = self.clock.now_ms();
        self.follow(entry, |slot| slot.request(work, now_ms));
    }

    /// Asks for what is to be done after something was taken in.
    pub(crate) fn request_needed(&self, entry: &Arc<Entry>, need: SyncNeed) {
        match need {
            SyncNeed::Nothing => {}
            SyncNeed::Check => self.request(entry, PendingChanges::Nothing),
            SyncNeed::Snapshot => self.request(entry, PendingChanges::Snapshot),
            SyncNeed::Comparison => self.sweep_signal.wake(),
        }
    }

    /// Whether something is going on or about to.
    pub(crate) fn is_busy(&self, entry: &Entry) -> bool {
        self.look(entry, SyncSlot::is_busy).unwrap_or(false)
    }

    /// The synchronisation in flight.
    pub(crate) fn run(&self, entry: &Entry) -> Option<Arc<SyncRun>> {
        self.look(entry, SyncSlot::run).flatten()
    }

    /// What waits for a worker, or after a failure for the next attempt.
    pub(crate) fn waiting(&self, entry: &Entry) -> Option<Waiting> {
        self.look(entry, SyncSlot::waiting).flatten()
    }

    /// Waits for the next repository of a kind, or for several.
    pub(super) async fn next(&self, work: Work) -> Option<Task> {
        match work {
            Work::Following => self.following.next().await,
            Work::First => self.first.next().await,
        }
    }

    /// Puts a repository back that has not been synchronised for the first time yet, behind all others.
    pub(super) fn put_back(&self, entry: Arc<Entry>, company: Company) {
        self.first.put(entry, company);
    }

    /// Begins a synchronisation and says what it has to do.
    pub(super) fn begin(&self, entry: &Entry, run: SyncRun) -> PendingChanges {
        let known = entry.record().generation_known;
        self.change(entry, |slot| slot.begin(known, run))
    }

    /// Ends a synchronisation that brought everything up to `synced`.
    pub(super) fn succeeded(&self, entry: &Arc<Entry>, synced: Generation) {
        let known = entry.record().generation_known;
        self.follow(entry, |slot| slot.succeeded(synced, known));
    }

    /// Ends a synchronisation that failed to do `work`, at this step if it is about what is here.
    pub(super) fn failed(&self, entry: &Arc<Entry>, work: &PendingChanges, at: Option<StepHere>) {
        self.follow(entry, |slot| slot.failed(work, at));
    }

    /// Leaves a repository alone that is not mirrored any more.
    pub(super) fn abandon(&self, entry: &Entry) {
        self.change(entry, SyncSlot::abandon);
    }

    /// Forgets what was to be done to repositories that are gone. What is there is asked under the lock of the slots, so
    /// that a repository that is adopted meanwhile keeps its slot.
    pub(super) fn retain(&self, still_there: impl FnOnce() -> HashSet<LocalRepositoryId>) {
        let mut slots = self.slots.lock();
        let still_there = still_there();
        slots.retain(|local_id, _| still_there.contains(local_id));
    }

    fn look<T>(&self, entry: &Entry, look: impl FnOnce(&SyncSlot) -> T) -> Option<T> {
        self.slots.lock().get(&entry.local_id).map(look)
    }

    fn change<T>(&self, entry: &Entry, change: impl FnOnce(&mut SyncSlot) -> T) -> T {
        let mut slots = self.slots.lock();
        let slot = slots.entry(entry.local_id).or_default();
        let changed = change(slot);
        if slot.is_empty() {
            slots.remove(&entry.local_id);
        }
        changed
    }

    /// Puts the repository into a lane if its slot asks for it.
    fn follow(&self, entry: &Arc<Entry>, change: impl FnOnce(&mut SyncSlot) -> Next) {
        if self.change(entry, change) == Next::Enqueue {
            let record = entry.record();
            let lane = if is_available(&record) { &self.following } else { &self.first };
            // What has failed, or has been here, is not begun with nothing.
            let is_new = record.initial_sync_at.is_none() && record.failed_count == 0;
            let company = if is_new && !is_available(&record) { Company::Others } else { Company::Alone };
            lane.put(Arc::clone(entry), company);
        }
    }
}
