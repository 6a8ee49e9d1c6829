//! Changing references, all or none.

use std::path::Path;

use heliostat_git_wire::{ObjectId, RefName};
use thiserror::Error;

use crate::process::{GitCommand, GitError};

/// One wanted change of a reference.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefUpdate {
    name: RefName,
    change: Change,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Change {
    Create { to: ObjectId },
    Update { to: ObjectId, expected: Option<ObjectId> },
    Delete { expected: Option<ObjectId> },
}

/// Why no reference was changed.
#[derive(Debug, Error)]
#[non_exhaustive]
pub enum UpdateRefsError {
    /// A reference is not where it was expected to be.
    #[error("{name} is not where it was expected: {detail}")]
    Stale {
        /// Which reference.
        name: String,
        /// What git said.
        detail: String,
    },
    /// One name would be a folder of another.
    #[error("references cannot exist side by side: {detail}")]
    NameConflict {
        /// What git said.
        detail: String,
    },
    /// An object is not there, or is no commit and a branch was to point at it.
    #[error("a reference cannot point there: {detail}")]
    BadTarget {
        /// What git said.
        detail: String,
    },
    /// Git failed for another reason.
    #[error(transparent)]
    Git(#[from] GitError),
}

impl RefUpdate {
    /// Makes a reference that must not exist.
    pub fn create(name: RefName, to: ObjectId) -> Self {
        Self { name, change: Change::Create { to } }
    }

    /// Moves or makes a reference; with `expected`, only when it points there now.
    pub fn update(name: RefName, to: ObjectId, expected: Option<ObjectId>) -> Self {
        Self { name, change: Change::Update { to, expected } }
    }

    /// Removes a reference; with `expected`, only when it points there now. Without, it may be gone already.
    pub fn delete(name: RefName, expected: Option<ObjectId>) -> Self {
        Self { name, change: Change::Delete { expected } }
    }

    /// Which reference.
    pub fn name(&self) -> &RefName {
        &self.name
    }

    /// The command for `git update-ref --stdin -z`.
    fn write_to(&self, script: &mut Vec<u8>) {
        let name = &self.name;
        let expected = |id: &Option<ObjectId>| id.as_ref().map(ObjectId::to_string).unwrap_or_default();
        let command = match &self.change {
            Change::Create { to } => format!("create {name}\0{to}\0"),
            Change::Update { to, expected: old } => format!("update {name}\0{to}\0{}\0", expected(old)),
            Change::Delete { expected: old } => format!("delete {name}\0{}\0", expected(old)),
        };
        script.extend_from_slice(command.as_bytes());
    }
}

/// Makes all of these changes or none, in one transaction of `git`. `command` works on the repository in this folder, and
/// announces that references change.
pub(crate) async fn update_refs(
    command: GitCommand,
    repository: &Path,
    updates: &[RefUpdate],
) -> Result<(), UpdateRefsError> {
    let operation = command.operation();
    let mut script = Vec::new();
    for update in updates {
        update.write_to(&mut script);
    }
    // Without --no-deref a symbolic reference would move what it names instead of itself.
    let command = command.args(["update-ref", "--no-deref", "--stdin", "-z"]);
    let ended = command.input(script).run_to_end().await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(read_refusal(operation, repository, &ended.status.to_string(), &ended.stderr))
}

fn read_refusal(operation: &'static str, repository: &Path, status: &str, stderr: &str) -> UpdateRefsError {
    let detail = stderr.trim().to_owned();
    let says = |phrases: &[&str]| phrases.iter().any(|phrase| detail.contains(phrase));
    if is_about_a_name_conflict(&detail) {
        UpdateRefsError::NameConflict { detail }
    } else if says(&[
        "but expected",
        "reference already exists",
        "unable to resolve reference",
        "reference is missing",
    ]) {
        UpdateRefsError::Stale { name: quoted_ref_in(&detail), detail }
    } else if says(&["nonexistent object", "non-commit object"]) {
        UpdateRefsError::BadTarget { detail }
    } else {
        GitError::from_failure(operation, Some(repository), status, stderr).into()
    }
}

/// Whether git refused because a reference is a folder of another one.
fn is_about_a_name_conflict(stderr: &str) -> bool {
    let phrases = ["exists; cannot create", "at the same time", "non-empty directory", "': Not a directory"];
    phrases.iter().any(|phrase| stderr.contains(phrase))
}

fn quoted_ref_in(stderr: &str) -> String {
    let quoted = stderr.split('\'').find(|part| part.starts_with("refs/") || *part == "HEAD");
    quoted.unwrap_or_default().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    fn branch(name: &str) -> RefName {
        RefName::branch(name).expect("valid")
    }

    #[tokio::test]
    async fn changes_are_made_together() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "old"]).await;
        let before = repository.refs().await.expect("readable");
        let (main, old) =
            (before.get("refs/heads/main").expect("main"), before.get("refs/heads/old").expect("old"));
        let updates = [
            RefUpdate::create(branch("new"), main.clone()),
            RefUpdate::update(branch("main"), old.clone(), Some(main.clone())),
            RefUpdate::delete(branch("old"), None),
            RefUpdate::delete(branch("never/was"), None),
        ];
        repository.update_refs(&updates).await.expect("updated");
        let after = repository.refs().await.expect("readable");
        assert_eq!(after.get("refs/heads/main"), Some(old));
        assert_eq!(after.get("refs/heads/new"), Some(main));
        assert_eq!(after.len(), 2);
        repository.update_refs(&[]).await.expect("nothing to do");
    }

    #[tokio::test]
    async fn one_refused_change_refuses_all() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "other"]).await;
        let before = repository.refs().await.expect("readable");
        let main = before.get("refs/heads/main").expect("main").clone();
        let other = before.get("refs/heads/other").expect("other").clone();
        let good = RefUpdate::create(branch("new"), main.clone());
        let absent = ObjectId::parse("12".repeat(20)).expect("hex");
        let stale = [
            RefUpdate::create(branch("main"), main.clone()),
            RefUpdate::update(branch("main"), other.clone(), Some(other.clone())),
            RefUpdate::delete(branch("main"), Some(other)),
            RefUpdate::update(branch("missing"), main.clone(), Some(main.clone())),
        ];
        for bad in stale {
            let refused = repository.update_refs(&[good.clone(), bad.clone()]).await;
            let is_named =
                |error| matches!(error, UpdateRefsError::Stale { name, .. } if name == bad.name.as_str());
            assert!(refused.is_err_and(is_named), "{bad:?}");
        }
        let refused = repository.update_refs(&[good.clone(), RefUpdate::create(branch("x"), absent)]).await;
        assert!(matches!(refused, Err(UpdateRefsError::BadTarget { .. })), "{refused:?}");
        let refused = repository.update_refs(&[good, RefUpdate::create(branch("main/x"), main)]).await;
        assert!(matches!(refused, Err(UpdateRefsError::NameConflict { .. })), "{refused:?}");
        assert_eq!(repository.refs().await.expect("readable"), before);
    }
}
