//! Branches that are created and deleted without a push.
//!
//! They are pushes in all but the transport: the same permission, the same refusal when the repository is archived,
//! and the same announcement, made before the client learns that it worked.

use heliostat_auth::Caller;
use heliostat_git::{ObjectId, RefName, RefSnapshot, RefUpdate, Repository, UpdateRefsError};
use heliostat_refusal::Refusal;

use crate::branches::{Branch, branch_of};
use crate::git_access::GitAccess;
use crate::repositories::branch_name;
use crate::upstream::Upstream;

/// A branch that is to go.
#[derive(Debug, Clone)]
pub struct BranchDeletion {
    /// Its name, full or short.
    pub name: String,
    /// The commit that it must point at.
    pub end_point: Option<String>,
}

impl Upstream {
    /// Starts a branch where a branch, a tag or a commit is.
    pub async fn create_branch(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        name: &str,
        start_point: &str,
    ) -> Result<Branch, Refusal> {
        let name = branch_name("name", name)?;
        let access = self.push_with_git(caller, key, slug).await?;
        let refs = self.refs(access.repository.id).await?;
        if refs.get(name.as_str()).is_some() {
            return Err(taken(&name));
        }
        let tip = start_of(&access.git, &refs, start_point).await?;
        let branch = branch_of(&access.repository, &name, &tip);
        self.move_ref(caller, access, RefUpdate::create(name, tip)).await?;
        Ok(branch)
    }

    /// Deletes a branch. One that is not there stays so.
    pub async fn delete_branch(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        deletion: &BranchDeletion,
    ) -> Result<(), Refusal> {
        match self.permitted_deletion(caller, key, slug, deletion).await? {
            Some((access, name, tip)) => {
                self.move_ref(caller, access, RefUpdate::delete(name, Some(tip))).await
            }
            None => Ok(()),
        }
    }

    /// Refuses what [`Upstream::delete_branch`] would refuse, and deletes nothing.
    pub async fn check_branch_deletion(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        deletion: &BranchDeletion,
    ) -> Result<(), Refusal> {
        self.permitted_deletion(caller, key, slug, deletion).await.map(drop)
    }

    /// The branch to delete and its tip, if it is there.
    async fn permitted_deletion(
        &self,
        caller: &Caller,
        key: &str,
        slug: &str,
        deletion: &BranchDeletion,
    ) -> Result<Option<(GitAccess, RefName, ObjectId)>, Refusal> {
        let name = branch_name("name", &deletion.name)?;
        let access = self.push_with_git(caller, key, slug).await?;
        if access.repository.default_branch == name.as_str() {
            let message = format!(
                "{} is the default branch and cannot be deleted; make another branch the default one first.",
                name.short()
            );
            return Err(Refusal::invalid("name", message));
        }
        let refs = self.refs(access.repository.id).await?;
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
    async fn move_ref(&self, caller: &Caller, access: GitAccess, update: RefUpdate) -> Result<(), Refusal> {
        let (upstream, caller) = (self.clone(), caller.clone());
        self.to_the_end(async move {
            let name = update.name().clone();
            let moved = access.git.update_refs(&[update]).await;
            // Also after a failure: somebody else's change may be the reason, and is announced the sooner.
            upstream.announce_change(&caller, access.repository.id).await?;
            moved.map_err(|error| refused_move(&name, error))
        })
        .await
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
            let message =
                format!("{} was changed by somebody else at the same time; try again.", name.short());
            Refusal::unavailable(message)
        }
        other => Refusal::internal(other),
    }
}
