//! Taking over references and objects from another server, atomically.
//!
//! Objects come first, `git` checks that everything below them is there, and only then the references change, all
//! at once. Three ways lead there:
//!
//! - A *snapshot* or a list of updated references is one `git fetch --atomic`.
//! - When references are deleted in the same step, they are fetched into our internal namespace first, where no client
//!   sees them, and then one transaction moves and deletes.
//! - `git` cannot replace the branch `a` by `a/b` in one transaction. The objects are here when it refuses; the
//!   references in the way are then deleted in a transaction of their own, immediately before the others.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use heliostat_git_wire::{INTERNAL_NAMESPACE, ObjectId, RefName, RefSnapshot};

use crate::process::{Git, GitCommand, Progress, SecretHeader, transfer, without_credentials};
use crate::refs::{RefUpdate, UpdateRefsError};
use crate::remote::{FetchError, Remote};
use crate::repository::{Repository, STAGING_NAMESPACE, STALE_LOCK_AGE};

/// What to take over, from where.
#[derive(Clone)]
pub struct FetchPlan {
    /// Address of the other repository. User name and password in an HTTP address are sent as a header.
    pub url: String,
    /// Sent with every HTTP request to the other server.
    pub authorization: Option<SecretHeader>,
    /// Which references or objects.
    pub scope: FetchScope,
    /// How long nothing may be heard before it is given up.
    pub timeout: Duration,
}

/// Which references or objects to take over.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FetchScope {
    /// Everything: afterwards the references are those of the other repository.
    Snapshot,
    /// These references and no others.
    Refs {
        /// Make them what they are there.
        update: Vec<RefName>,
        /// Remove them here; they may be gone already.
        delete: Vec<RefName>,
    },
    /// These objects with what they need, and no reference.
    Objects(Vec<ObjectId>),
}

impl fmt::Debug for FetchPlan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { url, authorization, scope, timeout } = self;
        let mut out = f.debug_struct("FetchPlan");
        out.field("url", &without_credentials(url)).field("authorization", authorization);
        out.field("scope", scope).field("timeout", timeout).finish()
    }
}

/// Does what the plan says, or changes no reference. `on_progress` gets every line that git shows people.
/// The caller sees to it that one fetch at a time runs on a repository.
pub async fn fetch(
    repository: &Repository,
    plan: &FetchPlan,
    mut on_progress: impl FnMut(&str) + Send,
) -> Result<(), FetchError> {
    let remote = Remote::parse(&plan.url, plan.authorization.as_ref())?;
    let fetch = Fetch { repository, remote, timeout: plan.timeout };
    // References are not packed while a fetch changes them.
    let lock = repository.refs_lock();
    let _lock = lock.lock().await;
    match fetch.run(&plan.scope, &mut on_progress).await {
        // The owner of the lock may have been killed, in which case nothing else removes it.
        Err(FetchError::Locked { .. })
            if repository.clear_stale_locks(STALE_LOCK_AGE).await.is_ok_and(|locks| locks.removed > 0) =>
        {
            fetch.run(&plan.scope, &mut on_progress).await
        }
        done => done,
    }
}

/// The references of another repository, without fetching anything.
pub async fn remote_refs(
    git: &Git,
    url: &str,
    authorization: Option<&SecretHeader>,
    time_limit: Duration,
) -> Result<RefSnapshot, FetchError> {
    let remote = Remote::parse(url, authorization)?;
    let command = git.command("list remote references").args(["ls-remote", "--quiet", "--refs", "--"]);
    let command = command.arg(&remote.address).authorization(remote.authorization.as_ref());
    let ended = command.time_limit(time_limit).run_to_end().await?;
    if !ended.status.success() {
        return Err(FetchError::from_failure(&remote.address, &ended.status.to_string(), &ended.stderr));
    }
    RefSnapshot::parse_listing(&ended.stdout).ok_or_else(|| {
        let detail = "the list of references is not one".to_owned();
        FetchError::RemoteUnreachable { url: remote.address, detail }
    })
}

struct Fetch<'a> {
    repository: &'a Repository,
    remote: Remote,
    timeout: Duration,
}

impl Fetch<'_> {
    async fn run(&self, scope: &FetchScope, on_progress: Progress<'_>) -> Result<(), FetchError> {
        match scope {
            FetchScope::Snapshot => self.snapshot(on_progress).await,
            FetchScope::Refs { update, delete } => match (update.is_empty(), delete.is_empty()) {
                (true, true) => Ok(()),
                (true, false) => Ok(self.repository.update_refs(&deletions(delete)).await?),
                (false, true) => self.transfer(&same_names(update), on_progress).await,
                (false, false) => self.update_and_delete(update, delete, on_progress).await,
            },
            FetchScope::Objects(objects) if objects.is_empty() => Ok(()),
            FetchScope::Objects(objects) => {
                let wanted: Vec<_> = objects.iter().map(ObjectId::to_string).collect();
                self.transfer(&wanted, on_progress).await
            }
        }
    }

    async fn snapshot(&self, on_progress: Progress<'_>) -> Result<(), FetchError> {
        let everything = ["+refs/*:refs/*".to_owned(), format!("^{INTERNAL_NAMESPACE}*")];
        match self.prune_and_transfer(&everything, on_progress).await {
            Err(FetchError::NameConflict { .. }) => {
                self.make_room().await?;
                self.prune_and_transfer(&everything, on_progress).await
            }
            done => done,
        }
    }

    /// Deletes what the other repository does not have and what is in the way of something it has.
    async fn make_room(&self) -> Result<(), FetchError> {
        let Remote { address, authorization } = &self.remote;
        let there = remote_refs(self.repository.git(), address, authorization.as_ref(), self.timeout).await?;
        let here = self.repository.refs().await?;
        let arriving: Vec<_> =
            there.iter().map(|(name, _)| name).filter(|name| here.get(name.as_str()).is_none()).collect();
        let surplus = here.iter().map(|(name, _)| name).filter(|name| there.get(name.as_str()).is_none());
        let in_the_way = surplus.filter(|name| arriving.iter().any(|arriving| arriving.excludes(name)));
        let in_the_way: Vec<_> = in_the_way.cloned().collect();
        Ok(self.repository.update_refs(&deletions(&in_the_way)).await?)
    }

    async fn update_and_delete(
        &self,
        update: &[RefName],
        delete: &[RefName],
        on_progress: Progress<'_>,
    ) -> Result<(), FetchError> {
        let folder = staging_folder();
        let staged: Vec<_> =
            update.iter().map(|name| format!("+{name}:{}", staged_name(&folder, name))).collect();
        self.transfer(&staged, on_progress).await?;
        let changes = self.staged_changes(&folder, update, delete).await?;
        let moved = match self.repository.update_refs(&changes).await {
            Err(UpdateRefsError::NameConflict { .. }) => self.delete_then_update(&changes).await,
            done => done,
        };
        if moved.is_err() {
            self.unstage(&folder).await;
        }
        Ok(moved?)
    }

    /// Every change that brings the staged references to their place and empties the staging folder.
    async fn staged_changes(
        &self,
        folder: &str,
        update: &[RefName],
        delete: &[RefName],
    ) -> Result<Vec<RefUpdate>, FetchError> {
        let staged = self.staged(folder).await?;
        let mut changes = deletions(delete);
        for name in update {
            let at = RefName::parse(staged_name(folder, name));
            let found = at.ok().and_then(|at| staged.iter().find(|(staged, _)| *staged == at));
            let Some((at, object)) = found else {
                return Err(FetchError::RemoteRefMissing(name.to_string()));
            };
            // Named in both lists: what the other repository has counts.
            changes.retain(|change| change.name() != name);
            changes.push(RefUpdate::update(name.clone(), object.clone(), None));
            changes.push(RefUpdate::delete(at.clone(), None));
        }
        Ok(changes)
    }

    async fn staged(&self, folder: &str) -> Result<Vec<(RefName, ObjectId)>, FetchError> {
        let command = self.repository.command("list fetched references");
        let listing =
            command.args(["for-each-ref", "--format=%(objectname) %(refname)", folder]).run().await?;
        let lines = String::from_utf8_lossy(&listing.stdout).into_owned();
        let entry = |line: &str| {
            let (object, name) = line.split_once(' ')?;
            Some((RefName::parse(name).ok()?, ObjectId::parse(object).ok()?))
        };
        Ok(lines.lines().filter_map(entry).collect())
    }

    async fn delete_then_update(&self, changes: &[RefUpdate]) -> Result<(), UpdateRefsError> {
        let (deletions, updates): (Vec<_>, Vec<_>) = changes.iter().cloned().partition(RefUpdate::is_delete);
        self.repository.update_refs(&deletions).await?;
        self.repository.update_refs(&updates).await
    }

    /// What stays behind is invisible, so a failure here is not worth more than the one that led here.
    async fn unstage(&self, folder: &str) {
        if let Ok(staged) = self.staged(folder).await {
            let names: Vec<_> = staged.into_iter().map(|(name, _)| name).collect();
            self.repository.update_refs(&deletions(&names)).await.ok();
        }
    }

    async fn prune_and_transfer(
        &self,
        refspecs: &[String],
        on_progress: Progress<'_>,
    ) -> Result<(), FetchError> {
        self.run_fetch(self.command().arg("--prune"), refspecs, on_progress).await
    }

    async fn transfer(&self, refspecs: &[String], on_progress: Progress<'_>) -> Result<(), FetchError> {
        self.run_fetch(self.command(), refspecs, on_progress).await
    }

    fn command(&self) -> GitCommand {
        let command = self.repository.changing_command("fetch").args([
            "fetch",
            "--atomic",
            "--force",
            "--no-tags",
            "--progress",
        ]);
        command
            .args(["--no-write-fetch-head", "--no-auto-maintenance", "--no-recurse-submodules"])
            .looking_again()
            .authorization(self.remote.authorization.as_ref())
    }

    /// The references go by standard input, because there may be more than fit into arguments.
    async fn run_fetch(
        &self,
        command: GitCommand,
        refspecs: &[String],
        on_progress: Progress<'_>,
    ) -> Result<(), FetchError> {
        let url = &self.remote.address;
        let command = command.args(["--stdin", "--", url]);
        let input = refspecs.join("\n") + "\n";
        let ended = transfer(&command, input.as_bytes(), self.timeout, on_progress).await?;
        if ended.status.success() {
            return Ok(());
        }
        Err(FetchError::from_failure(url, &ended.status.to_string(), &ended.stderr))
    }
}

fn deletions(names: &[RefName]) -> Vec<RefUpdate> {
    names.iter().map(|name| RefUpdate::delete(name.clone(), None)).collect()
}

fn same_names(names: &[RefName]) -> Vec<String> {
    names.iter().map(|name| format!("+{name}:{name}")).collect()
}

/// A folder of references that no other fetch uses, in this process or in one that was killed.
fn staging_folder() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap_or_default();
    format!("{STAGING_NAMESPACE}/{}-{}-{count}", std::process::id(), now.as_nanos())
}

fn staged_name(folder: &str, name: &RefName) -> String {
    format!("{folder}/{}", name.as_str().trim_start_matches("refs/"))
}

#[cfg(test)]
#[path = "fetch_tests.rs"]
mod tests;
