//! What the repositories of one store share in order to answer readers.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_git::{DEFAULT_REF_MEMORY_BYTES, DiskRoom, FairQueue, GitError, Shares};
use heliostat_stream_cache::{CacheOptions, DEFAULT_CACHE_BYTES, ResponseCache};
use parking_lot::Mutex;

use crate::bundle::Bundles;
use crate::compute::JoinedWaits;
use crate::counters::{ServingCounters, StoredAnswers};
use crate::housekeeping::{Housekeeping, HousekeepingCounters};
use crate::named_objects::NamedObjects;
use crate::prewarm::Prewarm;
use crate::reachability::Reachability;

/// What an operator decides about serving.
#[derive(Debug, Clone)]
pub struct ServingOptions {
    /// Where answers are stored; `None` stores none.
    pub cache_folder: Option<PathBuf>,
    /// Most bytes that stored answers take on disk, over all repositories.
    pub cache_bytes: u64,
    /// Most memory that references of repositories take, together with the lists made of them.
    pub ref_memory_bytes: u64,
    /// How many answers are computed at once for one client or one repository; others wait. Up to twice as many are
    /// computed in all.
    pub computations: usize,
    /// How long what a reference named may still be fetched, and stays on disk, after the reference was moved.
    pub keep_unreachable: Duration,
}

/// How long what a reference named is kept after it was moved, unless an operator decides otherwise.
pub const DEFAULT_KEEP_UNREACHABLE: Duration = Duration::from_hours(14 * 24);

impl Default for ServingOptions {
    /// Nothing is stored, references are remembered, and each core computes one answer.
    fn default() -> Self {
        Self {
            cache_folder: None,
            cache_bytes: DEFAULT_CACHE_BYTES,
            ref_memory_bytes: DEFAULT_REF_MEMORY_BYTES,
            computations: std::thread::available_parallelism().map_or(1, usize::from),
            keep_unreachable: DEFAULT_KEEP_UNREACHABLE,
        }
    }
}

/// How many requests are in memory at once of those that take megabytes.
const LONG_REQUESTS_AT_ONCE: usize = 4;

/// How many are in memory at once of those that take tens of megabytes; each is one of those above as well.
const VERY_LONG_REQUESTS_AT_ONCE: usize = 1;

/// Answers that are shared; a failure is told to all who wait for the same one.
pub(crate) type StoredResponses = ResponseCache<Arc<GitError>>;

/// Shared by all repositories of a store. It knows no names of users and nothing of HTTP.
#[derive(Debug)]
pub struct ServingEngine {
    responses: Option<StoredResponses>,
    queue: FairQueue,
    joined_waits: JoinedWaits,
    long_requests: FairQueue,
    very_long_requests: FairQueue,
    reachability: Reachability,
    named_objects: NamedObjects,
    prewarm: Prewarm,
    bundles: Bundles,
    housekeeping: Housekeeping,
    from_bundle: AtomicU64,
    room: Mutex<Option<DiskRoom>>,
    keep_unreachable: Duration,
}

impl ServingEngine {
    /// An engine with these options. A folder that cannot be used is reported, and nothing is stored then: answers
    /// cost more, and are the same.
    pub fn new(options: &ServingOptions) -> Self {
        let cache = CacheOptions { max_bytes: options.cache_bytes, ..CacheOptions::default() };
        let responses = options.cache_folder.as_deref().and_then(|folder| {
            ResponseCache::open(folder, cache)
                .inspect_err(|error| {
                    tracing::warn!(path = %folder.display(), %error, "answers cannot be stored; each is computed anew");
                })
                .ok()
        });
        Self {
            responses,
            queue: FairQueue::new(Shares::of_cores(options.computations)),
            joined_waits: JoinedWaits::default(),
            long_requests: FairQueue::new(Shares::of_processes(LONG_REQUESTS_AT_ONCE)),
            very_long_requests: FairQueue::new(Shares::unlimited(VERY_LONG_REQUESTS_AT_ONCE)),
            reachability: Reachability::new(options.keep_unreachable),
            named_objects: NamedObjects::default(),
            prewarm: Prewarm::default(),
            bundles: Bundles::default(),
            housekeeping: Housekeeping::default(),
            from_bundle: AtomicU64::new(0),
            room: Mutex::default(),
            keep_unreachable: options.keep_unreachable,
        }
    }

    /// The answers that are stored, if any are.
    pub(crate) fn responses(&self) -> Option<&StoredResponses> {
        self.responses.as_ref()
    }

    /// Permits to compute.
    pub(crate) fn queue(&self) -> &FairQueue {
        &self.queue
    }

    /// Who waits for what is to be computed.
    pub(crate) fn joined_waits(&self) -> &JoinedWaits {
        &self.joined_waits
    }

    /// Permits to hold a long request in memory.
    pub(crate) fn long_requests(&self) -> &FairQueue {
        &self.long_requests
    }

    /// Permits to hold a very long request in memory, for those who hold one for a long request.
    pub(crate) fn very_long_requests(&self) -> &FairQueue {
        &self.very_long_requests
    }

    /// What was proven about wants.
    pub(crate) fn reachability(&self) -> &Reachability {
        &self.reachability
    }

    /// What clients say they have, and is here.
    pub(crate) fn named_objects(&self) -> &NamedObjects {
        &self.named_objects
    }

    /// What build servers asked for lately.
    pub(crate) fn prewarm(&self) -> &Prewarm {
        &self.prewarm
    }

    /// What keeps the repositories fast, and what it has done.
    pub(crate) fn housekeeping(&self) -> &Housekeeping {
        &self.housekeeping
    }

    /// The bundles that are offered.
    pub(crate) fn bundles(&self) -> &Bundles {
        &self.bundles
    }

    /// Offers no bundle of this repository until housekeeping has looked at it, which it does soon.
    pub(crate) fn doubt_bundle(&self, repository: u64) {
        self.bundles.forget(repository);
        self.housekeeping.changed(repository);
    }

    /// How long what a reference named is kept after it was moved.
    pub(crate) fn keep_unreachable(&self) -> Duration {
        self.keep_unreachable
    }

    /// Drops the stored answers of a repository, and what is known of the objects that clients name: some are gone. When it
    /// returns, the answers are off the disk, or it says why they are not.
    pub(crate) async fn remove_answers(&self, repository: u64) -> io::Result<()> {
        self.named_objects.forget();
        match &self.responses {
            Some(responses) => responses.remove_group(repository).await,
            None => Ok(()),
        }
    }

    /// Notes that a clone's pack begins with the one behind a bundle.
    pub(crate) fn count_from_bundle(&self) {
        self.from_bundle.fetch_add(1, Ordering::Relaxed);
    }

    /// What room the disk of the repositories had at the last look.
    pub fn room(&self) -> Option<DiskRoom> {
        *self.room.lock()
    }

    /// Takes in what a look at the disk has found.
    pub(crate) fn note_room(&self, room: DiskRoom) {
        *self.room.lock() = Some(room);
    }

    /// Drops everything that is known of a repository that is gone.
    pub(crate) fn forget(&self, repository: u64) {
        self.prewarm.forget(repository);
        self.bundles.forget(repository);
        if let Some(responses) = &self.responses {
            responses.forget_group(repository);
        }
    }

    /// What housekeeping has done so far.
    pub fn housekeeping_counters(&self) -> HousekeepingCounters {
        HousekeepingCounters { bundles: self.bundles.count() as u64, ..self.housekeeping.counters() }
    }

    /// What it has done so far.
    pub fn counters(&self) -> ServingCounters {
        let queue = self.queue.counters();
        let mut counters = ServingCounters {
            from_bundle: self.from_bundle.load(Ordering::Relaxed),
            running: self.queue.running() as u64,
            waiting: self.queue.waiting() as u64,
            turns: queue.permits,
            waits: queue.waits,
            waited: queue.waited,
            ..ServingCounters::default()
        };
        if let Some(responses) = &self.responses {
            let cache = responses.counters();
            counters.hits = cache.hits;
            counters.joins = cache.joins;
            counters.misses = cache.misses;
            counters.prepared = cache.prepared;
            counters.abandoned = cache.abandoned;
            counters.not_stored = cache.not_stored;
            counters.damaged = cache.damaged;
            counters.served_bytes = cache.bytes_served;
            counters.generated_bytes = cache.bytes_generated;
            counters.saved = cache.saved;
            counters.evictions = cache.evictions;
            let stored = responses.usage().into_iter().map(|(repository, usage)| StoredAnswers {
                repository,
                entries: usage.entries,
                bytes: usage.bytes,
            });
            counters.repositories = stored.collect();
        }
        counters
    }
}
