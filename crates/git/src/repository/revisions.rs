//! Commits by the ids that people type, and branches by their age.

use heliostat_git_wire::{ObjectId, RefName};

use crate::process::GitError;
use crate::repository::Repository;

/// The fewest digits of an id that are taken for one.
const MIN_ID_DIGITS: usize = 7;

/// The most digits that an id has.
const MAX_ID_DIGITS: usize = 64;

impl Repository {
    /// The commit that an id names, or that a tag with this id leads to. The id may be cut short, as long as only one
    /// object begins with it; `None` when there is no such commit, or when the text is not an id at all.
    pub async fn commit_with_id(&self, id: &str) -> Result<Option<ObjectId>, GitError> {
        // Git would follow expressions and our internal names. A name of digits alone it does follow, so callers look
        // among the names first.
        let is_id = (MIN_ID_DIGITS..=MAX_ID_DIGITS).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_hexdigit());
        if !is_id {
            return Ok(None);
        }
        let wanted = format!("{}^{{commit}}", id.to_ascii_lowercase());
        let command = self.command("look for a commit");
        let ended = command.args(["rev-parse", "--verify", "--quiet", &wanted]).run_to_end().await?;
        if !ended.status.success() {
            return Ok(None);
        }
        let text = String::from_utf8_lossy(&ended.stdout).trim().to_owned();
        ObjectId::parse(text.clone())
            .map(Some)
            .map_err(|_| GitError::UnexpectedOutput { operation: "look for a commit", output: text })
    }

    /// The branches, the one with the youngest commit first; those of the same second by name.
    pub async fn branches_by_age(&self) -> Result<Vec<RefName>, GitError> {
        let order = ["for-each-ref", "--sort=refname", "--sort=-committerdate", "--format=%(refname)"];
        let listing = self.command("sort branches").args(order).arg("refs/heads/").run().await?;
        let names = String::from_utf8_lossy(&listing.stdout).into_owned();
        // Names that are not text are not listed anywhere else either.
        Ok(names.lines().filter_map(|name| RefName::parse(name).ok()).collect())
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn a_commit_is_found_by_a_part_of_its_id_and_by_nothing_else() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let refs = repository.refs().await.expect("readable");
        let main = refs.get("refs/heads/main").expect("main").clone();
        for id in [main.as_str(), &main.as_str()[..7], &main.as_str().to_uppercase()] {
            assert_eq!(repository.commit_with_id(id).await.expect("git runs"), Some(main.clone()), "{id}");
        }
        for other in ["main", "HEAD", "refs/heads/main", &main.as_str()[..6], "--all", "@{-1}", ""] {
            assert_eq!(repository.commit_with_id(other).await.expect("git runs"), None, "{other}");
        }
        let absent = repository.commit_with_id(&"12".repeat(20)).await.expect("git runs");
        assert_eq!(absent, None);
    }

    #[tokio::test]
    async fn every_branch_has_its_place() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "b", "a"]).await;
        let names = repository.branches_by_age().await.expect("git runs");
        let mut sorted: Vec<&str> = names.iter().map(crate::RefName::short).collect();
        sorted.sort_unstable();
        assert_eq!(sorted, ["a", "b", "main"]);
    }
}
