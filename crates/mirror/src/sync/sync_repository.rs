//! One synchronisation of one repository. Nothing is shown to readers that was not proven before.
//!
//! 1. Open the repository. When it is missing, known to be damaged, or could not be brought forward twice in the same way
//!    (`failure_history.rs`), another one is made beside its place.
//! 2. Find a state of all references of which the upstream has told the hash (`proven_state.rs`): what is here, what
//!    is here after the announced changes, or what the upstream lists. While none is proven, ask again, a few times.
//! 3. Fetch the objects that the state needs, and show it in one step (`show_state.rs`).
//!
//! A failure before the last step has changed nothing that readers see.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::models::MirrorSyncType;
use heliostat_auth::{GIT_TOKEN_LIFETIME_SECONDS, git_query_hash};
use heliostat_git::{
    ContentHash, CreateError, Fault, FetchError, GitError, OpenError, RefSnapshot, Repository,
    RepositoryStore, SwapRefsError, TrashReason,
};
use heliostat_peer::{CallError, DetachedTasks, with_causes};
use heliostat_storage::{Generation, StoreError};
use reqwest::StatusCode;
use thiserror::Error;
use tokio::time::Instant;

use super::batches::Prepared;
use super::change_counters::ChangeCounts;
use super::failure_history::StepHere;
use super::pending_changes::PendingChanges;
use super::proven_state::proven_generation;
use super::queue::SyncQueue;
use super::run_counters::RunCounts;
use super::sweep::SweepSignal;
use crate::inventory::{Entry, Inventory, SyncNeed};
use crate::upstream_link::{GitAccess, UpstreamClient, UpstreamLink, UpstreamRepository, UpstreamUrl};

/// How often one synchronisation looks for a proven state, or tries to get what it needs, before it gives up for the
/// time being.
const MAX_ROUNDS: u32 = 4;

/// The pause before another round: the upstream may be in the middle of a push.
const ROUND_PAUSE: Duration = Duration::from_millis(100);

/// Brings single repositories up to what the upstream has.
pub(crate) struct Synchroniser {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) client: UpstreamClient,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) repositories: RepositoryStore,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) sweep_signal: Arc<SweepSignal>,
    pub(crate) changes: ChangeCounts,
    pub(crate) runs: RunCounts,
    pub(crate) tasks: DetachedTasks,
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
    #[error("{0}")]
    NoRoom(String),
    #[error("the upstream no longer has the repository")]
    Gone,
    #[error("the upstream has lost what is here, which is kept until an administrator confirms")]
    Held,
    #[error("cannot list the upstream's references")]
    List(#[source] CallError),
    #[error("cannot fetch from the upstream")]
    Fetch(#[source] FetchError),
    #[error("cannot open the repository here")]
    Open(#[source] OpenError),
    #[error("cannot read the repository here")]
    Read(#[source] GitError),
    #[error("cannot create the repository here")]
    Create(#[source] CreateError),
    #[error("cannot show the new state of the repository")]
    Swap(#[source] SwapRefsError),
    #[error("cannot put the repository in its place")]
    PutInPlace(#[source] std::io::Error),
    #[error("cannot ask the upstream about the repository")]
    Upstream(#[from] CallError),
    #[error("cannot record what happened")]
    Store(#[from] StoreError),
    #[error(
        "the refs that the upstream lists have the hash {listed}, which it had at no generation from {needed} on; \
         it told of {told} at generation {known}"
    )]
    Unproven { listed: ContentHash, told: String, needed: Generation, known: Generation },
}

impl SyncFailure {
    /// Whether the upstream learns anything from being told of it.
    pub(crate) fn is_worth_reporting(&self) -> bool {
        !matches!(self, Self::NotInstalled | Self::Gone | Self::Held | Self::NoRoom(_))
    }

    /// The failure with its causes in one line, for people to read.
    pub(crate) fn in_full(&self) -> String {
        with_causes(self)
    }

    /// What it says about the repository here; `None` when it is about something else.
    pub(crate) fn fault(&self) -> Option<Fault> {
        match self {
            Self::Open(error) => error.fault(),
            Self::Fetch(error) => error.fault(),
            Self::Read(error) | Self::Swap(SwapRefsError::Git(error)) => error.fault(),
            _ => None,
        }
    }

    /// The step that failed on what is here, where a copy that begins with nothing may do better. What the upstream does
    /// not give, and what the system refuses for the time being, would fail there as well.
    pub(super) fn step_here(&self) -> Option<StepHere> {
        let step = match self {
            Self::Read(_) => StepHere::Read,
            Self::Fetch(error) if error.is_about_what_is_here() => StepHere::Fetch,
            Self::Swap(_) => StepHere::Show,
            _ => return None,
        };
        let is_refused_for_now = matches!(self.fault(), Some(Fault::CannotReadNow(_)));
        (!is_refused_for_now).then_some(step)
    }

    fn is_damage(&self) -> bool {
        self.fault().is_some_and(|fault| fault.is_damage())
    }

    /// Whether the upstream may have left the state that was to be fetched.
    fn is_about_a_past_state(&self) -> bool {
        matches!(
            self,
            Self::Fetch(FetchError::RemoteObjectMissing { .. } | FetchError::ObjectFormatMismatch { .. })
        )
    }

    /// Whether the repository may be under another path by now.
    fn may_be_about_a_move(&self) -> bool {
        let is_refusal = |status| {
            [StatusCode::NOT_FOUND, StatusCode::UNAUTHORIZED, StatusCode::FORBIDDEN].contains(&status)
        };
        match self {
            Self::Fetch(FetchError::NotFound { .. } | FetchError::Unauthorized { .. }) => true,
            Self::List(error) => error.status().is_some_and(is_refusal),
            _ => false,
        }
    }
}

/// What is here and can be built upon.
pub(super) struct Base {
    pub(super) repository: Repository,
    pub(super) refs: RefSnapshot,
}

/// What a synchronisation begins with, or why what is here goes into the trash when a new repository takes its place.
type Ground = Result<Base, TrashReason>;

impl Synchroniser {
    /// Brings a repository to a generation of the upstream and says to which. What came as a whole is taken where nothing
    /// is here, if its references are proven.
    pub(super) async fn sync_repository(
        &self,
        entry: &Arc<Entry>,
        work: &PendingChanges,
        prepared: Option<Prepared>,
    ) -> Result<Synced, SyncFailure> {
        let target = entry.record().generation_known;
        let _fetching = entry.fetching.lock().await;
        // What comes after this is no passing fault, nor damage.
        let is_whole = *work == PendingChanges::FreshCopy && self.is_whole(entry).await;
        let mut base = match self.base(entry, work).await {
            Err(failure) if is_whole && failure.step_here().is_some() => Err(TrashReason::Refetched),
            base => base?,
        };
        if let (Err(reason), Some(Prepared { draft, refs })) = (&base, prepared)
            && let Some(generation) = proven_generation(entry, &refs, target)
        {
            self.put_in_place(entry, draft, &refs, *reason).await?;
            let content_hash = refs.content_hash().clone();
            return Ok(Synced { generation, content_hash, sync_type: MirrorSyncType::Snapshot });
        }
        let mut work = work;
        for round in 1..MAX_ROUNDS {
            match self.one_round(entry, &mut base, work, target).await {
                Ok(synced) => return Ok(synced),
                // The next round lists what there is now.
                Err(failure) if failure.is_about_a_past_state() => {
                    tracing::debug!(reason = failure.in_full(), "the upstream has moved on");
                    self.ask_upstream(entry).await?;
                    work = &PendingChanges::Snapshot;
                }
                Err(failure) if is_whole && base.is_ok() && failure.step_here().is_some() => {
                    tracing::warn!(
                        reason = failure.in_full(),
                        "what is here is whole and cannot be brought forward; making a fresh copy beside it"
                    );
                    base = Err(TrashReason::Refetched);
                }
                Err(SyncFailure::Unproven { .. }) => tokio::time::sleep(ROUND_PAUSE * round).await,
                Err(failure) if self.has_moved(entry, &failure).await? => {}
                Err(failure) => return Err(failure),
            }
        }
        self.one_round(entry, &mut base, work, target).await
    }

    async fn one_round(
        &self,
        entry: &Arc<Entry>,
        base: &mut Ground,
        work: &PendingChanges,
        target: Generation,
    ) -> Result<Synced, SyncFailure> {
        let state = self.proven_state(entry, base.as_ref().ok(), work, target).await?;
        let formats = base.as_ref().ok().map(|base| (base.refs.object_format(), state.refs.object_format()));
        if let Some((Some(here), Some(there))) = formats
            && here != there
        {
            tracing::warn!(%here, %there, "the upstream names objects by another hash; fetching all anew");
            self.inventory.note_lost(entry).await?;
            *base = Err(TrashReason::Replaced);
        }
        match base {
            Ok(base) => self.show_in_place(entry, base, &state.refs, work.packs()).await?,
            Err(reason) => self.show_new(entry, &state.refs, *reason).await?,
        }
        let content_hash = state.refs.content_hash().clone();
        Ok(Synced { generation: state.generation, content_hash, sync_type: state.sync_type })
    }

    /// Whether all that is here can be read and is as it should be.
    async fn is_whole(&self, entry: &Entry) -> bool {
        self.repositories.repository(entry.disk_id()).examine().await.is_ok()
    }

    /// What is here, unless there is nothing that could be built upon.
    async fn base(&self, entry: &Arc<Entry>, work: &PendingChanges) -> Result<Ground, SyncFailure> {
        let unusable = || Err(TrashReason::Damaged);
        if entry.must_be_made_anew() {
            return Ok(unusable());
        }
        let was_synchronised = entry.record().initial_sync_at.is_some();
        match self.open_and_read(entry, work).await {
            Err(SyncFailure::Open(OpenError::Missing(_))) => {
                if was_synchronised {
                    self.inventory.note_lost(entry).await?;
                }
                Ok(unusable())
            }
            // It may have come back from the trash, or be what a repair was about to replace.
            Ok(base) if !was_synchronised => {
                match base.repository.verify().await.map_err(SyncFailure::Read) {
                    Ok(()) => Ok(Ok(base)),
                    Err(failure) if failure.is_damage() => Ok(unusable()),
                    Err(failure) => Err(failure),
                }
            }
            Err(failure) if !was_synchronised && failure.is_damage() => Ok(unusable()),
            // What looks damaged is examined before anything is replaced.
            read => read.map(Ok),
        }
    }

    async fn open_and_read(&self, entry: &Entry, work: &PendingChanges) -> Result<Base, SyncFailure> {
        let repository = self.repositories.open(entry.disk_id()).await.map_err(SyncFailure::Open)?;
        let refs = match work {
            PendingChanges::Refs { .. } => repository.snapshot().await,
            PendingChanges::Nothing | PendingChanges::Snapshot | PendingChanges::FreshCopy => {
                repository.refs().await
            }
        };
        Ok(Base { refs: refs.map_err(SyncFailure::Read)?, repository })
    }

    /// What lets git in at the upstream, for a repository that is mirrored.
    pub(super) fn git_access(&self, entry: &Entry) -> Result<GitAccess, SyncFailure> {
        if !self.inventory.is_mirrored(entry) {
            return Err(SyncFailure::NotInstalled);
        }
        let secret = self.link.secret_in_force().ok_or(SyncFailure::NotInstalled)?;
        let record = entry.record();
        let path = UpstreamUrl::clone_path(&record.project_key, &record.slug);
        let authorization =
            self.client.authorization(&secret, git_query_hash(&path), GIT_TOKEN_LIFETIME_SECONDS);
        let clone_url = self.link.url().clone_url(&record.project_key, &record.slug);
        Ok(GitAccess { clone_url, authorization })
    }

    /// Learns from the upstream itself what it has, without waiting for an event.
    pub(crate) async fn ask_upstream(&self, entry: &Arc<Entry>) -> Result<(), SyncFailure> {
        let secret = self.link.secret_in_force().ok_or(SyncFailure::NotInstalled)?;
        let question = Question { known: entry.record().generation_known, asked: Instant::now() };
        let answer = self.client.newest_repository(&entry.external_id, question.known, &secret).await?;
        let Some(repository) = answer else {
            self.sweep_signal.wake();
            return Err(SyncFailure::Gone);
        };
        take_in(&self.tasks, &self.inventory, &self.queue, entry, repository, question).await?;
        if entry.record().held.is_some() {
            return Err(SyncFailure::Held);
        }
        Ok(())
    }

    /// The same, and has what is new brought here, although no event has told of it yet.
    pub(crate) async fn look_for_news(&self, entry: &Arc<Entry>) -> Result<(), SyncFailure> {
        let known = entry.record().generation_known;
        self.ask_upstream(entry).await?;
        if entry.record().generation_known > known {
            self.queue.request_needed(entry, SyncNeed::Check);
        }
        Ok(())
    }

    /// A repository that cannot be found may have been renamed a moment ago.
    async fn has_moved(&self, entry: &Arc<Entry>, failure: &SyncFailure) -> Result<bool, SyncFailure> {
        if !failure.may_be_about_a_move() {
            return Ok(false);
        }
        let before = entry.record();
        self.ask_upstream(entry).await?;
        let after = entry.record();
        Ok((&before.project_key, &before.slug) != (&after.project_key, &after.slug))
    }
}

/// A question to the upstream.
struct Question {
    /// The generation that was known then.
    known: Generation,
    asked: Instant,
}

/// Takes in what the upstream has answered, to the end: readers ask as well, and hang up when they like.
async fn take_in(
    tasks: &DetachedTasks,
    inventory: &Arc<Inventory>,
    queue: &Arc<SyncQueue>,
    entry: &Arc<Entry>,
    answer: UpstreamRepository,
    question: Question,
) -> Result<(), StoreError> {
    let (inventory, queue, entry) = (Arc::clone(inventory), Arc::clone(queue), Arc::clone(entry));
    let taking_in = async move {
        let need = inventory.describe(&entry, &answer, question.asked).await?;
        queue.request_needed(&entry, need);
        let need = inventory.note_answer(&entry, &answer, question.known).await?;
        queue.request_needed(&entry, need);
        Ok(())
    };
    tasks.to_the_end(taking_in).await
}

#[cfg(test)]
mod tests {
    use heliostat_peer::Clock;

    use super::*;
    use crate::inventory::scene::{MirrorFolder, told};

    #[tokio::test]
    async fn what_the_upstream_answers_is_taken_in_whole_although_the_reader_who_asked_hangs_up() {
        let folder = MirrorFolder::new().await;
        let inventory = Arc::new(folder.load().await);
        let queue = Arc::new(SyncQueue::new(Clock::system(), Arc::default()));
        let tasks = DetachedTasks::default();
        let nothing = ContentHash::of_nothing();
        let entry = inventory.adopt(&told(4, &nothing)).await.expect("recorded").expect("it is new");

        // The upstream was put back from a backup.
        let fallen_back = told(3, &nothing);
        let question = Question { known: Generation(4), asked: Instant::now() };
        let mut asking = Box::pin(take_in(&tasks, &inventory, &queue, &entry, fallen_back, question));
        assert!(futures_util::poll!(&mut asking).is_pending());
        drop(asking);
        tasks.finished().await;
        let shown = entry.record();
        assert_eq!(shown.generation_known, Generation(3));
        let recorded = folder.store.find_repository(entry.local_id).await.expect("readable");
        assert_eq!(recorded.as_ref(), Some(&*shown), "memory and database agree");
        assert!(queue.is_busy(&entry), "it is fetched anew");
    }
}
