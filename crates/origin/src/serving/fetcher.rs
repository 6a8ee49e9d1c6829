//! Fetching objects from the origin into a repository that is here: what readers are shown becomes branches and tags here,
//! what they want besides is kept by references of our own.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_foreign::{
    Credentials, FetchFailure, KeptBy, Refusal as OriginRefusal, RepositoryPath, Source, WantedObjects,
};
use heliostat_git::{
    ABANDONED_FETCH_LIMIT, ClientKey, Fault, FetchTurn, FetchTurns, GitError, Given, ObjectId, PackForwarder,
    Permit, Repository, SwapRefsError,
};
use thiserror::Error;

use crate::reader_access::Shown;
use crate::repositories::{Entry, Repositories, head_of, show_branches};

/// How often is looked, a second apart, whether what is no longer forwarded has left its room on the disk.
const LOOKS_UNTIL_ROOM: usize = 5;

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
    turns: FetchTurns,
    fetched: AtomicU64,
    failed: AtomicU64,
    objects: AtomicU64,
}

/// A fetch into a repository, and for whom it is.
#[derive(Clone, Copy)]
pub(super) struct Fetch<'a> {
    pub(super) entry: &'a Entry,
    pub(super) repository: &'a Repository,
    pub(super) shown: &'a Shown,
    pub(super) path: &'a RepositoryPath,
    pub(super) credentials: &'a Credentials,
    /// Where the pack is forwarded that is being fetched, if a client follows.
    pub(super) forwarder: Option<&'a PackForwarder>,
}

impl Fetcher {
    pub(crate) fn new(source: Arc<dyn Source>, repositories: Arc<Repositories>) -> Self {
        let turns = FetchTurns::default();
        let (fetched, failed, objects) = (AtomicU64::new(0), AtomicU64::new(0), AtomicU64::new(0));
        Self(Arc::new(Inner { source, repositories, turns, fetched, failed, objects }))
    }

    pub(crate) fn counters(&self) -> FetchCounters {
        let read = |count: &AtomicU64| count.load(Ordering::Relaxed);
        let Inner { fetched, failed, objects, .. } = &*self.0;
        FetchCounters { fetched: read(fetched), failed: read(failed), objects: read(objects) }
    }

    /// Waits until no other fetch into a repository runs; what was waited for before is a place among all fetches.
    pub(super) async fn turn(
        &self,
        entry: &Entry,
        client: ClientKey,
        waited_for: Option<Permit>,
    ) -> FetchTurn {
        self.0.turns.turn(&entry.fetching, entry.disk_id(), client, waited_for).await
    }

    /// Waits for a place among all fetches. The caller holds no turn.
    pub(super) async fn place(&self, entry: &Entry, client: ClientKey) -> Permit {
        self.0.turns.place(entry.disk_id(), client).await
    }

    /// Lets something go on to its end, also when its reader does not wait for it any more, but then not for ever. `None` if it
    /// was given up.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        work: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.0.repositories.to_the_end_within(ABANDONED_FETCH_LIMIT, work).await
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
        let _no_removal = repository.removals().hold_off().await;
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
        let _no_removal = fetch.repository.removals().hold_off().await;
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

    /// What is written for those who follow goes first.
    async fn until_disk_is_full(&self, entry: &Entry, forwarder: Option<&PackForwarder>) -> String {
        let repositories = &self.0.repositories;
        let mut no_room = repositories.until_disk_is_full().await;
        if forwarder.is_some_and(PackForwarder::give_up) {
            tracing::info!(
                repository.path = entry.path.as_str(),
                no_room,
                "a pack that is fetched is not forwarded further"
            );
            for _ in 0..LOOKS_UNTIL_ROOM {
                no_room = repositories.until_disk_is_full().await;
            }
        }
        no_room
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
        let Fetch { entry, repository, path, credentials, forwarder, .. } = fetch;
        let repositories = &self.0.repositories;
        repositories.require_room(entry).await.map_err(NotFetched::NoRoom)?;
        let progress = entry.tell_arrival();
        let wanted = WantedObjects { objects, kept_by, progress: Some(&progress), forwarder };
        let fetched = tokio::select! {
            fetched = self.0.source.fetch(path, credentials, repository, wanted) => {
                fetched.map_err(NotFetched::Failed)
            }
            // What is left on the disk is for the database.
            no_room = self.until_disk_is_full(entry, forwarder) => Err(NotFetched::NoRoom(no_room)),
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
