//! Answers to fetches, computed once for all who ask and kept as the bytes that clients see.
//!
//! Computing an answer takes seconds of processor time and hundreds of megabytes; handing it out takes neither. So
//! whoever asks gets, in this order: the entry on disk; a seat at the computation that is under way, from its first
//! byte; a computation of its own, which others may join. A reader follows while the answer is being written, and the
//! writer waits for readers that are slow, so that neither disk nor processor runs ahead of what is wanted.
//!
//! An answer to given wants and haves stays right for ever, so entries leave only to make room ([`eviction`]). Whether
//! somebody may have the answer is asked elsewhere, each time.
//!
//! Read in this order: [`entry`] (one writer, many readers), [`flight`] (the task that is shared), [`recording`] (what
//! the disk will not take), [`store`] and [`footer`] (the files), [`index`] (what is there, and the budget).

mod counters;
mod entry;
mod eviction;
#[cfg(test)]
mod fixture;
mod flight;
mod footer;
mod index;
mod key;
mod production;
mod reader;
mod recording;
mod store;
#[cfg(test)]
mod tests_disk;
#[cfg(test)]
mod tests_sharing;

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::path::Path;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::future::BoxFuture;
use tokio::runtime::Handle;

pub use counters::{CacheCounters, RepositoryUsage};
pub use key::CacheKey;
pub use production::{Demand, Production, Unanswered};
pub use reader::{EntryReader, Piece};

use counters::{Counters, count};
use entry::Begun;
use flight::{Compute, Flight};
use index::Index;
use store::{Pen, RealPen, Store, Stored, remove};

/// Default of [`CacheOptions::max_bytes`].
pub const DEFAULT_CACHE_BYTES: u64 = 10 * 1024 * 1024 * 1024;

/// Default of [`CacheOptions::max_entries`]: about 50 MB of memory.
pub const DEFAULT_CACHE_ENTRIES: usize = 100_000;

/// Default of [`CacheOptions::ahead_bytes`].
pub const DEFAULT_AHEAD_BYTES: u64 = 64 * 1024 * 1024;

/// One entry may take this part of the budget: an answer that would drive out most others is not stored.
const MAX_ENTRY_SHARE: u64 = 4;

/// What an operator decides about the cache.
#[derive(Debug, Clone)]
pub struct CacheOptions {
    /// Most that entries take of the disk, in bytes; 0 stores nothing, but askers still share computations.
    pub max_bytes: u64,
    /// Most entries, each of which takes some memory.
    pub max_entries: usize,
    /// How far a computation may be ahead of its furthest reader, in bytes.
    pub ahead_bytes: u64,
}

impl Default for CacheOptions {
    fn default() -> Self {
        Self {
            max_bytes: DEFAULT_CACHE_BYTES,
            max_entries: DEFAULT_CACHE_ENTRIES,
            ahead_bytes: DEFAULT_AHEAD_BYTES,
        }
    }
}

impl CacheOptions {
    /// Most that one entry may take, in bytes.
    fn max_entry_bytes(&self) -> u64 {
        self.max_bytes / MAX_ENTRY_SHARE
    }
}

/// Answers, whole or in the making. `E` says why a computation failed.
#[derive(Debug)]
pub struct ResponseCache<E>(Arc<Shared<E>>);

impl<E> Clone for ResponseCache<E> {
    fn clone(&self) -> Self {
        Self(Arc::clone(&self.0))
    }
}

#[derive(Debug)]
struct Shared<E> {
    store: Store,
    options: CacheOptions,
    counters: Arc<Counters>,
    directory: Mutex<Directory<E>>,
}

/// What there is. An answer can be in both for a moment: while an entry of an earlier process is checked.
#[derive(Debug)]
struct Directory<E> {
    flights: HashMap<CacheKey, Arc<Flight<E>>>,
    index: Index,
}

impl<E> Directory<E> {
    /// Forgets a computation, unless another has taken its place.
    fn leave_flight(&mut self, flight: &Arc<Flight<E>>) {
        if self.flights.get(&flight.key).is_some_and(|present| Arc::ptr_eq(present, flight)) {
            self.flights.remove(&flight.key);
        }
    }
}

fn locked<E>(directory: &Mutex<Directory<E>>) -> MutexGuard<'_, Directory<E>> {
    directory.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<E: Clone + Send + Sync + 'static> ResponseCache<E> {
    /// Opens a folder that no other process uses, finds the entries of earlier runs and removes half-written ones.
    /// Inside a runtime the entries are looked through in the background; each is found at once when it is asked for.
    pub fn open(folder: &Path, options: CacheOptions) -> io::Result<Self> {
        Self::open_with(folder, options, Arc::new(RealPen))
    }

    fn open_with(folder: &Path, options: CacheOptions, pen: Arc<dyn Pen>) -> io::Result<Self> {
        let store = Store::open(folder, pen)?;
        let directory =
            Directory { flights: HashMap::new(), index: Index::new(options.max_bytes, options.max_entries) };
        let shared =
            Arc::new(Shared { store, options, counters: Arc::default(), directory: Mutex::new(directory) });
        let scanning = Arc::clone(&shared);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || scanning.scan())),
            Err(_) => scanning.scan(),
        }
        Ok(Self(shared))
    }

    /// The answer: stored, or shared with those who are waiting for it already, or computed by `compute` in a task of
    /// its own. Returns when the first piece is there.
    pub async fn answer<F>(&self, key: CacheKey, compute: F) -> Result<EntryReader, Unanswered<E>>
    where
        F: FnOnce() -> BoxFuture<'static, Result<Production, E>> + Send + 'static,
    {
        let (flight, mut reader) = match self.board(key, compute) {
            Boarded::Settled(reader) => return Ok(reader),
            Boarded::Flight(flight, reader) => (flight, reader),
        };
        match poll_fn(|context| reader.poll_begun(context)).await {
            Begun::Flowing => Ok(reader),
            Begun::Broken(error) => Err(Unanswered::Broken(error)),
            Begun::Refused => {
                let refusal = flight.refusal.get().expect("set before the entry is refused");
                Err(Unanswered::Failed(refusal.clone()))
            }
        }
    }

    fn board<F>(&self, key: CacheKey, compute: F) -> Boarded<E>
    where
        F: FnOnce() -> BoxFuture<'static, Result<Production, E>> + Send + 'static,
    {
        let shared = &self.0;
        let mut doubtful: Option<Arc<Stored>> = None;
        loop {
            let mut directory = locked(&shared.directory);
            if let Some(flight) = directory.flights.get(&key)
                && let Some(reader) = flight.join(shared)
            {
                match flight.cost.get() {
                    Some(cost) => {
                        count(&shared.counters.hits);
                        shared.counters.saved(*cost);
                    }
                    // Whoever sets the cost counts these, after a look at the directory that we hold.
                    None => {
                        count(&shared.counters.joins);
                        flight.joined.fetch_add(1, Ordering::Relaxed);
                    }
                }
                return Boarded::Flight(Arc::clone(flight), reader);
            }
            let stored = directory.index.get(&key).cloned();
            if let Some(stored) = &stored
                && !doubtful.as_ref().is_some_and(|doubtful| Arc::ptr_eq(doubtful, stored))
            {
                directory.index.want(&key, 1);
                drop(directory);
                if let Some(file) = shared.store.open_entry(stored) {
                    count(&shared.counters.hits);
                    shared.counters.saved(stored.footer.cost);
                    let (length, counters) = (stored.footer.length, Arc::clone(&shared.counters));
                    return Boarded::Settled(EntryReader::of_file(file, length, counters));
                }
                // It must be checked, or is gone; somebody else may find that out at the same time.
                doubtful = Some(Arc::clone(stored));
                continue;
            }
            let flight = Arc::new(Flight::new(key, shared.options.ahead_bytes, false));
            let reader = flight.join(shared).expect("nothing has happened to it yet");
            directory.flights.insert(key, Arc::clone(&flight));
            drop(directory);
            let compute: Compute<E> = Box::new(move |_| compute());
            Arc::clone(&flight).launch(shared, stored, compute);
            return Boarded::Flight(flight, reader);
        }
    }

    /// Makes an answer before anybody asks, without waiting for readers. `compute` is told when somebody does ask, so
    /// that it can stand back until then. `false` when the answer is there or in the making; one in the making then
    /// goes on even if its readers leave.
    pub fn prepare<F>(&self, key: CacheKey, compute: F) -> bool
    where
        F: FnOnce(Demand) -> BoxFuture<'static, Result<Production, E>> + Send + 'static,
    {
        let shared = &self.0;
        let mut directory = locked(&shared.directory);
        let in_the_making = directory.flights.get(&key).is_some_and(|flight| flight.entry.pin());
        if in_the_making || directory.index.get(&key).is_some() {
            return false;
        }
        let flight = Arc::new(Flight::new(key, shared.options.ahead_bytes, true));
        directory.flights.insert(key, Arc::clone(&flight));
        drop(directory);
        flight.launch(shared, None, Box::new(compute));
        true
    }

    /// Whether the answer is there or in the making.
    #[cfg(test)]
    pub fn holds(&self, key: &CacheKey) -> bool {
        let directory = locked(&self.0.directory);
        let in_the_making = directory.flights.get(key).is_some_and(|flight| flight.entry.can_be_joined());
        in_the_making || directory.index.get(key).is_some()
    }

    /// Removes what is stored of a repository, and will be of what is in the making. Who reads goes on reading.
    pub fn forget_repository(&self, repository: u64) {
        let shared = &self.0;
        let mut directory = locked(&shared.directory);
        directory.flights.retain(|key, flight| {
            let other = key.repository != repository;
            if !other {
                flight.forgotten.store(true, Ordering::Relaxed);
            }
            other
        });
        directory.index.remove_repository(repository);
        drop(directory);
        let Some(folder) = shared.store.detach(repository) else {
            return;
        };
        let delete = move || {
            if let Err(error) = std::fs::remove_dir_all(&folder) {
                tracing::warn!(path = %folder.display(), %error, "a folder of the response cache stays until the next start");
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(delete)),
            Err(_) => delete(),
        }
    }

    /// What it has done and what it holds.
    pub fn counters(&self) -> CacheCounters {
        let directory = locked(&self.0.directory);
        CacheCounters {
            evictions: directory.index.evictions(),
            entries: directory.index.entries(),
            bytes: directory.index.bytes(),
            ..self.0.counters.read()
        }
    }

    /// What it holds for each repository that it holds anything for.
    pub fn usage(&self) -> HashMap<u64, RepositoryUsage> {
        locked(&self.0.directory).index.usage().collect()
    }
}

/// How somebody who asks gets the answer.
enum Boarded<E> {
    Settled(EntryReader),
    Flight(Arc<Flight<E>>, EntryReader),
}

impl<E> Shared<E> {
    /// Takes the entries of earlier processes in.
    fn scan(self: Arc<Self>) {
        let done = self.store.scan(|stored| {
            let evicted = {
                let mut directory = locked(&self.directory);
                match directory.index.get(&stored.footer.key) {
                    Some(_) => Vec::new(),
                    None => directory.index.insert(Arc::new(stored)),
                }
            };
            evicted.iter().for_each(|path| remove(path));
            // Nobody is left who could ask.
            Arc::strong_count(&self) > 1
        });
        if let Err(error) = done {
            tracing::warn!(%error, "the entries of the response cache cannot be listed; they are found when asked for");
            return;
        }
        locked(&self.directory).index.scanned = true;
    }
}
