//! From a proven state to what readers see: its objects first, then all of its references at once.

use std::collections::BTreeSet;
use std::time::Duration;

use heliostat_git::{
    Connection, FetchPlan, FetchProgress, ObjectFormat, ObjectId, RecordedState, RefName, RefSnapshot,
    Repository, RepositoryDraft, SecretHeader, SwapRefsError, TrashReason, fetch_objects,
    fetch_objects_after, fetch_wanted,
};
use heliostat_storage::MirroredRepository;

use super::arrived_packs::ArrivedPacks;
use super::sync_repository::{Base, SyncFailure, Synchroniser};
use crate::inventory::{Entry, is_available, origin_of};

/// How long a fetch may go without any progress.
const FETCH_STALL: Duration = Duration::from_secs(120);

/// HEAD of a repository whose default branch the upstream does not tell.
const FALLBACK_BRANCH: &str = "refs/heads/main";

impl Synchroniser {
    /// Shows a state in the repository that is here. What it needs may have come along with the news.
    pub(super) async fn show_in_place(
        &self,
        entry: &Entry,
        base: &mut Base,
        state: &RefSnapshot,
        packs: Option<&ArrivedPacks>,
    ) -> Result<(), SyncFailure> {
        let Base { repository, refs } = base;
        let moves = RefSnapshot::moves(refs, state);
        let is_other = !moves.is_empty();
        let mut new: BTreeSet<_> = moves.iter().filter_map(|moved| moved.step.to.clone()).collect();
        let replaced = moves.into_iter().filter_map(|moved| moved.step.from).collect();
        // What is shown already is whole.
        refs.retain_unnamed(&mut new);
        let _no_removal = repository.removals().hold_off().await;
        if took_packs(repository, packs, &new, refs, &replaced).await {
            self.changes.count_in_event();
        } else if !new.is_empty() {
            let plan = self.fetch_plan(entry, new)?;
            fetch_objects_after(repository, &plan, refs, &replaced).await.map_err(SyncFailure::Fetch)?;
            self.changes.count_fetched();
        }
        let head = head_of(&entry.record(), &[state, refs]);
        entry.is_about_to_show(state);
        if is_other {
            note_proof(entry, repository, state).await;
        }
        match repository.swap_refs(refs, state, &head).await {
            Ok(_) => Ok(()),
            Err(SwapRefsError::Stale(_) | SwapRefsError::NotAsPlanned { .. }) => {
                // Something else has written references. Once more, from what there really is.
                *refs = repository.refs().await.map_err(SyncFailure::Read)?;
                repository.swap_refs(refs, state, &head).await.map(drop).map_err(SyncFailure::Swap)
            }
            Err(error) => Err(SyncFailure::Swap(error)),
        }
    }

    /// Shows a state in a new repository, which takes the place of what is here, if anything is; `reason` says why.
    pub(super) async fn show_new(
        &self,
        entry: &Entry,
        state: &RefSnapshot,
        reason: TrashReason,
    ) -> Result<(), SyncFailure> {
        let head = head_of(&entry.record(), &[state]);
        let format = state.object_format().unwrap_or(ObjectFormat::Sha1);
        let draft =
            self.repositories.draft(entry.disk_id(), &head, format).await.map_err(SyncFailure::Create)?;
        let repository = draft.repository();
        let objects = state.all().map(|(_, object)| object.clone());
        self.fetch_objects(repository, entry, objects.collect()).await?;
        let empty = repository.refs().await.map_err(SyncFailure::Read)?;
        repository.swap_refs(&empty, state, &head).await.map_err(SyncFailure::Swap)?;
        self.put_in_place(entry, draft, state, reason).await
    }

    /// Puts a draft that shows a proven state in its place.
    pub(super) async fn put_in_place(
        &self,
        entry: &Entry,
        draft: RepositoryDraft,
        state: &RefSnapshot,
        reason: TrashReason,
    ) -> Result<(), SyncFailure> {
        // It may have been removed meanwhile, and must not come back.
        let _staying = self.inventory.keep(entry).await.ok_or(SyncFailure::NotInstalled)?;
        let origin = origin_of(&entry.record());
        entry.is_about_to_show(state);
        // Of one that was never served nothing is shown before it is recorded.
        if is_available(&entry.record()) {
            note_proof(entry, draft.repository(), state).await;
        }
        draft.put_in_place(reason, origin).await.map(drop).map_err(SyncFailure::PutInPlace)
    }

    /// Fetches objects with all that they need. The caller holds the repository's `fetching`.
    pub(crate) async fn fetch_objects(
        &self,
        repository: &Repository,
        entry: &Entry,
        objects: BTreeSet<ObjectId>,
    ) -> Result<(), SyncFailure> {
        if objects.is_empty() {
            return Ok(());
        }
        fetch_objects(repository, &self.fetch_plan(entry, objects)?).await.map_err(SyncFailure::Fetch)
    }

    /// The same for objects that no reference here leads to. The caller holds the repository's `fetching`.
    pub(crate) async fn fetch_wanted(
        &self,
        repository: &Repository,
        entry: &Entry,
        objects: BTreeSet<ObjectId>,
    ) -> Result<(), SyncFailure> {
        fetch_wanted(repository, &self.fetch_plan(entry, objects)?).await.map_err(SyncFailure::Fetch)
    }

    fn fetch_plan(&self, entry: &Entry, objects: BTreeSet<ObjectId>) -> Result<FetchPlan, SyncFailure> {
        let access = self.git_access(entry)?;
        let authorization = SecretHeader::new(access.authorization)
            .expect("a signed token is short and has no control characters");
        let (url, authorization) = (access.clone_url, Some(authorization));
        let connection = Connection::default();
        let progress = FetchProgress::default();
        Ok(FetchPlan { url, authorization, objects, timeout: FETCH_STALL, connection, progress })
    }
}

/// Notes in the repository at which generation the upstream had the state that is about to be shown. When this process ends
/// before that is recorded, and knows of something newer by then, the next one has no other proof.
async fn note_proof(entry: &Entry, repository: &Repository, state: &RefSnapshot) {
    let content_hash = state.content_hash();
    let Some(generation) = entry.generation_of(content_hash) else { return };
    let proven = RecordedState { generation: generation.0, content_hash: content_hash.to_string() };
    if let Err(error) = repository.notes().set_proven_state(&proven).await {
        tracing::warn!(repository.local_id = entry.local_id.0, %error, "cannot note which state is shown");
    }
}

/// Whether packs have brought all of these objects with what they need, or they are here already, as what a new branch names
/// may be.
async fn took_packs(
    repository: &Repository,
    packs: Option<&ArrivedPacks>,
    new: &BTreeSet<ObjectId>,
    shown: &RefSnapshot,
    replaced: &BTreeSet<ObjectId>,
) -> bool {
    if new.is_empty() {
        return false;
    }
    let packs = packs.map(ArrivedPacks::packs).unwrap_or_default();
    match repository.take_packs(packs, new, shown, replaced).await {
        Ok(()) => true,
        Err(reason) => {
            tracing::debug!(
                reason = &reason as &dyn std::error::Error,
                "what is here and came with the news is not enough; fetching"
            );
            false
        }
    }
}

/// The branch that `HEAD` names: as the upstream describes the repository, else as it lists it or did so earlier.
pub(super) fn head_of(record: &MirroredRepository, listed: &[&RefSnapshot]) -> RefName {
    let described = record.default_branch.as_deref().and_then(|name| RefName::parse(name).ok());
    let listed = listed.iter().filter_map(|refs| refs.head()?.target());
    let branch = described.into_iter().chain(listed).find(RefName::is_branch);
    branch.unwrap_or_else(|| RefName::parse(FALLBACK_BRANCH).expect("the fallback is a valid ref name"))
}
