//! Objects that a reader wants and that the references here do not lead to: the upstream decides, and what it gives is
//! fetched, that and nothing else.
//!
//! The question is asked with the reader's own credentials, and again each time: what was deleted there is not given
//! here because it was given before. The objects come once for all who wait for them, also when the reader for whom
//! they are being fetched hangs up. A reference of our own names them, so that the next fetch has something to offer;
//! it gives no reader access.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::{ClientKey, Fault, FetchError, FetchTurn, Given, ObjectId, Repository};
use heliostat_git_serve::{FetchOutcome, ObjectSource, Sizes};

use super::upstream_of_reader::{UpstreamOfReader, hides_the_repository};
use super::wanted_fetches::WantedFetches;
use crate::sync::{Repairs, SyncFailure};

/// How long a reader waits for the end of what is being fetched already, into the repository or for the same client.
const FETCH_TURN_LIMIT: Duration = Duration::from_secs(30);

/// How long the upstream is asked while its last call brought no answer: it may have come back, and no reader should
/// wait long for nothing.
const PATIENCE_WHILE_AWAY: Duration = Duration::from_secs(3);

const DOES_NOT_ANSWER: &str = "the upstream of this mirror may have it, and does not answer";
const IS_BUSY: &str =
    "this mirror is fetching something else, into the repository or for the same client; try again";
const IS_NOT_FETCHED: &str = "the upstream of this mirror has it, but it cannot be fetched at the moment";

/// Asks the upstream for one reader of one repository.
#[derive(Clone)]
pub(super) struct MissingWants {
    pub(super) upstream: UpstreamOfReader,
    pub(super) fetches: WantedFetches,
    pub(super) repairs: Arc<Repairs>,
    pub(super) repository: Repository,
}

impl ObjectSource for MissingWants {
    fn bring(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, FetchOutcome> {
        async move {
            match self.ask(&objects, client).await {
                FetchOutcome::All => self.fetch_once(objects, client).await,
                not_given => not_given,
            }
        }
        .boxed()
    }

    /// What is not told is answered as if it were not there, as it is at an upstream that does not know the question.
    fn sizes(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, Result<Sizes, String>> {
        async move {
            let UpstreamOfReader { client: upstream, places, entry, access, .. } = &self.upstream;
            if entry.record().held.is_some() {
                return Ok(Sizes::new());
            }
            let told = self.with_patience(async {
                let _place = places.permit(entry.disk_id(), client).await;
                upstream.sizes(access, &objects).await
            });
            Ok(match told.await {
                Some(Ok(sizes)) => sizes,
                Some(Err(error)) => {
                    tracing::debug!(%error, "the upstream does not tell the sizes that a client asks for");
                    Sizes::new()
                }
                None => Sizes::new(),
            })
        }
        .boxed()
    }
}

impl fmt::Debug for MissingWants {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MissingWants")
            .field("external_id", &self.upstream.entry.external_id)
            .finish_non_exhaustive()
    }
}

impl MissingWants {
    /// Whether the upstream gives all of them to this reader.
    async fn ask(&self, objects: &BTreeSet<ObjectId>, client: ClientKey) -> FetchOutcome {
        let Some(first) = objects.first() else { return FetchOutcome::All };
        let not_ours =
            |object: Option<ObjectId>| FetchOutcome::NotOurs(object.unwrap_or_else(|| first.clone()));
        let UpstreamOfReader { client: upstream, places, entry, access, .. } = &self.upstream;
        if entry.record().held.is_some() {
            // What the upstream has at this address now may be something else.
            return not_ours(None);
        }
        let answer = self.with_patience(async {
            let _place = places.permit(entry.disk_id(), client).await;
            upstream.gives(access, objects).await
        });
        match answer.await {
            Some(Ok(Given::All)) => FetchOutcome::All,
            Some(Ok(Given::NotAll(object))) => not_ours(object),
            Some(Err(error)) if error.status().is_some_and(hides_the_repository) => not_ours(None),
            Some(Ok(Given::Unclear)) | None => FetchOutcome::Unknown(DOES_NOT_ANSWER.to_owned()),
            Some(Err(error)) => {
                tracing::debug!(%error, "the upstream does not say whether it gives what a client wants");
                FetchOutcome::Unknown(DOES_NOT_ANSWER.to_owned())
            }
        }
    }

    /// Waits for what the upstream says to a question; only for a moment while its last call brought no answer.
    async fn with_patience<T>(&self, question: impl Future<Output = T>) -> Option<T> {
        if self.upstream.link.facts().reachable {
            return Some(question.await);
        }
        tokio::time::timeout(PATIENCE_WHILE_AWAY, question).await.ok()
    }

    /// Fetches what the upstream gives, unless it comes for another reader meanwhile.
    async fn fetch_once(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> FetchOutcome {
        let turn = match tokio::time::timeout(FETCH_TURN_LIMIT, self.turn(&objects, client)).await {
            Ok(Some(turn)) => turn,
            Ok(None) => return FetchOutcome::All,
            Err(_) => return FetchOutcome::Unknown(IS_BUSY.to_owned()),
        };
        let this = self.clone();
        let fetching = async move {
            let brought = this.fetch(&objects).await;
            drop(turn);
            brought
        };
        // A client that hangs up does not end what others wait for.
        let brought = self.fetches.to_the_end(fetching).await;
        brought.unwrap_or_else(|| FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned()))
    }

    /// Waits for a turn with a place. `None` if another one has brought all of it meanwhile.
    async fn turn(&self, objects: &BTreeSet<ObjectId>, client: ClientKey) -> Option<FetchTurn> {
        let entry = &self.upstream.entry;
        let mut place = None;
        loop {
            let turn = self.fetches.turn(entry, client, place.take()).await;
            if self.is_brought(objects).await {
                return None;
            }
            if turn.has_place() {
                return Some(turn);
            }
            drop(turn);
            place = Some(self.fetches.place(entry, client).await);
        }
    }

    /// Whether a reader has wanted all of these before, and they are here since.
    async fn is_brought(&self, objects: &BTreeSet<ObjectId>) -> bool {
        if !self.upstream.entry.has_brought(objects) {
            return false;
        }
        let _no_removal = self.repository.removals().hold_off().await;
        self.are_here(objects).await
    }

    /// The caller holds a turn with a place.
    async fn fetch(&self, objects: &BTreeSet<ObjectId>) -> FetchOutcome {
        let UpstreamOfReader { synchroniser, entry, .. } = &self.upstream;
        let no_removal = self.repository.removals().hold_off().await;
        let fetched = synchroniser.fetch_wanted(&self.repository, entry, objects.clone()).await;
        drop(no_removal);
        match fetched {
            Ok(()) => {
                tracing::info!(
                    repository.external_id = entry.external_id,
                    objects = objects.len(),
                    "fetched what a client wanted and no reference led to"
                );
                entry.note_brought(objects);
                self.drop_surplus().await;
                FetchOutcome::All
            }
            Err(failure) => self.not_fetched(&failure, objects),
        }
    }

    async fn are_here(&self, objects: &BTreeSet<ObjectId>) -> bool {
        self.repository.present(objects).await.is_ok_and(|here| here == *objects)
    }

    /// With time housekeeping drops our references; here it is seen to that they do not become too many.
    async fn drop_surplus(&self) {
        if let Err(error) = self.repository.drop_wanted_refs(Duration::MAX).await {
            tracing::warn!(%error, "cannot drop references to what clients wanted");
        }
    }

    fn not_fetched(&self, failure: &SyncFailure, objects: &BTreeSet<ObjectId>) -> FetchOutcome {
        if let Some(fault) = failure.fault().filter(Fault::is_damage) {
            self.repairs.suspect(&self.upstream.entry, &fault);
        }
        tracing::info!(error = failure.in_full(), "cannot fetch what a client wants");
        match (failure, objects.first()) {
            (SyncFailure::Fetch(FetchError::RemoteObjectMissing { object, .. }), Some(first)) => {
                FetchOutcome::NotOurs(object.as_ref().unwrap_or(first).clone())
            }
            _ => FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned()),
        }
    }
}
