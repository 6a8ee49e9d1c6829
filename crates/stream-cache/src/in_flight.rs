//! One computation that all who ask at the same time share: a task of its own that fills an entry.
//!
//! It first looks for an answer that an earlier process left, because checking that one takes time too; only then it
//! computes. It ends early when no client is interested any more: dropping the response ends the process behind it.

use std::fs::File;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use crate::cache::Shared;
use crate::counters::count;
use crate::entry::Entry;
use crate::key::CacheKey;
use crate::reader::EntryReader;
use crate::recording::Recording;
use crate::response_stream::{Interest, ResponseStream};
use crate::store::{Stored, remove_all};

/// Begins a computation.
pub(crate) type Compute<E> =
    Box<dyn FnOnce(Interest) -> BoxFuture<'static, Result<ResponseStream, E>> + Send>;

/// One computation, from its first client to its last byte.
#[derive(Debug)]
pub(crate) struct InFlight<E> {
    pub(crate) key: CacheKey,
    /// Begun before a client asked.
    prepared: bool,
    pub(crate) entry: Arc<Entry>,
    /// Why there is no answer; set before the entry is refused.
    pub(crate) refusal: OnceLock<E>,
    /// Its group was forgotten: it must not be stored.
    pub(crate) forgotten: AtomicBool,
    /// Where its file is, once it was begun; the file goes with the group.
    pub(crate) file: OnceLock<PathBuf>,
    /// How many shared it beyond the first client.
    pub(crate) joined: AtomicU32,
    /// What it cost; set when everything is there.
    pub(crate) cost: OnceLock<Duration>,
    interest: watch::Sender<bool>,
}

impl<E> InFlight<E> {
    /// One that a client waits for, or that is prepared.
    pub(crate) fn new(key: CacheKey, ahead_bytes: u64, prepared: bool) -> Self {
        Self {
            key,
            prepared,
            entry: Arc::new(Entry::new(ahead_bytes, prepared)),
            refusal: OnceLock::new(),
            forgotten: AtomicBool::new(false),
            file: OnceLock::new(),
            joined: AtomicU32::new(0),
            cost: OnceLock::new(),
            interest: watch::Sender::new(!prepared),
        }
    }

    /// A reader from the first byte, unless that is no longer to be had.
    pub(crate) fn join(&self, shared: &Shared<E>) -> Option<EntryReader> {
        let slot = self.entry.join()?;
        self.interest.send_replace(true);
        Some(EntryReader::of_entry(Arc::clone(&self.entry), slot, Arc::clone(&shared.counters)))
    }
}

impl<E> InFlight<E> {
    pub(crate) fn is_forgotten(&self) -> bool {
        self.forgotten.load(Ordering::Relaxed)
    }

    /// Counts one more who shares it. The caller holds the directory: the task that sets the cost counts those before, after a
    /// look at that.
    pub(crate) fn count_joined(&self, shared: &Shared<E>) {
        match self.cost.get() {
            Some(cost) => {
                count(&shared.counters.hits);
                shared.counters.saved(*cost);
            }
            None => {
                count(&shared.counters.joins);
                self.joined.fetch_add(1, Ordering::Relaxed);
            }
        }
    }
}

impl<E: Clone + Send + Sync + 'static> InFlight<E> {
    /// Begins it in a task of its own. `stored` may be the answer, if it turns out to be right.
    pub(crate) fn launch(
        self: Arc<Self>,
        shared: &Arc<Shared<E>>,
        stored: Option<Arc<Stored>>,
        compute: Compute<E>,
    ) {
        count(&shared.counters.growing);
        let clean_up = CleanUp { shared: Arc::clone(shared), in_flight: self };
        tokio::spawn(async move {
            let CleanUp { shared, in_flight } = &clean_up;
            tokio::select! {
                biased;
                () = in_flight.entry.abandoned() => count(&shared.counters.abandoned),
                () = in_flight.run(shared, stored, compute) => {}
            }
        });
    }

    async fn run(
        self: &Arc<Self>,
        shared: &Arc<Shared<E>>,
        stored: Option<Arc<Stored>>,
        compute: Compute<E>,
    ) {
        if let Some((stored, file)) = self.look(shared, stored).await {
            // Counted before the client has it, who may ask right after that what was counted.
            if !self.prepared {
                count(&shared.counters.hits);
                shared.counters.saved(stored.footer.cost);
            }
            self.entry.adopt(file, stored.footer.length);
            let mut directory = shared.directory.lock();
            directory.leave_in_flight(self);
            let joined = self.joined.load(Ordering::Relaxed);
            shared.counters.saved(stored.footer.cost * joined);
            directory.index.want(&self.key, joined);
            return;
        }
        count(if self.prepared { &shared.counters.prepared } else { &shared.counters.misses });
        match compute(Interest(self.interest.subscribe())).await {
            Ok(response) => Recording::new(Arc::clone(shared), Arc::clone(self)).record(response).await,
            Err(error) => {
                self.refusal.set(error).ok();
                self.entry.refuse();
            }
        }
    }

    /// The answer that is on disk, if it is right.
    async fn look(
        &self,
        shared: &Arc<Shared<E>>,
        stored: Option<Arc<Stored>>,
    ) -> Option<(Arc<Stored>, Arc<File>)> {
        let (stored, is_all_known) = match stored {
            Some(stored) => (Some(stored), true),
            // Asked again: the scan of earlier entries may have come to this one meanwhile.
            None => {
                let directory = shared.directory.lock();
                (directory.index.get(&self.key).cloned(), directory.index.scanned)
            }
        };
        let stored = match stored {
            Some(stored) => stored,
            None if is_all_known => return None,
            None => {
                let (place, key) = (Arc::clone(shared), self.key);
                let found = spawn_blocking(move || place.store.find(&key)).await.ok().flatten()?;
                let (found, evicted) = {
                    let mut directory = shared.directory.lock();
                    if self.is_forgotten() {
                        return None;
                    }
                    match directory.index.get(&self.key) {
                        Some(known) => (Arc::clone(known), Vec::new()),
                        None => {
                            let found = Arc::new(found);
                            (Arc::clone(&found), directory.index.insert(found))
                        }
                    }
                };
                remove_all(evicted).await;
                found
            }
        };
        let (entry, candidate) = (Arc::clone(&self.entry), Arc::clone(&stored));
        let checked = spawn_blocking(move || candidate.check(|| entry.is_abandoned())).await;
        match checked.unwrap_or_else(|error| Err(io::Error::other(error))) {
            Ok(Some(file)) => Some((stored, file)),
            Ok(None) if self.entry.is_abandoned() => None,
            outcome => {
                let gone = matches!(&outcome, Err(error) if error.kind() == io::ErrorKind::NotFound);
                if shared.directory.lock().index.remove(&stored) && !gone {
                    count(&shared.counters.damaged);
                    let problem =
                        outcome.err().map_or("its checksum is wrong".into(), |error| error.to_string());
                    let path = stored.path().to_owned();
                    tracing::warn!(path = %path.display(), problem, "a stored answer is damaged; it is computed again");
                    remove_all(vec![path]).await;
                }
                None
            }
        }
    }
}

/// Clears up behind a computation, however it ended.
struct CleanUp<E> {
    shared: Arc<Shared<E>>,
    in_flight: Arc<InFlight<E>>,
}

impl<E> Drop for CleanUp<E> {
    fn drop(&mut self) {
        // Does nothing unless the computation panicked or the runtime is shutting down.
        self.in_flight.entry.break_off(io::Error::other("the computation of an answer ended unexpectedly"));
        self.shared.directory.lock().leave_in_flight(&self.in_flight);
        self.shared.counters.growing.fetch_sub(1, Ordering::Relaxed);
    }
}
