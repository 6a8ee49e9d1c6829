//! Objects that a reader wants and that are not here, or not known to be theirs: the origin gives them, or does not.
//!
//! What the reader is shown is fetched once for all, with the credentials of the one who wanted it first. Where nothing is here
//! yet, the pack is given while it comes, to that reader and to all who wait for the same. Anything else is asked for with the
//! reader's own credentials each time, also what is here: that it was given to one says nothing of another.

use std::collections::BTreeSet;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_foreign::{Credentials, FetchFailure, Refusal as OriginRefusal, RepositoryPath};
use heliostat_git::{
    ClientKey, FetchTurn, Given, Head, ObjectId, PackForwarder, Repository, SearchFor, forwarded_pack,
};
use heliostat_git_serve::{FetchOutcome, Forwarding, ObjectSource, Progress, Sizes};
use tokio::sync::watch;

use super::fetcher::{Fetch, Fetcher, NotFetched};
use super::in_step::InStep;
use crate::reader_access::Shown;
use crate::repositories::{Entry, InUse};

/// How long a reader waits for the end of what is being fetched already, into the repository or for the same client. The
/// first fetch of a large repository may take most of it.
const FETCH_TURN_LIMIT: Duration = Duration::from_hours(1);

/// Most objects of one question about sizes of which the origin does not give all, and which are then asked for by
/// themselves.
const MAX_ASKED_ONE_BY_ONE: usize = 100;

const NOT_ALL_GIVEN: &str = "the origin does not give all of them: ask about at most 100 at once";
const IS_BUSY: &str =
    "this mirror is fetching something else, into the repository or for the same client; try again";
const IS_NOT_FETCHED: &str = "the origin has it, but it cannot be fetched at the moment; try again";
const IS_UNCLEAR: &str = "the origin does not say whether it gives it";

/// Asks the origin for one reader of one repository.
#[derive(Clone)]
pub(super) struct MissingObjects {
    pub(super) fetcher: Fetcher,
    /// What brings the rest of what the reader is shown, if that is known.
    pub(super) in_step: Option<Arc<InStep>>,
    pub(super) repository: Repository,
    pub(super) entry: Arc<Entry>,
    /// Where the reader has asked for it, and the origin is asked.
    pub(super) path: RepositoryPath,
    pub(super) shown: Arc<Shown>,
    pub(super) credentials: Credentials,
    /// Why the origin says nothing at the moment.
    pub(super) outage: Option<String>,
    pub(super) _in_use: InUse,
}

/// What is wanted, by what proves that the reader may have it, and by what will lead to it here.
#[derive(Debug, Default)]
struct Wanted {
    /// Branches and tags that the reader is shown.
    branches: BTreeSet<ObjectId>,
    /// What other references name that the reader is shown.
    shown: BTreeSet<ObjectId>,
    /// Nothing that the reader is shown.
    unnamed: BTreeSet<ObjectId>,
}

impl Wanted {
    fn is_nothing(&self) -> bool {
        self.branches.is_empty() && self.shown.is_empty() && self.unnamed.is_empty()
    }
}

impl ObjectSource for MissingObjects {
    fn bring(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, FetchOutcome> {
        self.brought(objects, client, None).boxed()
    }

    fn bring_forwarding(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, Forwarding> {
        let (forwarder, mut pack) = forwarded_pack(self.entry.path.as_str());
        let this = self.clone();
        async move {
            let mut bringing = async move { this.brought(objects, client, Some(forwarder)).await }.boxed();
            tokio::select! {
                biased;
                true = pack.has_begun() => Forwarding::Begun(pack.keeping(bringing)),
                brought = &mut bringing => Forwarding::Answered(brought),
            }
        }
        .boxed()
    }

    fn progress(&self) -> Option<watch::Receiver<Progress>> {
        Some(self.entry.arrival())
    }

    /// The origin is asked for objects, not for sizes, which many servers do not tell: what it gives the reader comes here.
    fn sizes(&self, objects: BTreeSet<ObjectId>, client: ClientKey) -> BoxFuture<'_, Result<Sizes, String>> {
        async move {
            let given = match self.bring(objects.clone(), client).await {
                FetchOutcome::All => objects,
                FetchOutcome::Unknown(reason) => return Err(reason),
                FetchOutcome::NotOurs(_) => self.given_one_by_one(objects, client).await?,
            };
            let given: Vec<_> = given.into_iter().collect();
            let sizes = self.repository.asked_by(client).object_sizes(&given).await;
            sizes.map_err(|error| {
                tracing::warn!(%error, "cannot read the sizes of objects that the origin gives");
                IS_NOT_FETCHED.to_owned()
            })
        }
        .boxed()
    }
}

impl fmt::Debug for MissingObjects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MissingObjects").field("path", &self.entry.path).finish_non_exhaustive()
    }
}

impl MissingObjects {
    /// What became of these, of which nothing is forwarded unless the reader is shown all of them as branches and tags.
    async fn brought(
        &self,
        objects: BTreeSet<ObjectId>,
        client: ClientKey,
        forwarder: Option<PackForwarder>,
    ) -> FetchOutcome {
        let mut wanted = self.sorted(&objects);
        if wanted.unnamed.is_empty() && self.entry.has_brought(wanted.branches.iter().chain(&wanted.shown)) {
            return FetchOutcome::All;
        }
        if self.are_here(&wanted).await {
            return FetchOutcome::All;
        }
        if let Some(outage) = &self.outage {
            return match self.are_here_whole(&wanted).await {
                true => FetchOutcome::All,
                false => FetchOutcome::Unknown(outage.clone()),
            };
        }
        let turn = tokio::time::timeout(FETCH_TURN_LIMIT, self.turn(&mut wanted, client)).await;
        let turn = match turn {
            Ok(Ok(Some(turn))) => turn,
            Ok(Ok(None)) => {
                self.request_the_rest();
                return FetchOutcome::All;
            }
            Ok(Err(unknown)) => return unknown,
            Err(_) => return FetchOutcome::Unknown(IS_BUSY.to_owned()),
        };
        let forwarder = forwarder.filter(|_| wanted.branches == objects);
        let this = self.clone();
        let bringing = async move {
            let brought = this.bring_wanted(wanted, forwarder.as_ref()).await;
            drop(turn);
            brought
        };
        // A client that hangs up does not end what others wait for.
        let brought = self.fetcher.to_the_end(bringing).await;
        brought.unwrap_or_else(|| FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned()))
    }

    fn sorted(&self, objects: &BTreeSet<ObjectId>) -> Wanted {
        let Shown { listing, branches } = &*self.shown;
        let mut no_branches = objects.clone();
        branches.retain_unnamed(&mut no_branches);
        let mut unnamed = no_branches.clone();
        listing.refs().retain_unnamed(&mut unnamed);
        // What a detached HEAD names is shown as well.
        if let Some(head) = listing.refs().head().and_then(Head::object) {
            unnamed.remove(head);
        }
        let branches = objects.difference(&no_branches).cloned().collect();
        let shown = no_branches.difference(&unnamed).cloned().collect();
        Wanted { branches, shown, unnamed }
    }

    /// Those of these objects that the reader may have, which are here then; each may be the one that is not theirs.
    async fn given_one_by_one(
        &self,
        objects: BTreeSet<ObjectId>,
        client: ClientKey,
    ) -> Result<BTreeSet<ObjectId>, String> {
        if objects.len() > MAX_ASKED_ONE_BY_ONE {
            return Err(NOT_ALL_GIVEN.to_owned());
        }
        let mut given = BTreeSet::new();
        for object in objects {
            match self.bring(BTreeSet::from([object.clone()]), client).await {
                FetchOutcome::All => drop(given.insert(object)),
                FetchOutcome::NotOurs(_) => {}
                FetchOutcome::Unknown(reason) => return Err(reason),
            }
        }
        Ok(given)
    }

    /// Whether all of it is something that the reader is shown and that is here, because references here lead to it: the
    /// branch may have moved on since the reader was shown it.
    async fn are_here(&self, wanted: &Wanted) -> bool {
        if !wanted.unnamed.is_empty() {
            return false;
        }
        let named = wanted.branches.union(&wanted.shown).cloned().collect();
        let Ok(here) = self.repository.snapshot().await else { return false };
        if here.is_empty() {
            return false;
        }
        let tips = here.refs().map(|found| found.object().clone()).collect();
        let unreached = self.repository.first_unreached(&named, &tips, SearchFor::Client).await;
        let are_here = matches!(unreached, Ok(None));
        if are_here {
            self.entry.note_brought(named);
        }
        are_here
    }

    /// The same while the origin cannot be asked, of what no reference here leads to any more: others were shown something else
    /// since, and what this reader was shown stays for a while. What belongs to it is looked for below all of it that is here.
    async fn are_here_whole(&self, wanted: &Wanted) -> bool {
        let Wanted { branches, shown, unnamed } = wanted;
        let named: BTreeSet<ObjectId> = branches.union(shown).cloned().collect();
        let mut tips = named.clone();
        if !unnamed.is_empty() {
            let refs = self.shown.listing.refs();
            tips.extend(refs.refs().map(|found| found.object().clone()));
            tips.extend(refs.head().and_then(Head::object).cloned());
        }
        let Ok(here) = self.repository.present(&tips).await else { return false };
        if !named.is_subset(&here) || !matches!(self.repository.holds_whole(&here).await, Ok(true)) {
            return false;
        }
        // All below it was gone through, which the next one who wants it need not wait for.
        self.entry.note_brought(named);
        let unreached = self.repository.first_unreached(unnamed, &here, SearchFor::Client).await;
        matches!(unreached, Ok(None))
    }

    /// Waits for a turn with a place, to bring what is still wanted then. `None` if another one has brought all of it meanwhile.
    async fn turn(&self, wanted: &mut Wanted, client: ClientKey) -> Result<Option<FetchTurn>, FetchOutcome> {
        let mut place = None;
        loop {
            let turn = self.fetcher.turn(&self.entry, client, place.take()).await;
            let Ok(here) = self.repository.snapshot().await else {
                return Err(FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned()));
            };
            here.retain_unnamed(&mut wanted.branches);
            wanted.shown.retain(|object| !self.entry.has_brought([object]));
            if wanted.is_nothing() {
                return Ok(None);
            }
            if turn.has_place() {
                return Ok(Some(turn));
            }
            drop(turn);
            place = Some(self.fetcher.place(&self.entry, client).await);
        }
    }

    /// The caller holds a turn with a place.
    async fn bring_wanted(&self, wanted: Wanted, forwarder: Option<&PackForwarder>) -> FetchOutcome {
        let fetch = self.fetch(forwarder);
        let refused = self.refused_of(fetch, &wanted.unnamed).await;
        if let Some(refused) = refused {
            return refused;
        }
        match self.bring_sorted(fetch, wanted).await {
            Ok(()) => {
                self.request_the_rest();
                FetchOutcome::All
            }
            Err((failure, object)) => not_brought(&failure, object),
        }
    }

    /// The rest of what the origin shows comes in the background.
    fn request_the_rest(&self) {
        let Self { entry, path, shown, credentials, .. } = self;
        if let Some(in_step) = &self.in_step {
            in_step.request_after_fetch(entry, shown, path, credentials);
        }
    }

    fn fetch<'a>(&'a self, forwarder: Option<&'a PackForwarder>) -> Fetch<'a> {
        Fetch {
            entry: &self.entry,
            repository: &self.repository,
            shown: &self.shown,
            path: &self.path,
            credentials: &self.credentials,
            forwarder,
        }
    }

    /// What the reader is told if the origin does not give them what is here already and nothing proves to be theirs. What is
    /// not here the origin refuses when it is fetched.
    async fn refused_of(&self, fetch: Fetch<'_>, unnamed: &BTreeSet<ObjectId>) -> Option<FetchOutcome> {
        if unnamed.is_empty() {
            return None;
        }
        let Ok(here) = self.repository.present(unnamed).await else {
            return Some(FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned()));
        };
        let first = here.first().cloned()?;
        match self.fetcher.gives(fetch, &here).await {
            Ok(Given::All) => None,
            Ok(Given::NotAll(object)) => Some(FetchOutcome::NotOurs(object.unwrap_or(first))),
            Ok(Given::Unclear) => Some(FetchOutcome::Unknown(IS_UNCLEAR.to_owned())),
            Err(refusal) => Some(refused(&refusal, first)),
        }
    }

    /// On failure, also one of the objects that were wanted.
    async fn bring_sorted(
        &self,
        fetch: Fetch<'_>,
        wanted: Wanted,
    ) -> Result<(), (NotFetched, Option<ObjectId>)> {
        let Wanted { branches, mut shown, mut unnamed } = wanted;
        if !branches.is_empty() {
            match self.fetcher.bring_branches(fetch, &branches).await {
                Ok(()) => {}
                // The objects are here, and nothing leads to them for now.
                Err(NotFetched::Refs(error)) => {
                    tracing::warn!(
                        repository.path = self.entry.path.as_str(),
                        error = &error as &dyn std::error::Error,
                        "cannot show branches that were fetched"
                    );
                    self.entry.note_brought(branches);
                }
                Err(failure) => return Err((failure, branches.first().cloned())),
            }
        }
        shown.append(&mut unnamed);
        let first = shown.first().cloned();
        self.fetcher.bring_others(fetch, &shown).await.map_err(|failure| (failure, first))
    }
}

fn not_brought(failure: &NotFetched, object: Option<ObjectId>) -> FetchOutcome {
    let unknown = || FetchOutcome::Unknown(IS_NOT_FETCHED.to_owned());
    let Some(object) = object else { return unknown() };
    match failure {
        NotFetched::Failed(FetchFailure::NotGiven { object: named, .. }) => {
            FetchOutcome::NotOurs(named.clone().unwrap_or(object))
        }
        NotFetched::Failed(FetchFailure::Refused(refusal)) => refused(refusal, object),
        NotFetched::NoRoom(complaint) => FetchOutcome::Unknown(complaint.clone()),
        _ => unknown(),
    }
}

fn refused(refusal: &OriginRefusal, object: ObjectId) -> FetchOutcome {
    match refusal.is_verdict() {
        true => FetchOutcome::NotOurs(object),
        false => FetchOutcome::Unknown(refusal.to_string()),
    }
}
