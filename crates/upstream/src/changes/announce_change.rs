//! A change of refs on disk becomes a generation, a hash and an event, in one transaction.
//!
//! Code that changes a repository's refs calls [`Changes::announce_change`] before the client is told that it worked.
//! The refs are read anew under the repository's lock and compared with the last recorded ones, so several pushes at
//! once are recorded one after the other, in any order in which git finished them, and a call that finds nothing new
//! records nothing. If the process dies between the change and the record, or the database is away, `reconcile_refs`
//! makes up for it with the same function.

use std::sync::{Arc, Weak};
use std::time::Duration;

use bytes::Bytes;
use heliostat_api::AddonEventKey;
use heliostat_auth::Caller;
use heliostat_downstream::{Announcer, MAX_CHANGES_PER_EVENT, metadata_hash, wire_changes};
use heliostat_git as git;
use heliostat_git::{RefChange, RefName, RefSnapshot};
use heliostat_git_serve::ServedRepositories;
use heliostat_peer::DetachedTasks;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, MirrorServerStore, RefChangeRecord, Repository, RepositoryId, RepositoryRecords, StoreError,
    UpstreamStore,
};
use serde_json::json;
use tokio::sync::OwnedMutexGuard;

use super::brought_packs::{BroughtPacks, needed_packs};
use super::faults::Faults;
use super::first_looks::FirstLooks;
use super::known_refs::KnownRefs;
use super::on_disk::note_recorded;
use super::reconcile_refs::{Reconciliation, ReconciliationStatus};
use crate::webhooks::WebhookEvents;

/// How often a record is tried when another process keeps recording changes of the same repository.
const MAX_ATTEMPTS: u32 = 5;

/// What was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Announcement {
    /// The repository as it is recorded now.
    pub repository: Repository,
    /// The refs that changed; empty if none did, or if it is not known which.
    pub changes: Vec<RefChange>,
}

/// Keeps others from recording refs of the repository.
pub(crate) type LockedRefs = OwnedMutexGuard<Option<RefSnapshot>>;

/// The refs of all repositories: what is on disk, what is recorded, and what is announced.
pub struct Changes {
    pub(super) store: RepositoryRecords,
    mirrors: MirrorServerStore,
    pub(super) served: ServedRepositories,
    announcer: Arc<Announcer>,
    known_refs: KnownRefs,
    brought: BroughtPacks,
    pub(super) reconciliation: Arc<Reconciliation>,
    pub(super) first_looks: FirstLooks,
    pub(super) tasks: DetachedTasks,
    /// Where records and disk do not agree.
    pub(crate) faults: Faults,
    /// The highest id of a repository that was recorded before this run. Its time would not tell: clocks are set.
    pub(super) recorded_before: RepositoryId,
}

impl Changes {
    pub(crate) fn new(
        store: &UpstreamStore,
        served: ServedRepositories,
        announcer: Arc<Announcer>,
        tasks: DetachedTasks,
        recorded_before: RepositoryId,
    ) -> Self {
        Self {
            store: store.repositories.clone(),
            mirrors: store.mirrors.clone(),
            served,
            announcer,
            known_refs: KnownRefs::default(),
            brought: BroughtPacks::default(),
            reconciliation: Arc::default(),
            first_looks: FirstLooks::default(),
            tasks,
            faults: Faults::default(),
            recorded_before,
        }
    }

    /// Keeps pushes of a repository away while something else of it is recorded.
    pub(crate) async fn lock(&self, id: RepositoryId) -> LockedRefs {
        self.known_refs.lock(id).await
    }

    /// Forgets the refs of a repository that is gone.
    pub(crate) fn forget(&self, id: RepositoryId) {
        self.known_refs.forget(id);
        self.first_looks.forget(id);
        self.faults.forget(id);
    }

    /// Who is to be told of what looks like damage.
    pub(crate) fn suspicions(&self) -> Weak<dyn git::RefListener> {
        let listener: Arc<dyn git::RefListener> = self.reconciliation.clone();
        Arc::downgrade(&listener)
    }

    /// Whether records and disk agree.
    pub(crate) fn status(&self) -> ReconciliationStatus {
        self.reconciliation.status()
    }

    /// Notes that a repository's record may be wrong.
    pub(crate) fn doubt(&self, id: RepositoryId) {
        self.reconciliation.doubt(id);
    }

    /// Waits until all repositories were looked at since the start, but no longer than so, and says whether they were.
    pub(crate) async fn until_all_looked_at(&self, patience: Duration) -> bool {
        self.reconciliation.until_all_looked_at(patience).await
    }

    /// A push has ended that has brought this; what it has changed is announced next.
    pub(crate) fn has_brought(&self, id: RepositoryId, pack: Bytes) {
        if pack.len() <= self.announcer.pushed_packs().limit() {
            self.brought.put(id, pack);
        }
    }

    /// Records what has changed on disk since the last record, and announces it to mirrors and webhooks.
    pub async fn announce_change(&self, caller: &Caller, id: RepositoryId) -> Result<Announcement, Refusal> {
        let mut known = self.known_refs.lock(id).await;
        self.announce_locked(caller, id, &mut known).await
    }

    async fn announce_locked(
        &self,
        caller: &Caller,
        id: RepositoryId,
        known: &mut LockedRefs,
    ) -> Result<Announcement, Refusal> {
        let announced = self.record_change(caller, id, known).await;
        if announced.is_err() {
            // What is on disk is not what is recorded: readers must not be told either of them as the truth.
            **known = None;
            self.reconciliation.doubt(id);
        }
        announced
    }

    /// Waits until the mirrors that answer readers by themselves know of the newest recorded change, so that who pushes
    /// finds it everywhere. The change is stored all the same when that cannot be found out.
    pub(crate) async fn until_mirrors_know(&self, recorded: &Repository) {
        let leases = self.announcer.leases();
        if let Err(error) = leases.until_told(&self.mirrors, recorded.id, recorded.generation).await {
            tracing::error!(
                repository.id = recorded.id.0,
                error = &error as &dyn std::error::Error,
                "cannot find out which mirrors have to know of a change before it is acknowledged"
            );
        }
    }

    /// The refs of a repository as they are recorded, from memory if possible. Only of one that was looked at since the
    /// start, and in which nothing wrong was found.
    pub async fn refs(self: &Arc<Self>, recorded: &Repository) -> Result<RefSnapshot, Refusal> {
        self.require_served(recorded).await?;
        let id = recorded.id;
        let mut known = self.known_refs.lock(id).await;
        if let Some(refs) = known.as_ref() {
            return Ok(refs.clone());
        }
        // Readers hang up when they like, and a change that is found here is recorded, remembered and told. The lock goes along:
        // those who wait for it find what this look has found, and of those who hang up nothing is left.
        let changes = Arc::clone(self);
        let work = async move {
            changes.announce_locked(&Caller::Anonymous, id, &mut known).await?;
            Ok::<_, Refusal>(known.clone())
        };
        let known = self.tasks.to_the_end(work).await?;
        known.ok_or_else(|| Refusal::unavailable("The repository's refs could not be read; try again."))
    }

    async fn record_change(
        &self,
        caller: &Caller,
        id: RepositoryId,
        known: &mut LockedRefs,
    ) -> Result<Announcement, Refusal> {
        let brought = self.brought.take(id);
        let on_disk = self.open_git(id).await?;
        let after = match on_disk.settled_refs().await {
            Ok(refs) => refs,
            Err(error) => return Err(self.read_failed(id, error).await),
        };
        let is_first_look = known.is_none();
        for _ in 0..MAX_ATTEMPTS {
            let recorded = self.repository_record(id).await?;
            if recorded.content_hash == after.content_hash().as_str() {
                if is_first_look {
                    note_recorded(&on_disk, &recorded).await;
                }
                **known = Some(after);
                return Ok(Announcement { repository: recorded, changes: Vec::new() });
            }
            if is_first_look {
                self.check_not_older(&recorded, &on_disk, &after).await?;
            }
            self.make_durable(&on_disk, known.as_ref(), &after).await?;
            let new_default = default_branch_after(&recorded, known.as_ref(), &after);
            if let Some(branch) = &new_default {
                on_disk.set_head(branch).await.map_err(Refusal::internal)?;
            }
            let changes = changes_since(&recorded, known.as_ref(), &after);
            let (pushed, leads_to) = (self.announcer.pushed_packs(), recorded.generation.next());
            // Before a delivery can find the event.
            if let Some(packs) = needed_packs(changes.as_deref(), &brought) {
                pushed.keep(id, leads_to, packs);
            }
            match self.store_change(caller, &recorded, &after, changes.as_deref(), new_default).await {
                Ok(repository) => {
                    self.announcer.announced();
                    note_recorded(&on_disk, &repository).await;
                    **known = Some(after);
                    return Ok(Announcement { repository, changes: changes.unwrap_or_default() });
                }
                Err(error) => {
                    pushed.forget(id, leads_to);
                    if !matches!(error, StoreError::StaleGeneration { .. }) {
                        return Err(error.into());
                    }
                }
            }
        }
        Err(Refusal::unavailable("The repository is being changed by too many others at once; try again."))
    }

    /// What is recorded must not be taken back by a power failure. Pushes whose changes another one has found on the
    /// disk have nothing left to sync.
    async fn make_durable(
        &self,
        on_disk: &git::Repository,
        known: Option<&RefSnapshot>,
        after: &RefSnapshot,
    ) -> Result<(), Refusal> {
        let changes = known.map(|known| RefSnapshot::diff(known, after));
        // Refs that cannot be listed may have changed, too.
        let named = changes.as_deref().filter(|changes| !changes.is_empty());
        on_disk.make_durable(named).await.map_err(Refusal::internal)
    }

    async fn store_change(
        &self,
        caller: &Caller,
        recorded: &Repository,
        after: &RefSnapshot,
        changes: Option<&[RefChange]>,
        new_default: Option<RefName>,
    ) -> Result<Repository, StoreError> {
        let context = self.announcer.context(caller);
        let mut changed = recorded.clone();
        changed.generation = recorded.generation.next();
        changed.content_hash = after.content_hash().as_str().to_owned();
        changed.updated_at = context.now_ms;
        if let Some(branch) = &new_default {
            changed.default_branch = branch.as_str().to_owned();
        }
        changed.metadata_hash = metadata_hash(&changed);

        let named = changes.map(|changes| json!(wire_changes(changes.iter().cloned())));
        let record = RefChangeRecord {
            repository_id: recorded.id,
            expected_generation: recorded.generation,
            content_hash: changed.content_hash.clone(),
            default_branch: new_default.as_ref().map(|branch| branch.as_str().to_owned()),
            metadata_hash: new_default.is_some().then(|| changed.metadata_hash.clone()),
            changes: named.clone(),
            changed_at: changed.updated_at,
        };
        let make_events = |generation: Generation| {
            let mut announced = changed.clone();
            announced.generation = generation;
            let mut events = vec![match changes {
                Some(changes) => context.refs_changed(&announced, recorded.generation, changes),
                None => context.some_refs_changed(&announced, recorded.generation),
            }];
            if new_default.is_some() {
                events.push(context.repository(AddonEventKey::RepoDefaultBranchModified, &announced));
            }
            events.push(WebhookEvents(context).pushed(&announced, named));
            events
        };
        changed.generation = self.store.record_ref_change(record, make_events).await?;
        let count = changes.map_or(0, <[RefChange]>::len);
        tracing::debug!(
            repository.id = changed.id.0,
            generation = changed.generation.0,
            changes = count,
            "recorded a ref change"
        );
        Ok(changed)
    }
}

/// The refs that changed; `None` if the refs of the recorded state are not known any more.
fn changes_since(
    recorded: &Repository,
    known: Option<&RefSnapshot>,
    after: &RefSnapshot,
) -> Option<Vec<RefChange>> {
    let empty = RefSnapshot::empty();
    let before = known
        .into_iter()
        .chain([&empty])
        .find(|snapshot| snapshot.content_hash().as_str() == recorded.content_hash)?;
    let changes = RefSnapshot::diff(before, after);
    // Refs that cannot be listed count in the hash: then there is a difference without a name.
    (!changes.is_empty() && changes.len() <= MAX_CHANGES_PER_EVENT).then_some(changes)
}

/// The default branch after the first push to an empty repository, if that did not bring the planned one.
fn default_branch_after(
    recorded: &Repository,
    known: Option<&RefSnapshot>,
    after: &RefSnapshot,
) -> Option<RefName> {
    let was_empty = recorded.content_hash == RefSnapshot::empty().content_hash().as_str()
        && known.is_none_or(RefSnapshot::is_empty);
    if !was_empty || after.get(&recorded.default_branch).is_some() {
        return None;
    }
    let usual = ["refs/heads/main", "refs/heads/master"];
    let branches = || after.branches().map(|(name, _)| name);
    branches().find(|name| usual.contains(&name.as_str())).or_else(|| branches().next()).cloned()
}

#[cfg(test)]
mod tests {
    use heliostat_downstream::fixture;
    use heliostat_git::ObjectId;

    use super::*;
    use crate::tests::test_upstream::TestUpstream;

    #[tokio::test]
    async fn of_readers_who_hang_up_one_look_goes_on_and_records_what_it_finds() {
        let server = TestUpstream::new().await;
        server.project("APP").await;
        let repository = server.repository("APP", "Engine").await;
        let pushed = server.push(&repository, &[("refs/heads/main", Some("1"))]).await;
        server.change_on_disk(&repository, &[("refs/heads/main", Some("2"))]).await;
        let changes = &server.upstream.0.changes;
        changes.known_refs.forget(pushed.id);
        let before = Arc::strong_count(changes);
        let (mut one, mut other) = (Box::pin(changes.refs(&pushed)), Box::pin(changes.refs(&pushed)));
        assert!(futures_util::poll!(&mut one).is_pending() && futures_util::poll!(&mut other).is_pending());
        assert_eq!(Arc::strong_count(changes), before + 1, "the other one waits for the same look");
        drop((one, other));
        changes.tasks.finished().await;
        let recorded = changes.repository_record(pushed.id).await.expect("recorded");
        assert_eq!(recorded.generation, pushed.generation.next());
    }

    fn snapshot(names: &[&str]) -> RefSnapshot {
        let object = ObjectId::parse("1".repeat(40)).expect("hex digits");
        let name = |name: &&str| RefName::parse(*name).expect("a valid name");
        RefSnapshot::from_entries(names.iter().map(|text| (name(text), object.clone())))
    }

    fn recorded_at(refs: &RefSnapshot) -> Repository {
        let mut repository = fixture::repository();
        repository.content_hash = refs.content_hash().as_str().to_owned();
        repository
    }

    #[test]
    fn changes_are_those_since_the_recorded_state() {
        let (before, after) = (snapshot(&["refs/heads/a"]), snapshot(&["refs/heads/a", "refs/heads/b"]));
        let changes = changes_since(&recorded_at(&before), Some(&before), &after).expect("a known state");
        assert_eq!(changes.len(), 1);
        assert_eq!(changes_since(&recorded_at(&before), None, &after), None);
        assert_eq!(changes_since(&recorded_at(&before), Some(&snapshot(&["refs/heads/x"])), &after), None);
        let first =
            changes_since(&recorded_at(&RefSnapshot::empty()), None, &after).expect("nothing is known");
        assert_eq!(first.len(), 2);
    }

    #[test]
    fn the_first_push_may_choose_the_default_branch() {
        let empty = recorded_at(&RefSnapshot::empty());
        let after = |names: &[&str]| default_branch_after(&empty, None, &snapshot(names));
        assert_eq!(after(&["refs/heads/main", "refs/heads/a"]), None);
        assert_eq!(after(&["refs/tags/v1"]), None);
        let chosen = |names: &[&str]| after(names).map(|name| name.as_str().to_owned());
        assert_eq!(chosen(&["refs/heads/a", "refs/heads/master"]).as_deref(), Some("refs/heads/master"));
        assert_eq!(chosen(&["refs/heads/b", "refs/heads/c"]).as_deref(), Some("refs/heads/b"));

        let used = snapshot(&["refs/heads/x"]);
        assert_eq!(
            default_branch_after(&recorded_at(&used), Some(&used), &snapshot(&["refs/heads/y"])),
            None
        );
    }
}
