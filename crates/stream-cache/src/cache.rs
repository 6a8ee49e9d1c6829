//! The cache as its users see it: asking for a response, preparing one, forgetting a group.

use std::collections::HashMap;
use std::future::poll_fn;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;
use tokio::runtime::Handle;
use tokio::sync::Notify;
use tokio::task::spawn_blocking;

use crate::counters::{CacheCounters, Counters, GroupUsage, count};
use crate::entry::Begun;
use crate::in_flight::{Compute, InFlight};
use crate::index::Index;
use crate::key::CacheKey;
use crate::reader::EntryReader;
use crate::response_stream::{Interest, ResponseError, ResponseStream};
use crate::room::missing_room;
use crate::store::{DiskWriter, FileWriter, Store, Stored, remove};

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
    /// Most that entries take of the disk, in bytes; 0 stores nothing, but clients still share computations. What goes at a
    /// pace of its own may take more while it is made and read.
    pub max_bytes: u64,
    /// Most entries, each of which takes some memory.
    pub max_entries: usize,
    /// How far a computation that readers hold up may be ahead of its furthest reader, in bytes.
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
    pub(crate) fn max_entry_bytes(&self) -> u64 {
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

/// What the cache and its running computations share.
#[derive(Debug)]
pub(crate) struct Shared<E> {
    pub(crate) store: Store,
    pub(crate) options: CacheOptions,
    pub(crate) counters: Arc<Counters>,
    pub(crate) directory: Mutex<Directory<E>>,
    /// Told when a client's computation begins.
    begun: Notify,
}

/// What there is. An answer can be in both for a moment: while an entry of an earlier process is checked.
#[derive(Debug)]
pub(crate) struct Directory<E> {
    in_flight: HashMap<CacheKey, Arc<InFlight<E>>>,
    pub(crate) index: Index,
}

impl<E> Directory<E> {
    /// Forgets a computation, unless another has taken its place.
    pub(crate) fn leave_in_flight(&mut self, in_flight: &Arc<InFlight<E>>) {
        if self.in_flight.get(&in_flight.key).is_some_and(|present| Arc::ptr_eq(present, in_flight)) {
            self.in_flight.remove(&in_flight.key);
        }
    }
}

impl<E: Clone + Send + Sync + 'static> ResponseCache<E> {
    /// Opens a folder that no other process uses, finds the entries of earlier runs and removes half-written ones.
    /// Inside a runtime the entries are looked through in the background; each is found at once when it is asked for.
    pub fn open(folder: &Path, options: CacheOptions) -> io::Result<Self> {
        Self::open_with(folder, options, Arc::new(DiskWriter))
    }

    pub(crate) fn open_with(
        folder: &Path,
        options: CacheOptions,
        writer: Arc<dyn FileWriter>,
    ) -> io::Result<Self> {
        let store = Store::open(folder, writer)?;
        let directory = Directory {
            in_flight: HashMap::new(),
            index: Index::new(options.max_bytes, options.max_entries),
        };
        let shared = Arc::new(Shared {
            store,
            options,
            counters: Arc::default(),
            directory: Mutex::new(directory),
            begun: Notify::new(),
        });
        let scanning = Arc::clone(&shared);
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(move || scanning.scan())),
            Err(_) => scanning.scan(),
        }
        Ok(Self(shared))
    }

    /// The answer: stored, or shared with those who are waiting for it already, or computed by `compute` in a task of
    /// its own. Returns when the first piece is there.
    pub async fn answer<F>(&self, key: CacheKey, compute: F) -> Result<EntryReader, ResponseError<E>>
    where
        F: FnOnce() -> BoxFuture<'static, Result<ResponseStream, E>> + Send + 'static,
    {
        let (in_flight, mut reader) = match self.look_up(key, compute) {
            Lookup::Settled(reader) => return Ok(reader),
            Lookup::InFlight(in_flight, reader) => (in_flight, reader),
        };
        match poll_fn(|context| reader.poll_begun(context)).await {
            Begun::Flowing => Ok(reader),
            Begun::Broken(error) => Err(ResponseError::Broken(error)),
            Begun::Refused => {
                let refusal = in_flight.refusal.get().expect("set before the entry is refused");
                Err(ResponseError::Failed(refusal.clone()))
            }
        }
    }

    /// The answer, as soon as it is in the making for another client, and not whole yet. Returns when the first piece is there;
    /// never, if no other client asks for it.
    pub async fn joined(&self, key: &CacheKey) -> EntryReader {
        loop {
            let begun = self.0.begun.notified();
            if let Some(reader) = self.join(key).await {
                return reader;
            }
            begun.await;
        }
    }

    async fn join(&self, key: &CacheKey) -> Option<EntryReader> {
        let (in_flight, mut reader) = {
            let directory = self.0.directory.lock();
            let growing = directory.in_flight.get(key).filter(|in_flight| in_flight.cost.get().is_none())?;
            (Arc::clone(growing), growing.join(&self.0)?)
        };
        let Begun::Flowing = poll_fn(|context| reader.poll_begun(context)).await else { return None };
        // Until now the client may have been answered in another way, and was counted there then.
        let _directory = self.0.directory.lock();
        in_flight.count_joined(&self.0);
        Some(reader)
    }

    fn look_up<F>(&self, key: CacheKey, compute: F) -> Lookup<E>
    where
        F: FnOnce() -> BoxFuture<'static, Result<ResponseStream, E>> + Send + 'static,
    {
        let shared = &self.0;
        let mut doubtful: Option<Arc<Stored>> = None;
        loop {
            let mut directory = shared.directory.lock();
            if let Some(in_flight) = directory.in_flight.get(&key)
                && let Some(reader) = in_flight.join(shared)
            {
                in_flight.count_joined(shared);
                return Lookup::InFlight(Arc::clone(in_flight), reader);
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
                    return Lookup::Settled(EntryReader::of_file(file, length, counters));
                }
                // It must be checked, or is gone; another task may find that out at the same time.
                doubtful = Some(Arc::clone(stored));
                continue;
            }
            let in_flight = Arc::new(InFlight::new(key, shared.options.ahead_bytes, false));
            let reader = in_flight.join(shared).expect("nothing has happened to it yet");
            directory.in_flight.insert(key, Arc::clone(&in_flight));
            drop(directory);
            shared.begun.notify_waiters();
            let compute: Compute<E> = Box::new(move |_| compute());
            Arc::clone(&in_flight).launch(shared, stored, compute);
            return Lookup::InFlight(in_flight, reader);
        }
    }

    /// Makes an answer before a client asks, without waiting for readers. `compute` is told when one does ask, so
    /// that it can stand back until then. `false` when the answer is there or in the making; one in the making then
    /// goes on even if its readers leave.
    pub fn prepare<F>(&self, key: CacheKey, compute: F) -> bool
    where
        F: FnOnce(Interest) -> BoxFuture<'static, Result<ResponseStream, E>> + Send + 'static,
    {
        let shared = &self.0;
        let mut directory = shared.directory.lock();
        let in_the_making = directory.in_flight.get(&key).is_some_and(|in_flight| in_flight.entry.pin());
        if in_the_making || directory.index.get(&key).is_some() {
            return false;
        }
        let in_flight = Arc::new(InFlight::new(key, shared.options.ahead_bytes, true));
        directory.in_flight.insert(key, Arc::clone(&in_flight));
        drop(directory);
        in_flight.launch(shared, None, Box::new(compute));
        true
    }

    /// Whether the answer is there or in the making.
    #[cfg(test)]
    pub fn holds(&self, key: &CacheKey) -> bool {
        let directory = self.0.directory.lock();
        let in_the_making =
            directory.in_flight.get(key).is_some_and(|in_flight| in_flight.entry.can_be_joined());
        in_the_making || directory.index.get(key).is_some()
    }

    /// Removes what is stored of a group, and the files of what is in the making. Who reads goes on reading. What is stored is
    /// deleted in the background.
    pub fn forget_group(&self, group: u64) {
        // At once: none of them becomes an entry after the entries are gone. They are open, so no more than a name goes.
        self.give_no_more(group).iter().for_each(|path| remove(path));
        let folder = match self.0.store.detach(group) {
            Ok(Some(folder)) => folder,
            Ok(None) => return,
            Err(error) => {
                tracing::warn!(%error, "what the response cache has of a repository that it forgets stays on the disk");
                return;
            }
        };
        let delete = move || {
            if let Err(error) = std::fs::remove_dir_all(&folder)
                && error.kind() != io::ErrorKind::NotFound
            {
                tracing::warn!(path = %folder.display(), %error, "a folder of the response cache stays until the next start");
            }
        };
        match Handle::try_current() {
            Ok(runtime) => drop(runtime.spawn_blocking(delete)),
            Err(_) => delete(),
        }
    }

    /// As [`Self::forget_group`], and returns when the files are deleted, or cannot be. Those that an earlier call has left
    /// are among them.
    pub async fn remove_group(&self, group: u64) -> io::Result<()> {
        let growing = self.give_no_more(group);
        let shared = Arc::clone(&self.0);
        spawn_blocking(move || shared.store.remove_group(group, &growing)).await.map_err(io::Error::other)?
    }

    /// Answers no request with what there is of a group, and stores nothing of what is being computed. Returns the
    /// files of that which have begun; others go as soon as they begin.
    fn give_no_more(&self, group: u64) -> Vec<PathBuf> {
        let (mut growing, mut directory) = (Vec::new(), self.0.directory.lock());
        directory.in_flight.retain(|key, in_flight| {
            let other = key.group != group;
            if !other {
                in_flight.forgotten.store(true, Ordering::Relaxed);
                growing.extend(in_flight.file.get().cloned());
            }
            other
        });
        directory.index.remove_group(group);
        growing
    }

    /// Gives entries up as far as others need their room on the disk. Blocks.
    pub fn leave_room(&self) {
        let shared = &self.0;
        let missing = match missing_room(shared.store.root()) {
            Ok(missing) => missing,
            // The folder of a process that ends may be gone before its last look.
            Err(error) if error.kind() == io::ErrorKind::NotFound => 0,
            Err(error) => {
                tracing::warn!(%error, "cannot ask for the room on the disk of the response cache");
                0
            }
        };
        if missing > 0 {
            let evicted = shared.directory.lock().index.evict(missing);
            evicted.iter().for_each(|path| remove(path));
        }
    }

    /// What it has done and what it holds.
    pub fn counters(&self) -> CacheCounters {
        let directory = self.0.directory.lock();
        CacheCounters {
            evictions: directory.index.evictions(),
            entries: directory.index.entries(),
            bytes: directory.index.bytes(),
            ..self.0.counters.read()
        }
    }

    /// What it holds for each group that it holds anything for.
    pub fn usage(&self) -> HashMap<u64, GroupUsage> {
        self.0.directory.lock().index.usage().collect()
    }
}

/// How a client gets the answer.
enum Lookup<E> {
    Settled(EntryReader),
    InFlight(Arc<InFlight<E>>, EntryReader),
}

impl<E> Shared<E> {
    /// Takes the entries of earlier processes in.
    fn scan(self: Arc<Self>) {
        let done = self.store.scan(|stored| {
            let evicted = {
                let mut directory = self.directory.lock();
                match directory.index.get(&stored.footer.key) {
                    Some(_) => Vec::new(),
                    None => directory.index.insert(Arc::new(stored)),
                }
            };
            evicted.iter().for_each(|path| remove(path));
            // There is no one left to ask.
            Arc::strong_count(&self) > 1
        });
        if let Err(error) = done {
            tracing::warn!(%error, "the entries of the response cache cannot be listed; they are found when asked for");
            return;
        }
        self.directory.lock().index.scanned = true;
    }
}
