//! One computation that all who ask at the same time share: a task of its own that fills an entry.
//!
//! It first looks for an answer that an earlier process left, because checking that one takes time too; only then it
//! computes. It ends early when nobody is interested any more: dropping the production ends the process behind it.

use std::fs::File;
use std::io;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::watch;
use tokio::task::spawn_blocking;

use super::counters::count;
use super::entry::Entry;
use super::key::CacheKey;
use super::production::{Demand, Production};
use super::reader::EntryReader;
use super::recording::Recording;
use super::store::{Stored, remove_all};
use super::{Shared, locked};

/// Begins a computation.
pub(super) type Compute<E> = Box<dyn FnOnce(Demand) -> BoxFuture<'static, Result<Production, E>> + Send>;

/// One computation, from its first asker to its last byte.
#[derive(Debug)]
pub(super) struct Flight<E> {
    pub(super) key: CacheKey,
    /// Begun before anybody asked.
    prepared: bool,
    pub(super) entry: Arc<Entry>,
    /// Why there is no answer; set before the entry is refused.
    pub(super) refusal: OnceLock<E>,
    /// Its repository was forgotten: it must not be stored.
    pub(super) forgotten: AtomicBool,
    /// How many shared it beyond the first asker.
    pub(super) joined: AtomicU32,
    /// What it cost; set when everything is there.
    pub(super) cost: OnceLock<Duration>,
    demand: watch::Sender<bool>,
}

impl<E> Flight<E> {
    /// One that somebody waits for, or that is prepared.
    pub(super) fn new(key: CacheKey, ahead_bytes: u64, prepared: bool) -> Self {
        Self {
            key,
            prepared,
            entry: Arc::new(Entry::new(ahead_bytes, prepared)),
            refusal: OnceLock::new(),
            forgotten: AtomicBool::new(false),
            joined: AtomicU32::new(0),
            cost: OnceLock::new(),
            demand: watch::Sender::new(!prepared),
        }
    }

    /// A reader from the first byte, unless that is no longer to be had.
    pub(super) fn join(&self, shared: &Shared<E>) -> Option<EntryReader> {
        let seat = self.entry.join()?;
        self.demand.send_replace(true);
        Some(EntryReader::of_entry(Arc::clone(&self.entry), seat, Arc::clone(&shared.counters)))
    }
}

impl<E: Clone + Send + Sync + 'static> Flight<E> {
    /// Begins it in a task of its own. `stored` may be the answer, if it turns out to be right.
    pub(super) fn launch(
        self: Arc<Self>,
        shared: &Arc<Shared<E>>,
        stored: Option<Arc<Stored>>,
        compute: Compute<E>,
    ) {
        count(&shared.counters.growing);
        let landing = Landing { shared: Arc::clone(shared), flight: self };
        tokio::spawn(async move {
            let Landing { shared, flight } = &landing;
            tokio::select! {
                biased;
                () = flight.entry.abandoned() => count(&shared.counters.abandoned),
                () = flight.fly(shared, stored, compute) => {}
            }
        });
    }

    async fn fly(
        self: &Arc<Self>,
        shared: &Arc<Shared<E>>,
        stored: Option<Arc<Stored>>,
        compute: Compute<E>,
    ) {
        if let Some((stored, file)) = self.look(shared, stored).await {
            self.entry.adopt(file, stored.footer.length);
            let mut directory = locked(&shared.directory);
            directory.leave_flight(self);
            let joined = self.joined.load(Ordering::Relaxed);
            shared.counters.saved(stored.footer.cost * joined);
            directory.index.want(&self.key, joined);
            if !self.prepared {
                count(&shared.counters.hits);
                shared.counters.saved(stored.footer.cost);
            }
            return;
        }
        count(if self.prepared { &shared.counters.prepared } else { &shared.counters.misses });
        match compute(Demand(self.demand.subscribe())).await {
            Ok(production) => Recording::new(Arc::clone(shared), Arc::clone(self)).record(production).await,
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
            // Asked again: whoever takes in the entries of earlier processes may have come to this one meanwhile.
            None => {
                let directory = locked(&shared.directory);
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
                    let mut directory = locked(&shared.directory);
                    if self.forgotten.load(Ordering::Relaxed) {
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
                if locked(&shared.directory).index.remove(&stored) && !gone {
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
struct Landing<E> {
    shared: Arc<Shared<E>>,
    flight: Arc<Flight<E>>,
}

impl<E> Drop for Landing<E> {
    fn drop(&mut self) {
        // Does nothing unless the computation panicked or the runtime is shutting down.
        self.flight.entry.break_off(io::Error::other("the computation of an answer ended unexpectedly"));
        locked(&self.shared.directory).leave_flight(&self.flight);
        self.shared.counters.growing.fetch_sub(1, Ordering::Relaxed);
    }
}
