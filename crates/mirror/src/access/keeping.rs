//! When decisions of the upstream go to the disk, and come back from there.
//!
//! What is new is written down soon, in the background. What allows more than the upstream does is gone from the disk
//! before anything else happens: a revocation is answered only then.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use tokio::sync::{Mutex, Semaphore};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::decision_cache::{AccessDecisionCache, CredentialKey, DecisionLifetimes, OnDisk};
use super::kept_file::KeptFile;
use crate::upstream_link::UpstreamLink;

/// Pause between two looks for what is new.
const KEEPING_PAUSE: Duration = Duration::from_secs(5);
/// Names that are made between two writings; each takes tens of milliseconds.
const MAX_NAMED_AT_ONCE: usize = 50;
/// Names that are made at the same time; each takes about 19 MiB and a core.
const MAX_CONCURRENT_NAMINGS: usize = 2;
/// Requests that wait for a name; more are refused.
const MAX_WAITING: usize = 256;

/// Keeps the decisions of one upstream in the data folder.
pub(super) struct Keeping {
    cache: AccessDecisionCache,
    clock: Clock,
    /// `None` when nothing is to be kept, or nothing can be.
    file: Option<Arc<KeptFile>>,
    naming: Arc<Semaphore>,
    waiting: Semaphore,
    /// Writers see the latest state, one after the other.
    writing: Arc<Mutex<()>>,
    /// The last change that was written.
    written: AtomicU64,
    /// How often the disk allowed more than was known, and how often of these it no longer does. A caller may give up in
    /// between.
    owed: AtomicU64,
    settled: AtomicU64,
}

impl Keeping {
    /// Begins with what an earlier process has kept.
    pub(super) async fn open(
        data: &Path,
        link: &UpstreamLink,
        lifetimes: DecisionLifetimes,
        clock: Clock,
    ) -> Self {
        let (data, upstream_id) = (data.to_owned(), link.id().to_string());
        let opened = spawn_blocking(move || {
            let file = KeptFile::open(&data, &upstream_id)?;
            if lifetimes.stale.is_zero() {
                file.write(&[])?;
                return Ok(None);
            }
            let kept = file.read();
            Ok::<_, std::io::Error>(Some((file, kept)))
        });
        let opened = opened.await.map_err(std::io::Error::other).flatten();
        let opened = opened.unwrap_or_else(|error| {
            tracing::warn!(%error, "the upstream's decisions are not kept: after a restart they are unknown");
            None
        });
        let (file, salt, kept) = match opened {
            Some((file, kept)) => {
                let salt = file.salt();
                (Some(Arc::new(file)), salt, kept)
            }
            None => (None, rand::random(), Vec::new()),
        };
        Self {
            cache: AccessDecisionCache::new(salt, kept, lifetimes, clock.now_ms()),
            clock,
            file,
            naming: Arc::new(Semaphore::new(MAX_CONCURRENT_NAMINGS)),
            waiting: Semaphore::new(MAX_WAITING),
            writing: Arc::default(),
            written: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        }
    }

    /// What is known, in memory.
    pub(super) fn cache(&self) -> &AccessDecisionCache {
        &self.cache
    }

    /// Brings back what an earlier process knew about these credentials, if it knew anything.
    pub(super) async fn bring_back(&self, key: CredentialKey) -> Result<(), Refusal> {
        if !self.cache.may_be_kept(key) {
            return Ok(());
        }
        let Ok(_waiting) = self.waiting.try_acquire() else {
            return Err(Refusal::too_many("Too many credentials are being checked; try again later."));
        };
        self.name(key).await;
        Ok(())
    }

    /// Sees to it that the disk does not allow more than is known now.
    pub(super) async fn take_back(&self, on_disk: OnDisk) -> Result<(), Refusal> {
        if on_disk == OnDisk::AllowsTooMuch {
            self.owed.fetch_add(1, Ordering::Relaxed);
        }
        if self.is_settled() {
            return Ok(());
        }
        self.write().await.map_err(|error| {
            tracing::error!(%error, "decisions that no longer hold cannot be removed from the disk");
            Refusal::unavailable(
                "This mirror cannot remove from its disk what the upstream has revoked; try again later.",
            )
        })
    }

    /// Writes down what is new, now and then and at the end. Ends with the token.
    pub(super) async fn run(&self, stop: &CancellationToken) {
        loop {
            let is_over = tokio::select! {
                () = stop.cancelled() => true,
                () = tokio::time::sleep(KEEPING_PAUSE) => false,
            };
            let is_new = self.cache.changes() != self.written.load(Ordering::Relaxed);
            if self.file.is_some() && (is_new || !self.is_settled()) {
                for key in self.cache.unnamed(MAX_NAMED_AT_ONCE) {
                    self.name(key).await;
                }
                if let Err(error) = self.write().await {
                    tracing::warn!(%error, "the upstream's decisions cannot be written down");
                }
            }
            if is_over {
                return;
            }
        }
    }

    fn is_settled(&self) -> bool {
        self.settled.load(Ordering::Relaxed) >= self.owed.load(Ordering::Relaxed)
    }

    async fn name(&self, key: CredentialKey) {
        let Some(file) = self.file.clone() else { return };
        let place = Arc::clone(&self.naming).acquire_owned().await.expect("the semaphore is never closed");
        // The place is given back when the name is made, which goes on when the client has gone.
        let naming = spawn_blocking(move || {
            let name = file.name(key);
            drop(place);
            name
        });
        if let Ok(name) = naming.await {
            self.cache.named(key, name);
        }
    }

    async fn write(&self) -> std::io::Result<()> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let turn = Arc::clone(&self.writing).lock_owned().await;
        let owed = self.owed.load(Ordering::Relaxed);
        let changes = self.cache.changes();
        let kept = self.cache.to_keep(self.clock.now_ms());
        // It goes on when the client has gone, and the next one must not be overtaken by it.
        let writing = spawn_blocking(move || {
            let written = file.write(&kept);
            drop(turn);
            written
        });
        writing.await.map_err(std::io::Error::other)??;
        self.settled.fetch_max(owed, Ordering::Relaxed);
        // Names that are still to be made are written next time.
        if self.cache.unnamed(1).is_empty() {
            self.written.store(changes, Ordering::Relaxed);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use heliostat_auth::{Credentials, Secret};
    use tokio::sync::oneshot;

    use super::*;

    #[test]
    fn what_goes_on_when_its_client_has_gone_keeps_its_place() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let file = KeptFile::open(folder.path(), "upstream").expect("a key");
        let lifetimes = DecisionLifetimes { fresh: Duration::from_mins(1), stale: Duration::from_hours(1) };
        let keeping = Keeping {
            cache: AccessDecisionCache::new(file.salt(), Vec::new(), lifetimes, 0),
            clock: Clock::system(),
            file: Some(Arc::new(file)),
            naming: Arc::new(Semaphore::new(1)),
            waiting: Semaphore::new(1),
            writing: Arc::default(),
            written: AtomicU64::new(0),
            owed: AtomicU64::new(0),
            settled: AtomicU64::new(0),
        };
        let credentials =
            Credentials::Basic { username: "ada".to_owned(), password: Secret::new("a good password") };
        let key = keeping.cache().key(&credentials).expect("a user's");
        let runtime = tokio::runtime::Builder::new_current_thread().max_blocking_threads(1).build();
        runtime.expect("a runtime").block_on(async {
            // The one thread for such work is busy until it is let go.
            let (go, gone) = oneshot::channel::<()>();
            let busy = spawn_blocking(move || gone.blocking_recv());
            let mut writing = Box::pin(keeping.write());
            assert!(futures_util::poll!(&mut writing).is_pending());
            drop(writing);
            let mut naming = Box::pin(keeping.name(key));
            assert!(futures_util::poll!(&mut naming).is_pending());
            drop(naming);
            assert!(keeping.writing.try_lock().is_err(), "it is still to be written");
            assert_eq!(keeping.naming.available_permits(), 0, "the name is still to be made");

            go.send(()).expect("it waits");
            busy.await.expect("it ends").expect("it was let go");
            drop(keeping.writing.lock().await);
            drop(keeping.naming.acquire().await.expect("it is never closed"));
        });
    }
}
