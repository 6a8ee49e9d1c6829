//! Fetching objects from the origin into a repository that is here: what readers are shown becomes branches and tags here,
//! what they want besides is kept by references of our own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::FutureExt;
use heliostat_foreign::{
    Credentials, FetchFailure, KeptBy, Refusal as OriginRefusal, RepositoryPath, Source, WantedObjects,
};
use heliostat_git::{
    ClientKey, FairQueue, Fault, GitError, Given, ObjectId, Permit, Repository, Shares, SwapRefsError,
};
use thiserror::Error;
use tokio::sync::OwnedMutexGuard;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use crate::repositories::{Entry, Repositories, head_of, show_branches};
use crate::verdicts::Shown;

/// Fetches from the origin at once, over all repositories.
const MAX_FETCHES: usize = 16;

/// What was fetched since the start.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct FetchCounters {
    /// Fetches that have brought what was wanted.
    pub fetched: u64,
    /// Fetches that have not.
    pub failed: u64,
    /// Objects that were brought by name; what they need comes with them.
    pub objects: u64,
}

/// Why what is wanted is not here.
#[derive(Debug, Error)]
pub(super) enum NotFetched {
    /// The origin does not give it.
    #[error(transparent)]
    Failed(#[from] FetchFailure),
    /// The repository here cannot be read or changed.
    #[error(transparent)]
    Here(#[from] GitError),
    /// The references here cannot be changed.
    #[error(transparent)]
    Refs(#[from] SwapRefsError),
    /// There is no room for it here; in words, why.
    #[error("{0}")]
    NoRoom(String),
}

/// Fetches for all repositories. Cloning is cheap.
#[derive(Clone)]
pub(crate) struct Fetcher(Arc<Inner>);

struct Inner {
    source: Arc<dyn Source>,
    repositories: Arc<Repositories>,
    places: FairQueue,
    fetched: AtomicU64,
    failed: AtomicU64,
    objects: AtomicU64,
    tasks: TaskTracker,
    stop: CancellationToken,
}

/// A repository while nobody else fetches into it, and perhaps a place among all fetches.
pub(super) struct Turn {
    _fetching: OwnedMutexGuard<()>,
    place: Option<Permit>,
}

impl Turn {
    /// Whether the origin may be asked now.
    pub(super) fn has_place(&self) -> bool {
        self.place.is_some()
    }
}

/// A fetch into a repository, and for whom it is.
#[derive(Clone, Copy)]
pub(super) struct Fetch<'a> {
    pub(super) entry: &'a Entry,
    pub(super) repository: &'a Repository,
    pub(super) shown: &'a Shown,
    pub(super) path: &'a RepositoryPath,
    pub(super) credentials: &'a Credentials,
}

impl Fetcher {
    pub(crate) fn new(
        source: Arc<dyn Source>,
        repositories: Arc<Repositories>,
        tasks: TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let places = FairQueue::new(Shares::of_processes(MAX_FETCHES));
        let (fetched, failed, objects) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { source, repositories, places, fetched, failed, objects, tasks, stop }))
    }

    pub(crate) fn counters(&self) -> FetchCounters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Inner { fetched, failed, objects, .. } = &*self.0;
        FetchCounters { fetched: read(fetched), failed: read(failed), objects: read(objects) }
    }

    /// Waits until nobody else fetches into a repository. The turn has a place if there is one at once, or if one was waited for
    /// and nobody is fetching.
    ///
    /// A client may wait long for a place, because of what else it fetches, and for a repository, because others fetch into
    /// it. So nobody who waits for the one holds the other.
    pub(super) async fn turn(&self, entry: &Entry, client: ClientKey, waited_for: Option<Permit>) -> Turn {
        if waited_for.is_some()
            && let Ok(fetching) = Arc::clone(&entry.fetching).try_lock_owned()
        {
            return Turn { _fetching: fetching, place: waited_for };
        }
        drop(waited_for);
        let fetching = Arc::clone(&entry.fetching).lock_owned().await;
        Turn { _fetching: fetching, place: self.place(entry, client).now_or_never() }
    }

    /// Waits for a place among all fetches. The caller holds no turn.
    pub(super) async fn place(&self, entry: &Entry, client: ClientKey) -> Permit {
        self.0.places.permit(entry.disk_id(), client).await
    }

    /// Lets something go on to its end, also when nobody waits for it any more, unless this server is stopping then. `None` if
    /// it has failed.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        let (stop, abandoned) = (self.0.stop.clone(), CancellationToken::new());
        let _waiting = abandoned.clone().drop_guard();
        let task = self.0.tasks.spawn(async move {
            let is_in_vain = async {
                stop.cancelled().await;
                abandoned.cancelled().await;
            };
            tokio::select! {
                done = work => Some(done),
                () = is_in_vain => None,
            }
        });
        task.await.ok().flatten()
    }

    /// Whether the origin gives these to this reader, asked without taking them. The caller holds a turn with a place.
    pub(super) async fn gives(
        &self,
        fetch: Fetch<'_>,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<Given, OriginRefusal> {
        self.0.source.gives(fetch.path, fetch.credentials, objects).await
    }

    /// Brings branches and tags that the reader is shown, and lets references here lead to them. The caller holds a
    /// turn, with a place if there are any.
    pub(super) async fn bring_branches(
        &self,
        fetch: Fetch<'_>,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<(), NotFetched> {
        let Fetch { entry, repository, shown, .. } = fetch;
        let _no_removal = repository.no_removal().await;
        self.fetch(fetch, objects, KeptBy::Caller).await?;
        show_branches(repository, &shown.branches, &head_of(&shown.listing), objects).await?;
        entry.note_growth();
        self.0.repositories.note_growth();
        Ok(())
    }

    /// Brings whatever else a reader may have; references of our own lead to it from then on. The caller holds a turn, with a
    /// place if there is any.
    pub(super) async fn bring_others(
        &self,
        fetch: Fetch<'_>,
        objects: &BTreeSet<ObjectId>,
    ) -> Result<(), NotFetched> {
        let _no_removal = fetch.repository.no_removal().await;
        self.fetch(fetch, objects, KeptBy::OurRefs).await?;
        fetch.entry.note_brought(objects.iter().cloned());
        fetch.entry.note_growth();
        self.0.repositories.note_growth();
        // With time housekeeping drops our references; here it is seen to that they do not become too many.
        if let Err(error) = fetch.repository.drop_wanted_refs(Duration::MAX).await {
            tracing::warn!(%error, "cannot drop references to what clients wanted");
        }
        Ok(())
    }

    async fn fetch(
        &self,
        fetch: Fetch<'_>,
        objects: &BTreeSet<ObjectId>,
        kept_by: KeptBy,
    ) -> Result<(), NotFetched> {
        if objects.is_empty() {
            return Ok(());
        }
        let Fetch { entry, repository, path, credentials, .. } = fetch;
        let repositories = &self.0.repositories;
        repositories.require_room(entry).await.map_err(NotFetched::NoRoom)?;
        let progress = entry.tell_arrival();
        let wanted = WantedObjects { objects, kept_by, progress: Some(&progress) };
        let fetched = tokio::select! {
            fetched = self.0.source.fetch(path, credentials, repository, wanted) => {
                fetched.map_err(NotFetched::Failed)
            }
            // What is left on the disk is for the database.
            no_room = repositories.until_disk_is_full() => Err(NotFetched::NoRoom(no_room)),
        };
        entry.end_arrival();
        match &fetched {
            Ok(()) => {
                self.0.fetched.fetch_add(1, Ordering::Relaxed);
                self.0.objects.fetch_add(objects.len() as u64, Ordering::Relaxed);
                tracing::debug!(
                    repository.path = entry.path.as_str(),
                    objects = objects.len(),
                    "fetched from the origin"
                );
            }
            Err(failure) => {
                self.0.failed.fetch_add(1, Ordering::Relaxed);
                entry.measure_again();
                repositories.note_growth();
                tracing::info!(
                    repository.path = entry.path.as_str(),
                    error = failure as &dyn std::error::Error,
                    "cannot fetch from the origin"
                );
                if let NotFetched::Failed(FetchFailure::Here(error)) = failure
                    && let Some(fault) = error.fault().filter(Fault::is_damage)
                {
                    repository.suspect(&fault);
                }
            }
        }
        fetched
    }
}
