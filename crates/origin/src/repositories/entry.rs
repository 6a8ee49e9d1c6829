//! What is known of a repository that is here.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use heliostat_foreign::RepositoryPath;
use heliostat_git::{ContentHash, FetchProgress, ObjectFormat, ObjectId};
use heliostat_git_serve::{Progress, note_progress};
use heliostat_storage::OriginRepositoryId;
use parking_lot::Mutex;
use tokio::sync::watch;

/// Objects that are remembered as brought here; more are forgotten, and looked for again.
const MAX_BROUGHT: usize = 10_000;

/// How long that is relied upon: what nothing leads to any more is removed some day.
const BROUGHT_FOR: Duration = Duration::from_hours(1);

/// A repository of the origin that is here.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) id: OriginRepositoryId,
    pub(crate) path: RepositoryPath,
    pub(crate) format: ObjectFormat,
    pub(crate) created_at: i64,
    /// Held by the one who fetches into it.
    pub(crate) fetching: Arc<tokio::sync::Mutex<()>>,
    /// Held by each who reads it.
    in_use: Arc<()>,
    last_used_at: AtomicI64,
    size_bytes: AtomicU64,
    has_grown: AtomicBool,
    is_looked_at: AtomicBool,
    has_content: AtomicBool,
    is_gone: AtomicBool,
    brought: Mutex<HashMap<ObjectId, Instant>>,
    /// The branches and tags that are here as the origin has listed them last.
    in_step_with: Mutex<Option<ContentHash>>,
    /// How far what is being fetched into it is; nothing while nothing is.
    arrival: Arc<watch::Sender<Progress>>,
}

/// While it is held, the repository makes no room for others.
#[derive(Debug, Clone)]
pub(crate) struct InUse {
    _count: Arc<()>,
}

impl Entry {
    pub(crate) fn new(
        id: OriginRepositoryId,
        path: RepositoryPath,
        format: ObjectFormat,
        created_at: i64,
        last_used_at: i64,
    ) -> Self {
        Self {
            id,
            path,
            format,
            created_at,
            fetching: Arc::default(),
            in_use: Arc::default(),
            last_used_at: AtomicI64::new(last_used_at),
            size_bytes: AtomicU64::new(0),
            has_grown: AtomicBool::new(true),
            is_looked_at: AtomicBool::new(false),
            has_content: AtomicBool::new(false),
            is_gone: AtomicBool::new(false),
            brought: Mutex::default(),
            in_step_with: Mutex::default(),
            arrival: Arc::new(watch::Sender::new(Progress::default())),
        }
    }

    /// Its number on the disk.
    pub(crate) fn disk_id(&self) -> u64 {
        u64::from(self.id.0.unsigned_abs())
    }

    /// Notes that it is used now, until what this gives is dropped.
    pub(crate) fn use_now(&self, now_ms: i64) -> InUse {
        // It may be less than before: the clock may have been set back.
        self.last_used_at.store(now_ms, Ordering::Relaxed);
        InUse { _count: Arc::clone(&self.in_use) }
    }

    pub(crate) fn is_in_use(&self) -> bool {
        Arc::strong_count(&self.in_use) > 1
    }

    /// When it was used last, in epoch milliseconds.
    pub(crate) fn last_used_at(&self) -> i64 {
        self.last_used_at.load(Ordering::Relaxed)
    }

    /// What it took on the disk at the last look.
    pub(crate) fn size_bytes(&self) -> u64 {
        self.size_bytes.load(Ordering::Relaxed)
    }

    pub(crate) fn set_size_bytes(&self, bytes: u64) {
        self.size_bytes.store(bytes, Ordering::Relaxed);
    }

    pub(crate) fn note_growth(&self) {
        self.note_content();
        self.measure_again();
    }

    /// It may take more room than at the last look, although nothing was brought.
    pub(crate) fn measure_again(&self) {
        self.has_grown.store(true, Ordering::Relaxed);
    }

    /// Whether it may take more room than at the last look, which is now.
    pub(crate) fn take_growth(&self) -> bool {
        self.has_grown.swap(false, Ordering::Relaxed)
    }

    /// Whether this process has made sure that it is what it is taken for.
    pub(crate) fn is_looked_at(&self) -> bool {
        self.is_looked_at.load(Ordering::Acquire)
    }

    pub(crate) fn note_looked_at(&self) {
        self.is_looked_at.store(true, Ordering::Release);
    }

    /// Whether something was fetched into it, as far as this process knows.
    pub(crate) fn has_content(&self) -> bool {
        self.has_content.load(Ordering::Relaxed)
    }

    pub(crate) fn note_content(&self) {
        self.has_content.store(true, Ordering::Relaxed);
    }

    /// Whether this process knows that nothing is in it.
    pub(crate) fn is_known_empty(&self) -> bool {
        self.is_looked_at() && !self.has_content()
    }

    /// Whether it was given up.
    pub(crate) fn is_gone(&self) -> bool {
        self.is_gone.load(Ordering::Acquire)
    }

    pub(crate) fn note_gone(&self) {
        self.is_gone.store(true, Ordering::Release);
    }

    /// Whether all of these were brought here by this process.
    pub(crate) fn has_brought<'a>(&self, objects: impl IntoIterator<Item = &'a ObjectId>) -> bool {
        let brought = self.brought.lock();
        let is_brought =
            |object: &ObjectId| brought.get(object).is_some_and(|at: &Instant| at.elapsed() < BROUGHT_FOR);
        objects.into_iter().all(is_brought)
    }

    pub(crate) fn note_brought(&self, objects: impl IntoIterator<Item = ObjectId>) {
        let mut brought = self.brought.lock();
        for object in objects {
            if brought.len() >= MAX_BROUGHT {
                brought.clear();
            }
            brought.insert(object, Instant::now());
        }
    }

    /// Some of what was brought here may be gone.
    pub(crate) fn forget_brought(&self) {
        self.brought.lock().clear();
    }

    /// How far what is being fetched into it is, for all who wait for it.
    pub(crate) fn arrival(&self) -> watch::Receiver<Progress> {
        self.arrival.subscribe()
    }

    /// What tells them of the fetch that begins now.
    pub(crate) fn tell_arrival(&self) -> FetchProgress {
        self.end_arrival();
        let arrival = Arc::clone(&self.arrival);
        FetchProgress::told_to(move |line| arrival.send_modify(|progress| note_progress(progress, line)))
    }

    /// Nothing is being fetched any more.
    pub(crate) fn end_arrival(&self) {
        self.arrival.send_replace(Progress::default());
    }

    /// Whether the branches and tags here are those with this hash, or were found to be out of reach at the last try.
    pub(crate) fn is_in_step_with(&self, listed: &ContentHash) -> bool {
        self.in_step_with.lock().as_ref() == Some(listed)
    }

    pub(crate) fn note_in_step_with(&self, listed: &ContentHash) {
        *self.in_step_with.lock() = Some(listed.clone());
    }
}
