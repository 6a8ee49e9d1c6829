//! Repositories on disk as records name them.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::Instant;

use heliostat_downstream::metadata_hash;
use heliostat_git as git;
use heliostat_git_serve::ServedRepository;
use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryFormat, RepositoryId, RepositoryState, RepositoryUpdate};

use super::announce_change::Changes;
use super::faults::{Look, RepositoryFault};

impl Changes {
    /// The repository for those who read it: one whose refs are in memory is not looked for on disk.
    pub(crate) async fn open_to_read(
        self: &Arc<Self>,
        recorded: &Repository,
    ) -> Result<ServedRepository, Refusal> {
        self.require_served(recorded).await?;
        let look = self.faults.begin_look(recorded.id);
        let opened = self.served.open(disk_id(recorded.id)).await;
        self.known_to_exist(look, opened).await
    }

    /// The repository for those who change it.
    pub(crate) async fn open_to_change(
        self: &Arc<Self>,
        recorded: &Repository,
    ) -> Result<ServedRepository, Refusal> {
        self.require_served(recorded).await?;
        Ok(self.served.serve(self.open_git(recorded.id).await?))
    }

    /// The repository on disk, whatever is known of it.
    pub(crate) async fn open_git(&self, id: RepositoryId) -> Result<git::Repository, Refusal> {
        let look = self.faults.begin_look(id);
        let opened = self.disk().open(disk_id(id)).await;
        self.known_to_exist(look, opened).await
    }

    pub(crate) fn disk(&self) -> &git::RepositoryStore {
        self.served.store()
    }

    /// That a repository is recorded but not there, or not whole, is a fault of this server: noted, and told to the caller.
    pub(crate) async fn known_to_exist<T>(
        &self,
        look: Look,
        opened: Result<T, git::OpenError>,
    ) -> Result<T, Refusal> {
        let error = match opened {
            Ok(repository) => return Ok(repository),
            Err(error) => error,
        };
        // Unless it has just been deleted.
        let recorded = self.repository_record(look.id).await?;
        let fault = match error {
            git::OpenError::Missing(_) => RepositoryFault::Missing,
            git::OpenError::Broken { reason, .. } => RepositoryFault::Damaged { detail: reason },
            error => return Err(unreadable_now(&recorded, &error.to_string())),
        };
        let refusal = fault.refusal(&recorded);
        // One that is being created is not there yet.
        if recorded.state == RepositoryState::Available {
            self.faults.note(look, &recorded, fault);
            self.doubt(look.id);
        }
        Err(refusal)
    }

    /// What reading a recorded repository has failed with: damage is noted, and told to the caller.
    pub(crate) async fn read_failed(&self, id: RepositoryId, error: git::GitError) -> Refusal {
        let Some(fault) = error.fault() else { return Refusal::internal(error) };
        // Its caller has locked the references: nothing takes the repository's place meanwhile.
        let look = self.faults.begin_look(id);
        match self.repository_record(id).await {
            Err(refusal) => refusal,
            Ok(recorded) => self.found_faulty(look, &recorded, fault),
        }
    }

    /// That what is on disk is the repository that is recorded. One from before there were identities gets that of its
    /// record.
    pub(crate) async fn check_identity(
        &self,
        recorded: &Repository,
        on_disk: &git::Repository,
    ) -> Result<(), Refusal> {
        let look = self.faults.begin_look(recorded.id);
        match on_disk.notes().identity().await.map_err(Refusal::internal)? {
            Some(identity) if identity == recorded.identity.as_str() => Ok(()),
            Some(identity) => {
                let fault = RepositoryFault::OtherRepository { on_disk: identity };
                let refusal = fault.refusal(recorded);
                self.faults.note(look, recorded, fault);
                Err(refusal)
            }
            None => on_disk.notes().set_identity(recorded.identity.as_str()).await.map_err(Refusal::internal),
        }
    }

    /// Records the format of a repository from before there was a record of it.
    pub(crate) async fn note_format(
        &self,
        recorded: &Repository,
        on_disk: &git::Repository,
    ) -> Result<(), Refusal> {
        let format = recorded_format(on_disk.object_format().await.map_err(Refusal::internal)?);
        if format == recorded.object_format {
            return Ok(());
        }
        let update = RepositoryUpdate { object_format: Some(format), ..RepositoryUpdate::default() };
        let silent = |_: &Repository| Vec::new();
        self.store.update_repository(recorded.id, update, recorded.updated_at, metadata_hash, silent).await?;
        Ok(())
    }

    /// That references which are not the recorded ones are new: not those of an earlier state, put back from a backup.
    pub(super) async fn check_not_older(
        &self,
        recorded: &Repository,
        on_disk: &git::Repository,
        refs: &git::RefSnapshot,
    ) -> Result<(), Refusal> {
        let look = self.faults.begin_look(recorded.id);
        let Some(noted) = on_disk.notes().recorded_state().await.map_err(Refusal::internal)? else {
            return Ok(());
        };
        if noted.generation >= recorded.generation.0 || noted.content_hash != refs.content_hash().as_str() {
            return Ok(());
        }
        let fault = RepositoryFault::Older { on_disk: noted.generation, recorded: recorded.generation.0 };
        let refusal = fault.refusal(recorded);
        self.faults.note(look, recorded, fault);
        Err(refusal)
    }

    /// Finishes pushes of which all or nothing is to be carried out, where a crash has let only some of their refs change. No
    /// push is let in before.
    pub(super) async fn finish_interrupted_pushes(&self, id: RepositoryId) {
        let on_disk = self.disk().repository(disk_id(id));
        if !on_disk.has_noted_pushes().await.unwrap_or(false) {
            return;
        }
        let Ok(recorded) = self.repository_record(id).await else { return };
        match on_disk.finish_noted_pushes(&recorded.content_hash).await {
            Ok(0) => {}
            Ok(pushes) => tracing::warn!(
                repository.id = id.0,
                pushes,
                "changed the rest of the references of pushes that a crash had interrupted"
            ),
            Err(error) => {
                tracing::warn!(repository.id = id.0, %error, "cannot look for pushes that were interrupted");
            }
        }
    }

    /// That a look at the disk finds nothing wrong.
    pub(crate) async fn look(&self, recorded: &Repository, on_disk: &git::Repository) -> Result<(), Refusal> {
        let look = self.faults.begin_look(recorded.id);
        match on_disk.look().await {
            Ok(_) => Ok(()),
            Err(fault) => Err(self.found_faulty(look, recorded, fault)),
        }
    }

    /// Reads all of a repository at which something looks like damage, or which was found damaged and looks whole again.
    /// One that was read lately is only looked at.
    pub(crate) async fn examine(&self, id: RepositoryId) {
        let Ok(recorded) = self.repository_record(id).await else { return };
        if recorded.state != RepositoryState::Available {
            return;
        }
        let Ok(on_disk) = self.open_git(id).await else { return };
        if !self.faults.may_examine(id) {
            return drop(self.look(&recorded, &on_disk).await);
        }
        let (look, began) = (self.faults.begin_look(id), Instant::now());
        let examined = on_disk.examine().await;
        self.faults.examined(id, began.elapsed());
        match examined {
            Err(fault) => drop(self.found_faulty(look, &recorded, fault)),
            Ok(()) if self.faults.damage(id).is_some() => {
                self.faults.clear(id);
                // What else may be wrong is checked in the next round.
                self.doubt(id);
            }
            Ok(()) => {}
        }
    }

    /// Notes damage, and gives what callers are told.
    fn found_faulty(&self, look: Look, recorded: &Repository, fault: git::Fault) -> Refusal {
        match fault {
            git::Fault::Damaged(detail) => {
                let fault = RepositoryFault::Damaged { detail };
                let refusal = fault.refusal(recorded);
                self.faults.note(look, recorded, fault);
                self.doubt(recorded.id);
                refusal
            }
            git::Fault::CannotReadNow(reason) => unreadable_now(recorded, &reason),
        }
    }

    /// That a repository was not found damaged. One that was is examined once it looks whole again.
    pub(crate) async fn check_known_damage(
        &self,
        recorded: &Repository,
        on_disk: &git::Repository,
    ) -> Result<(), Refusal> {
        let Some(fault) = self.faults.damage(recorded.id) else { return Ok(()) };
        self.look(recorded, on_disk).await?;
        self.reconciliation.suspect(recorded.id);
        Err(fault.refusal(recorded))
    }

    /// Whether what is on disk under a record's number is another repository: then it is not this record's to delete.
    pub(crate) async fn is_of_another_record(&self, recorded: &Repository) -> bool {
        let on_disk = self.disk().repository(disk_id(recorded.id)).notes().identity().await;
        !matches!(on_disk, Ok(None))
            && !on_disk.is_ok_and(|found| found.as_deref() == Some(recorded.identity.as_str()))
    }

    /// Which repositories on disk have no record. The disk is read first: what is recorded in between is not among them.
    pub(crate) async fn look_for_unrecorded(&self) -> Result<BTreeSet<u64>, Refusal> {
        let mut unrecorded: BTreeSet<u64> =
            self.disk().list().await.map_err(Refusal::internal)?.into_iter().collect();
        for id in self.store.repository_ids().await? {
            unrecorded.remove(&disk_id(id));
        }
        // One whose record was deleted in between is on its way out.
        let still_there = self.disk().list().await.map_err(Refusal::internal)?;
        unrecorded.retain(|number| still_there.binary_search(number).is_ok());
        self.faults.set_unrecorded(unrecorded.clone());
        Ok(unrecorded)
    }

    /// Takes back the record of a repository that was never announced; where that fails, it is tried again until it is done, for
    /// the name is taken until then. What lies on disk under its number goes along only
    /// if it was made for this record and holds nothing: anything else belongs to a repository of which this database does not know.
    pub(crate) async fn abandon(&self, draft: &Repository) {
        let id = draft.id;
        match self.store.find_repository(id).await {
            // It was announced after all, and may have been pushed to since.
            Ok(Some(recorded)) if recorded.state != RepositoryState::Initialising => return self.doubt(id),
            Ok(Some(_)) => {}
            Ok(None) => return,
            Err(error) => {
                tracing::error!(repository.id = id.0, error = %error, "cannot look up an unfinished repository");
                return self.reconciliation.abandon_later(draft);
            }
        }
        if self.is_empty_draft(draft).await
            && let Err(error) =
                self.disk().trash(disk_id(id), git::TrashReason::Unfinished, git::Origin::default()).await
        {
            tracing::error!(repository.id = id.0, error = %error, "cannot remove an unfinished repository from disk");
            return self.reconciliation.abandon_later(draft);
        }
        if let Err(error) = self.store.delete_repository(id, Vec::new()).await {
            tracing::error!(repository.id = id.0, error = %error, "cannot remove an unfinished repository");
            self.reconciliation.abandon_later(draft);
        }
    }

    /// Takes back what could not be taken back before.
    pub(crate) async fn abandon_again(&self) {
        for draft in self.reconciliation.take_abandoned() {
            self.abandon(&draft).await;
        }
    }

    /// Whether what lies on disk was made for this record and is empty.
    async fn is_empty_draft(&self, draft: &Repository) -> bool {
        let Ok(on_disk) = self.disk().open(disk_id(draft.id)).await else { return false };
        let made_for_it = on_disk.notes().identity().await;
        made_for_it.is_ok_and(|identity| identity.as_deref() == Some(draft.identity.as_str()))
            && on_disk.refs().await.is_ok_and(|refs| refs.is_empty())
    }

    /// The record of a repository of which only the id is known.
    pub(crate) async fn repository_record(&self, id: RepositoryId) -> Result<Repository, Refusal> {
        let found = self.store.find_repository(id).await?;
        found.ok_or_else(|| Refusal::not_found("repository", format!("The repository {id} does not exist.")))
    }
}

/// Nothing says that the repository is damaged.
fn unreadable_now(recorded: &Repository, reason: &str) -> Refusal {
    tracing::warn!(repository.id = recorded.id.0, reason, "a repository cannot be read at the moment");
    let path = format!("{}/{}", recorded.project.key, recorded.slug);
    Refusal::unavailable(format!("The repository {path} cannot be read at the moment; try again."))
}

/// Notes in the repository which state of it is recorded. Without the note an older one says less.
pub(crate) async fn note_recorded(on_disk: &git::Repository, recorded: &Repository) {
    let state =
        git::RecordedState { generation: recorded.generation.0, content_hash: recorded.content_hash.clone() };
    if let Err(error) = on_disk.notes().set_recorded_state(&state).await {
        tracing::warn!(repository.id = recorded.id.0, error = %error, "cannot note which state of a repository is recorded");
    }
}

/// A format of objects as it is recorded.
pub(crate) fn recorded_format(format: git::ObjectFormat) -> RepositoryFormat {
    match format {
        git::ObjectFormat::Sha1 => RepositoryFormat::Sha1,
        git::ObjectFormat::Sha256 => RepositoryFormat::Sha256,
    }
}

/// The same as it is on disk.
pub(crate) fn format_on_disk(format: RepositoryFormat) -> git::ObjectFormat {
    match format {
        RepositoryFormat::Sha1 => git::ObjectFormat::Sha1,
        RepositoryFormat::Sha256 => git::ObjectFormat::Sha256,
    }
}

/// The number of a repository on disk.
pub(crate) fn disk_id(id: RepositoryId) -> u64 {
    u64::try_from(id.0).expect("the database counts ids up from one")
}
