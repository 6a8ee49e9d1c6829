//! One synchronisation of one repository, from the first look at the disk to the proof that it is right.
//!
//! 1. Open the repository; create it if it is missing, make it anew if it is known to be damaged.
//! 2. Fetch what is said to differ: exactly the named refs, or the whole ref set.
//! 3. Point HEAD to the default branch.
//! 4. Compare the content hash with what the upstream has told. A hash that the upstream had at some
//!    generation proves that the repository is at that generation, whatever was pushed since.
//! 5. No match: ask the upstream what it has now, since an event may be on its way. Still no match: fetch the
//!    whole ref set, and after a few rounds give up until the next attempt.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::models::MirrorSyncType;
use heliostat_auth::{GIT_TOKEN_LIFETIME_SECONDS, git_query_hash};
use heliostat_git::{
    ContentHash, CreateError, Fault, FetchError, FetchPlan, FetchScope, GitError, ObjectFormat, OpenError,
    RefName, Repository, RepositoryStore, SecretHeader, TrashReason,
};
use heliostat_peer::{CallError, with_causes};
use heliostat_storage::{Generation, MirroredRepository, StoreError};
use thiserror::Error;

use super::pending_changes::{PendingChanges, RefFate};
use super::queue::SyncQueue;
use super::sweep::SweepSignal;
use crate::inventory::{Entry, Inventory, origin_of};
use crate::upstream_link::{UpstreamClient, UpstreamLink, UpstreamUrl};

/// How often one synchronisation fetches before it gives up for the time being.
const MAX_ROUNDS: u32 = 4;

/// How long a fetch may go without any progress.
const FETCH_STALL: Duration = Duration::from_secs(120);

/// The pause before another round: the upstream may be in the middle of a push.
const ROUND_PAUSE: Duration = Duration::from_millis(100);

/// HEAD of a repository whose default branch the upstream has not told.
const FALLBACK_BRANCH: &str = "refs/heads/main";

/// Brings single repositories up to what the upstream has.
pub(crate) struct Synchroniser {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) repositories: RepositoryStore,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
}

/// What a synchronisation brought.
pub(crate) struct Synced {
    pub(crate) generation: Generation,
    pub(crate) content_hash: ContentHash,
    pub(crate) sync_type: MirrorSyncType,
}

/// Why a synchronisation did not succeed.
#[derive(Debug, Error)]
pub(crate) enum SyncFailure {
    #[error("this mirror is not installed at the upstream")]
    NotInstalled,
    #[error("the upstream no longer has the repository")]
    Gone,
    #[error("the upstream has lost what is here, which is kept until an administrator confirms")]
    Held,
    #[error("cannot fetch from the upstream")]
    Fetch(#[source] FetchError),
    #[error("cannot open the repository here")]
    Open(#[source] OpenError),
    #[error("cannot read the repository here")]
    Read(#[source] GitError),
    #[error("cannot create the repository here")]
    Create(#[source] CreateError),
    #[error("cannot remove the broken repository here")]
    Remove(#[source] std::io::Error),
    #[error("cannot ask the upstream about the repository")]
    Upstream(#[from] CallError),
    #[error("cannot record what happened")]
    Store(#[from] StoreError),
    #[error("the repository did not settle within {MAX_ROUNDS} rounds")]
    Unsettled,
    #[error("the refs here have the hash {here}, the upstream's have {upstream} at generation {generation}")]
    HashMismatch { here: ContentHash, upstream: String, generation: Generation },
}

impl SyncFailure {
    /// Whether the upstream learns anything from being told of it.
    pub(crate) fn is_worth_reporting(&self) -> bool {
        !matches!(self, Self::NotInstalled | Self::Gone | Self::Held)
    }

    /// What it says about the repository here; `None` when it is about something else.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Open(error) => error.fault(),
            Self::Fetch(error) => error.fault(),
            Self::Read(error) => error.fault(),
            _ => None,
        }
    }

    /// The failure with its causes in one line, for people to read.
    pub(crate) fn in_full(&self) -> String {
        with_causes(self)
    }
}

/// What became of one fetch.
enum Round {
    /// The refs that are here now have this hash.
    Fetched(ContentHash),
    /// The repository was thrown away and is empty now.
    Emptied(Repository),
    /// The refs that were asked for are not there, or do not fit beside those that are here.
    RefsDoNotFit,
    /// It is under another path now.
    Moved,
}

impl Synchroniser {
    /// Brings a repository to a generation of the upstream and says to which.
    pub(crate) async fn sync_repository(
        &self,
        entry: &Arc<Entry>,
        work: &PendingChanges,
    ) -> Result<Synced, SyncFailure> {
        let target = entry.record().generation_known;
        let _fetching = entry.fetching.lock().await;
        let (mut repository, mut scope) = self.open_or_create(entry, work).await?;
        let mut sync_type = MirrorSyncType::Incremental;
        for round in 1..=MAX_ROUNDS {
            if matches!(scope, Some(FetchScope::Snapshot)) {
                sync_type = MirrorSyncType::Snapshot;
            }
            let content_hash = match self.one_round(&repository, entry, scope.as_ref(), round).await? {
                Round::Fetched(content_hash) => content_hash,
                Round::Moved => continue,
                Round::RefsDoNotFit => {
                    scope = Some(FetchScope::Snapshot);
                    continue;
                }
                Round::Emptied(emptied) => {
                    (repository, scope) = (emptied, Some(FetchScope::Snapshot));
                    continue;
                }
            };
            if let Some(generation) = proven_generation(entry, &content_hash, target) {
                return Ok(Synced { generation, content_hash, sync_type });
            }
            self.ask_upstream(entry).await?;
            if let Some(generation) = proven_generation(entry, &content_hash, target) {
                return Ok(Synced { generation, content_hash, sync_type });
            }
            if round == MAX_ROUNDS {
                return Err(mismatch(content_hash, &entry.record()));
            }
            if matches!(scope, Some(FetchScope::Snapshot)) {
                tokio::time::sleep(ROUND_PAUSE * round).await;
            }
            scope = Some(FetchScope::Snapshot);
        }
        Err(SyncFailure::Unsettled)
    }

    async fn one_round(
        &self,
        repository: &Repository,
        entry: &Arc<Entry>,
        scope: Option<&FetchScope>,
        round: u32,
    ) -> Result<Round, SyncFailure> {
        let fetched = match scope {
            Some(scope) => self.fetch(repository, entry, scope.clone()).await,
            None => Ok(()),
        };
        let failure = match fetched {
            Ok(()) => match self.content_hash(repository, entry).await {
                Ok(content_hash) => return Ok(Round::Fetched(content_hash)),
                Err(failure) => failure,
            },
            Err(failure) => failure,
        };
        let is_first = round == 1;
        match &failure {
            SyncFailure::Fetch(FetchError::RemoteRefMissing(_) | FetchError::NameConflict { .. })
                if is_first =>
            {
                Ok(Round::RefsDoNotFit)
            }
            SyncFailure::Fetch(FetchError::ObjectFormatMismatch { .. }) if is_first => {
                let format = match repository.object_format().await.map_err(SyncFailure::Read)? {
                    ObjectFormat::Sha256 => ObjectFormat::Sha1,
                    _ => ObjectFormat::Sha256,
                };
                self.rebuild(entry, format).await.map(Round::Emptied)
            }
            _ if self.has_moved(entry, &failure).await? => Ok(Round::Moved),
            _ => Err(failure),
        }
    }

    /// The repository, and what to fetch into it; `None` when a look at what is there may be enough.
    async fn open_or_create(
        &self,
        entry: &Arc<Entry>,
        work: &PendingChanges,
    ) -> Result<(Repository, Option<FetchScope>), SyncFailure> {
        if entry.must_be_made_anew() {
            return Ok((self.rebuild(entry, ObjectFormat::Sha1).await?, Some(FetchScope::Snapshot)));
        }
        let record = entry.record();
        match self.repositories.open(entry.disk_id()).await {
            Ok(repository) => Ok((repository, scope_of(work, &record))),
            Err(OpenError::Missing(_)) => {
                if record.initial_sync_at.is_some() {
                    self.inventory.note_lost(entry).await?;
                }
                let repository = self.create(entry, ObjectFormat::Sha1).await?;
                let is_empty_there =
                    record.upstream_content_hash.as_deref() == Some(ContentHash::of_nothing().as_str());
                Ok((repository, if is_empty_there { None } else { Some(FetchScope::Snapshot) }))
            }
            // What looks damaged is examined before anything is thrown away.
            Err(error) => Err(SyncFailure::Open(error)),
        }
    }

    async fn rebuild(&self, entry: &Entry, format: ObjectFormat) -> Result<Repository, SyncFailure> {
        self.inventory.note_lost(entry).await?;
        let origin = origin_of(&entry.record());
        let moved = self.repositories.trash(entry.disk_id(), TrashReason::Damaged, origin).await;
        moved.map_err(SyncFailure::Remove)?;
        self.create(entry, format).await
    }

    async fn create(&self, entry: &Entry, format: ObjectFormat) -> Result<Repository, SyncFailure> {
        if !self.inventory.is_mirrored(entry) {
            return Err(SyncFailure::NotInstalled);
        }
        entry.head_was_set(None);
        let branch = default_branch(&entry.record())
            .unwrap_or_else(|| RefName::parse(FALLBACK_BRANCH).expect("the fallback is a valid ref name"));
        self.repositories
            .create_with_format(entry.disk_id(), &branch, format)
            .await
            .map_err(SyncFailure::Create)
    }

    /// Fetches. The caller holds the repository's `fetching`.
    pub(crate) async fn fetch(
        &self,
        repository: &Repository,
        entry: &Entry,
        scope: FetchScope,
    ) -> Result<(), SyncFailure> {
        if !self.inventory.is_mirrored(entry) {
            return Err(SyncFailure::NotInstalled);
        }
        let secret = self.link.secret_in_force().ok_or(SyncFailure::NotInstalled)?;
        let record = entry.record();
        let path = UpstreamUrl::clone_path(&record.project_key, &record.slug);
        let authorization =
            self.client.authorization(&secret, git_query_hash(&path), GIT_TOKEN_LIFETIME_SECONDS);
        let authorization =
            SecretHeader::new(authorization).expect("a signed token is short and has no control characters");
        let plan = FetchPlan {
            url: self.link.url().clone_url(&record.project_key, &record.slug),
            authorization: Some(authorization),
            scope,
            timeout: FETCH_STALL,
        };
        heliostat_git::fetch(repository, &plan, |_| {}).await.map_err(SyncFailure::Fetch)
    }

    async fn content_hash(&self, repository: &Repository, entry: &Entry) -> Result<ContentHash, SyncFailure> {
        self.point_head(repository, entry).await?;
        let refs = repository.refs().await.map_err(SyncFailure::Read)?;
        Ok(refs.content_hash().clone())
    }

    async fn point_head(&self, repository: &Repository, entry: &Entry) -> Result<(), SyncFailure> {
        let Some(branch) = default_branch(&entry.record()) else {
            return Ok(());
        };
        if entry.head_points_to(&branch) {
            return Ok(());
        }
        repository.set_head(&branch).await.map_err(SyncFailure::Read)?;
        entry.head_was_set(Some(branch));
        Ok(())
    }

    /// Learns from the upstream itself what it has, without waiting for an event.
    pub(crate) async fn ask_upstream(&self, entry: &Arc<Entry>) -> Result<(), SyncFailure> {
        let secret = self.link.secret_in_force().ok_or(SyncFailure::NotInstalled)?;
        let known = entry.record().generation_known;
        let Some(repository) = self.client.repository(&entry.external_id, &secret).await? else {
            self.sweep_signal.wake();
            return Err(SyncFailure::Gone);
        };
        let need = self.inventory.describe(entry, &repository).await?;
        self.queue.request_needed(entry, need);
        let need = self.inventory.note_answer(entry, &repository, known).await?;
        self.queue.request_needed(entry, need);
        if entry.record().held.is_some() {
            return Err(SyncFailure::Held);
        }
        Ok(())
    }

    /// A repository that cannot be found may have been renamed a moment ago.
    async fn has_moved(&self, entry: &Arc<Entry>, failure: &SyncFailure) -> Result<bool, SyncFailure> {
        let may_have_moved = matches!(
            failure,
            SyncFailure::Fetch(FetchError::NotFound { .. } | FetchError::Unauthorized { .. })
        );
        if !may_have_moved {
            return Ok(false);
        }
        let before = entry.record();
        self.ask_upstream(entry).await?;
        let after = entry.record();
        Ok((&before.project_key, &before.slug) != (&after.project_key, &after.slug))
    }
}

/// The generation at which the upstream had these refs, if that is all that was known at the start.
fn proven_generation(entry: &Entry, here: &ContentHash, target: Generation) -> Option<Generation> {
    let needed = target.min(entry.record().generation_known);
    entry.generation_of(here).filter(|generation| *generation >= needed)
}

fn scope_of(work: &PendingChanges, record: &MirroredRepository) -> Option<FetchScope> {
    match work {
        PendingChanges::Snapshot if record.generation_known > record.generation_synced => {
            Some(FetchScope::Snapshot)
        }
        PendingChanges::Nothing | PendingChanges::Snapshot => None,
        PendingChanges::Refs { refs, .. } => {
            let with_fate = |wanted: RefFate| {
                refs.iter().filter(|(_, fate)| **fate == wanted).map(|(name, _)| name.clone()).collect()
            };
            Some(FetchScope::Refs {
                update: with_fate(RefFate::Updated),
                delete: with_fate(RefFate::Deleted),
            })
        }
    }
}

fn default_branch(record: &MirroredRepository) -> Option<RefName> {
    let branch = RefName::parse(record.default_branch.as_deref()?).ok()?;
    branch.is_branch().then_some(branch)
}

fn mismatch(here: ContentHash, record: &MirroredRepository) -> SyncFailure {
    SyncFailure::HashMismatch {
        here,
        upstream: record.upstream_content_hash.clone().unwrap_or_default(),
        generation: record.generation_known,
    }
}
