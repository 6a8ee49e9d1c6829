//! Git on the upstream: opening a repository for a caller, and what follows a push.

use std::sync::Arc;

use heliostat_auth::Caller;
use heliostat_git as git;
use heliostat_git_serve::{ClientKey, ServedRepository};
use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryState};

use super::push_counts::PushOutcome;
use super::push_room::{CutOff, require_room, within_room};
use super::records::Repositories;
use crate::permit::{Reader, Writer};

/// A repository that a caller may push to.
#[derive(Debug, Clone)]
pub struct PushAccess {
    /// What is recorded about it.
    pub(super) repository: Repository,
    /// The repository on disk.
    pub(super) git: ServedRepository,
    /// Who pushes.
    pub(super) caller: Caller,
}

impl PushAccess {
    /// The repository on disk.
    pub fn git(&self) -> &ServedRepository {
        &self.git
    }

    /// The same, whose processes count as those of a client.
    #[must_use]
    pub fn asked_by(self, client: ClientKey) -> Self {
        Self { git: self.git.asked_by(client), ..self }
    }
}

impl Repositories {
    /// Opens a repository for reading.
    pub async fn read_with_git(&self, reader: &Reader<'_>) -> Result<ServedRepository, Refusal> {
        let repository = reader.repository();
        available(repository)?;
        self.changes.open_to_read(repository).await
    }

    /// Refuses pushes for which there is no room, before anything of them is sent.
    pub async fn require_room(&self) -> Result<(), Refusal> {
        require_room(&self.served).await
    }

    /// Opens a repository for pushing.
    pub async fn push_with_git(&self, writer: &Writer<'_>) -> Result<PushAccess, Refusal> {
        let repository = writer.repository().clone();
        available(&repository)?;
        if repository.archived {
            return Err(Refusal::forbidden("The repository is archived and cannot be pushed to."));
        }
        if let Some(following) = self.followings.following_of(repository.id).await? {
            return Err(Refusal::forbidden(format!(
                "The repository follows {} and takes no pushes; push there.",
                following.source.url
            )));
        }
        let git = self.changes.open_to_change(&repository).await?;
        Ok(PushAccess { repository, git, caller: writer.caller().clone() })
    }

    /// Runs a push to its end and announces what it changed before the client learns that it worked.
    ///
    /// If the client goes away, the push still either ends or fails, and what it changed is still announced.
    pub async fn receive_pack(
        &self,
        access: PushAccess,
        request: git::ByteStream,
        protocol: git::GitProtocol,
    ) -> Result<git::ReceivedPack, Refusal> {
        let changes = Arc::clone(&self.changes);
        let cut_off = CutOff::default();
        let counted = self.pushes.begin();
        let request = within_room(request, self.served.clone(), cut_off.clone());
        let work = async move {
            let id = access.repository.id;
            // The refs before the push are what the change is told apart from.
            let before = changes.refs(&access.repository).await?;
            let room = git::RefRoom::beside(&before);
            let received = git::receive_pack(&access.git.repository, request, &protocol, room).await;
            if let Some(pack) = received.as_ref().ok().and_then(|received| received.pack.clone()) {
                changes.has_brought(id, pack);
            }
            // Also after a failure: it may have come after the refs had changed.
            let announced = changes.announce_change(&access.caller, id).await?.repository;
            // Another push may have recorded what this one has changed.
            let has_changed = announced.content_hash != before.content_hash().as_str();
            if has_changed {
                changes.until_mirrors_know(&announced).await;
            }
            counted.ended(match (&received, has_changed) {
                (Err(_), _) => PushOutcome::Failed,
                (Ok(_), true) => PushOutcome::Changed,
                (Ok(_), false) => PushOutcome::Unchanged,
            });
            let received = cut_off.explain(received.map_err(not_received)?);
            if !received.refused_default_branch() {
                return Ok(received);
            }
            let default_branch = access.repository.default_branch.trim_start_matches("refs/heads/");
            Ok(received.telling(&git::RemoteMessage::line(&default_branch_stays(default_branch))))
        };
        self.tasks.to_the_end(work).await
    }
}

/// Why the default branch is not deleted, by whichever way.
pub(super) fn default_branch_stays(short_name: &str) -> String {
    format!(
        "{short_name} is the default branch and cannot be deleted; make another branch the default one first."
    )
}

/// A client that leaves in the middle of its push, or sends too much, is no fault of this server.
fn not_received(error: git::GitError) -> Refusal {
    match error {
        git::GitError::Request(error) => {
            Refusal::invalid("body", format!("The request's body cannot be read: {error}."))
        }
        error => Refusal::internal(error),
    }
}

/// Refuses a repository that is not complete.
fn available(repository: &Repository) -> Result<(), Refusal> {
    if repository.state == RepositoryState::Available {
        return Ok(());
    }
    Err(Refusal::unavailable("The repository is not available at the moment."))
}
