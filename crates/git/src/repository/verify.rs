//! Looking into a repository for damage.

use std::time::Duration;

use heliostat_git_wire::ObjectId;

use crate::process::GitError;
use crate::repository::Repository;

/// What the exit status of fsck is made of when all that it found is about how objects were written (1), the commit graph
/// (16), the index over all packs (32), the order of objects (64) or bitmaps (128).
const NOTHING_LOST: i32 = 1 | 16 | 32 | 64 | 128;

/// How long a check of a whole repository may take.
const WHOLE_REPOSITORY_TIME_LIMIT: Duration = Duration::from_hours(6);

impl Repository {
    /// Whether everything that the references need is there. Reads commits and trees, but not file contents.
    pub async fn check_connectivity(&self) -> Result<(), GitError> {
        self.fsck("check connectivity", "--connectivity-only").await
    }

    /// Whether every object is there and intact.
    pub async fn verify(&self) -> Result<(), GitError> {
        self.fsck("verify", "--full").await
    }

    /// What was removed meanwhile, because nothing leads to it, is not missing: then it is looked again.
    async fn fsck(&self, operation: &'static str, depth: &str) -> Result<(), GitError> {
        let removals = self.removals().count();
        loop {
            let before = removals.now();
            let found = self.fsck_once(operation, depth).await;
            if found.is_ok() || removals.now() == before {
                return found;
            }
        }
    }

    async fn fsck_once(&self, operation: &'static str, depth: &str) -> Result<(), GitError> {
        let command = self.command(operation).args(["fsck", depth, "--no-dangling", "--no-progress"]);
        // Not about objects that are gone from a commit graph: that is made anew.
        let command = command.setting("core.commitGraph", "false").yielding();
        let ended = command.time_limit(WHOLE_REPOSITORY_TIME_LIMIT).run_to_end().await?;
        if ended.status.success() {
            return Ok(());
        }
        // Some findings are printed where results go.
        let found = format!("{}\n{}", ended.stderr, crate::process::readable_tail(&ended.stdout));
        let found: Vec<_> = found.lines().filter(|line| is_about_loss(line)).collect();
        if found.is_empty() && ended.status.code().is_some_and(|code| code & !NOTHING_LOST == 0) {
            return Ok(());
        }
        let found = found.join("\n");
        match GitError::from_failure(operation, Some(self.path()), &ended.status.to_string(), &found) {
            // The exit status of fsck is a set of findings; 128 is a failure of fsck itself.
            GitError::Failed { detail, .. } if ended.status.code() != Some(128) => {
                Err(GitError::Corrupt { operation, path: self.path().to_owned(), detail })
            }
            error => Err(error),
        }
    }
}

/// Whether the line may tell that something is lost: not about how an object was written, nor about what git can make anew.
fn is_about_loss(line: &str) -> bool {
    let derived = ["reverse-index", "rev-index", "bitmap", "multi-pack-index", "commit-graph"];
    let is_remark = line.is_empty() || line.starts_with("notice: ");
    !is_remark && !is_about_style(line) && !derived.iter().any(|name| line.contains(name))
}

/// Whether fsck dislikes how an object was written, such as `error in commit 1234...: badEmail: ...`. It is what its name
/// says all the same, and other servers have it as well.
fn is_about_style(line: &str) -> bool {
    let Some(rest) = line.strip_prefix("error in ").or_else(|| line.strip_prefix("warning in ")) else {
        return false;
    };
    let mut words = rest.split(' ');
    let kind = words.next().unwrap_or_default();
    let name = words.next().and_then(|name| name.strip_suffix(':')).unwrap_or_default();
    matches!(kind, "commit" | "tree" | "blob" | "tag") && ObjectId::parse(name).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn damage_is_found() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        repository.check_connectivity().await.expect("whole");
        repository.verify().await.expect("whole");
        let tree = workshop.run(repository.path(), &["rev-parse", "main^{tree}"]);
        let (folder, file) = tree.trim().split_at(2);
        std::fs::remove_file(repository.path().join("objects").join(folder).join(file))
            .expect("a loose object");
        let error = repository.check_connectivity().await.expect_err("a tree is missing");
        assert!(matches!(error, GitError::Corrupt { .. }), "{error}");
        let error = repository.verify().await.expect_err("a tree is missing");
        assert!(matches!(error, GitError::Corrupt { .. }), "{error}");
    }
}
