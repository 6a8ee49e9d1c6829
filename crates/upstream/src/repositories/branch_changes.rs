//! Branches that are created and deleted without a push.
//!
//! They are pushes in all but the transport: the same permission, the same refusal when the repository is archived,
//! and the same announcement, made before the client learns that it worked.

use std::sync::Arc;

use heliostat_git::{ObjectId, RefName, RefSnapshot, RefUpdate, Repository, UpdateRefsError};
use heliostat_refusal::Refusal;

use super::branches::{Branch, branch_of};
use super::git_access::{PushAccess, default_branch_stays};
use super::records::{Repositories, branch_name};
use crate::permit::Writer;

/// A branch that is to go.
#[derive(Debug, Clone)]
pub struct BranchDeletion {
    /// Its name, full or short.
    pub name: String,
    /// The commit that it must point at.
    pub end_point: Option<String>,
}

impl Repositories {
    /// Starts a branch where a branch, a tag or a commit is.
    pub async fn create_branch(
        self: &Arc<Self>,
        writer: &Writer<'_>,
        name: &str,
        start_point: &str,
    ) -> Result<Branch, Refusal> {
        let name = branch_name("name", name)?;
        let access = self.push_with_git(writer).await?;
        let refs = self.changes.refs(&access.repository).await?;
        if refs.get(name.as_str()).is_some() {
            return Err(taken(&name));
        }
        let tip = start_of(&access.git.repository, &refs, start_point).await?;
        let branch = branch_of(&access.repository, &name, &tip);
        self.move_ref(access, RefUpdate::create(name, tip)).await?;
        Ok(branch)
    }

    /// Deletes a branch. One that is not there stays so.
    pub async fn delete_branch(
        self: &Arc<Self>,
        writer: &Writer<'_>,
        deletion: &BranchDeletion,
    ) -> Result<(), Refusal> {
        match self.permitted_deletion(writer, deletion).await? {
            Some((access, name, tip)) => self.move_ref(access, RefUpdate::delete(name, Some(tip))).await,
            None => Ok(()),
        }
    }

    /// Refuses what [`Repositories::delete_branch`] would refuse, and deletes nothing.
    pub async fn check_branch_deletion(
        &self,
        writer: &Writer<'_>,
        deletion: &BranchDeletion,
    ) -> Result<(), Refusal> {
        self.permitted_deletion(writer, deletion).await.map(drop)
    }

    /// The branch to delete and its tip, if it is there.
    async fn permitted_deletion(
        &self,
        writer: &Writer<'_>,
        deletion: &BranchDeletion,
    ) -> Result<Option<(PushAccess, RefName, ObjectId)>, Refusal> {
        let name = branch_name("name", &deletion.name)?;
        let access = self.push_with_git(writer).await?;
        if access.repository.default_branch == name.as_str() {
            return Err(Refusal::invalid("name", default_branch_stays(name.short())));
        }
        let refs = self.changes.refs(&access.repository).await?;
        let Some(tip) = refs.get(name.as_str()).cloned() else {
            return Ok(None);
        };
        if let Some(expected) = &deletion.end_point
            && !expected.eq_ignore_ascii_case(tip.as_str())
        {
            let message = format!("{} points at {tip} and not at {expected:?}.", name.short());
            return Err(Refusal::invalid("endPoint", message));
        }
        Ok(Some((access, name, tip)))
    }

    /// Changes a ref to its end, even if the client goes away, and announces it.
    async fn move_ref(self: &Arc<Self>, access: PushAccess, update: RefUpdate) -> Result<(), Refusal> {
        let changes = Arc::clone(&self.changes);
        let work = async move {
            let name = update.name().clone();
            let moved = access.git.repository.update_refs(&[update]).await;
            // Also after a failure: the change of another may be the reason, and is announced the sooner.
            let announced = changes.announce_change(&access.caller, access.repository.id).await?;
            moved.map_err(|error| refused_move(&name, error))?;
            changes.until_mirrors_know(&announced.repository).await;
            Ok(())
        };
        self.tasks.to_the_end(work).await
    }
}

/// The commit that a start point names. Branches come before tags, and both before ids.
async fn start_of(git: &Repository, refs: &RefSnapshot, start: &str) -> Result<ObjectId, Refusal> {
    let start = start.trim();
    let names = [start.to_owned(), format!("refs/heads/{start}"), format!("refs/tags/{start}")];
    // What a tag names may be a tag again: the object is looked up in any case.
    let id = names.iter().find_map(|name| refs.get(name)).map_or(start, ObjectId::as_str);
    let found = git.commit_with_id(id).await.map_err(Refusal::internal)?;
    found.ok_or_else(|| {
        let message = format!("The repository has no branch, tag or commit {start:?} to start at.");
        Refusal::not_found("commit", message)
    })
}

fn taken(name: &RefName) -> Refusal {
    Refusal::conflict_in("name", format!("The repository has a branch {} already.", name.short()))
}

fn refused_move(name: &RefName, error: UpdateRefsError) -> Refusal {
    match error {
        UpdateRefsError::NameConflict { .. } => {
            let message = format!(
                "A branch {} cannot stand beside the branches that there are: one name would be the folder of another.",
                name.short()
            );
            Refusal::conflict_in("name", message)
        }
        UpdateRefsError::Stale { .. } => {
            let message = format!("{} was changed by another at the same time; try again.", name.short());
            Refusal::unavailable(message)
        }
        other => Refusal::internal(other),
    }
}
