//! Whether what a client wants belongs to the repository's references now.
//!
//! A stored answer stays true for ever, but who may have it changes when references go: what was wanted must be a tip,
//! or a commit that some tip reaches, at the moment of asking. What cannot be proven is not refused; `git` then decides
//! for that client alone, and nothing is stored.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{GitError, Repository};
use heliostat_git_wire::{ContentHash, ObjectId, RefSnapshot, lines_of};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// States of repositories of which is remembered what they reach.
const MAX_REMEMBERED_STATES: usize = 1_024;

/// Sets of wants remembered for each state; together with the number of states it bounds the memory.
const MAX_REMEMBERED_SETS: usize = 1_024;

/// Most commits that are looked for in one request; a client that wants more of them gets an answer of its own.
const MAX_COMMITS_SOUGHT: usize = 1_024;

/// How long the search through history may take.
const SEARCH_TIME_LIMIT: Duration = Duration::from_secs(20);

/// What is known of the objects that a client wants.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// Each is a tip, or a commit that a tip reaches.
    AllReachable,
    /// That was not proven.
    NotKnown,
}

/// The digest of a set of wants. Clients that do the same want the same, so that one look-up answers for all of it.
type WantsDigest = [u8; 32];

/// Remembers what was proven of which state of which repository.
#[derive(Debug)]
pub(crate) struct Reachability {
    proven: Cache<(u64, ContentHash), Arc<Mutex<HashSet<WantsDigest>>>>,
}

impl Default for Reachability {
    fn default() -> Self {
        Self { proven: Cache::new(MAX_REMEMBERED_STATES) }
    }
}

impl Reachability {
    /// Whether all of these belong to what `refs` show, which is the state of `repository` now.
    pub(crate) async fn check(
        &self,
        repository: &Repository,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
    ) -> Wanted {
        let digest = digest(wants);
        let proven = self.proven_of(repository.id(), refs);
        if proven.lock().contains(&digest) {
            return Wanted::AllReachable;
        }
        let mut unknown: BTreeSet<&ObjectId> = wants.iter().collect();
        for (_, tip) in refs.iter() {
            unknown.remove(tip);
        }
        if unknown.len() > MAX_COMMITS_SOUGHT {
            return Wanted::NotKnown;
        }
        let are_reachable = match unknown.is_empty() {
            true => Ok(true),
            false => are_reachable_commits(repository, refs, &unknown).await,
        };
        match are_reachable {
            Ok(true) => {}
            Ok(false) => return Wanted::NotKnown,
            Err(error) => {
                tracing::debug!(%error, "cannot tell whether what a client wants is reachable");
                return Wanted::NotKnown;
            }
        }
        let mut proven = proven.lock();
        if proven.len() == MAX_REMEMBERED_SETS {
            proven.clear();
        }
        proven.insert(digest);
        Wanted::AllReachable
    }

    fn proven_of(&self, repository: u64, refs: &RefSnapshot) -> Arc<Mutex<HashSet<WantsDigest>>> {
        let state = (repository, refs.content_hash().clone());
        if let Some(proven) = self.proven.get(&state) {
            return proven;
        }
        let proven = Arc::default();
        self.proven.insert(state, Arc::clone(&proven));
        proven
    }
}

fn digest(wants: &BTreeSet<ObjectId>) -> WantsDigest {
    let mut hasher = Sha256::new();
    for want in wants {
        hasher.update(want.as_str());
        hasher.update(b"\n");
    }
    hasher.finalize().into()
}

/// Only commits can be looked for in history. A tag that is no tip may be one that was deleted, and whether a file or
/// folder belongs to some commit would take a walk through all of them.
async fn are_reachable_commits(
    repository: &Repository,
    refs: &RefSnapshot,
    wants: &BTreeSet<&ObjectId>,
) -> Result<bool, GitError> {
    let wanted = lines_of("", wants.iter().copied());
    let command =
        repository.command("read the types of objects").args(["cat-file", "--batch-check=%(objecttype)"]);
    let types = command.input(wanted.clone().into_bytes()).time_limit(SEARCH_TIME_LIMIT).run().await?;
    let mut types = types.stdout.split_inclusive(|byte| *byte == b'\n');
    if !wants.iter().all(|_| types.next() == Some(b"commit\n")) {
        return Ok(false);
    }
    // What is left after everything that the tips reach; one line is enough to know.
    let tips: BTreeSet<&ObjectId> = refs.iter().map(|(_, tip)| tip).collect();
    let input = wanted + &lines_of("^", tips);
    let command =
        repository.command("look for commits in history").args(["rev-list", "--stdin", "--max-count=1"]);
    let left = command.input(input.into_bytes()).time_limit(SEARCH_TIME_LIMIT).run().await?;
    Ok(left.stdout.is_empty())
}

#[cfg(test)]
mod tests {
    use heliostat_git::fixture::Workshop;

    use super::*;

    fn objects(names: &[&str]) -> BTreeSet<ObjectId> {
        names.iter().map(|name| ObjectId::parse(name.trim()).expect("an object name")).collect()
    }

    #[tokio::test]
    async fn tips_and_their_history_are_reachable_and_nothing_else() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let first = workshop.run(repository.path(), &["rev-parse", "main"]);
        workshop.commit(&repository, "main");
        workshop.run(repository.path(), &["tag", "-a", "-m", "annotated", "v1", "main"]);
        workshop.run(repository.path(), &["tag", "-a", "-m", "going", "gone", "main"]);
        let tag = workshop.run(repository.path(), &["rev-parse", "v1"]);
        let deleted_tag = workshop.run(repository.path(), &["rev-parse", "gone"]);
        workshop.run(repository.path(), &["tag", "-d", "gone"]);
        let lost = workshop.run(repository.path(), &["commit-tree", "-m", "lost", "main^{tree}"]);
        workshop.run(repository.path(), &["update-ref", "refs/heliostat/keep/1", lost.trim()]);
        let tree = workshop.run(repository.path(), &["rev-parse", "main^{tree}"]);
        let blob = workshop.run(repository.path(), &["rev-parse", "main:file"]);
        let tip = workshop.run(repository.path(), &["rev-parse", "main"]);
        let refs = repository.refs().await.expect("readable");
        let reachability = Reachability::default();
        let absent = "12".repeat(20);
        let cases: [(&[&str], Wanted); 9] = [
            (&[], Wanted::AllReachable),
            (&[&tip, &tag], Wanted::AllReachable),
            (&[&first], Wanted::AllReachable),
            (&[&first, &tip, &tag], Wanted::AllReachable),
            (&[&tip, &lost], Wanted::NotKnown),
            (&[&deleted_tag], Wanted::NotKnown),
            (&[&tree], Wanted::NotKnown),
            (&[&blob], Wanted::NotKnown),
            (&[&tip, &absent], Wanted::NotKnown),
        ];
        for _ in 0..2 {
            for (names, expected) in cases {
                let found = reachability.check(&repository, &refs, &objects(names)).await;
                assert_eq!(found, expected, "{names:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_was_proven_holds_for_the_same_references_only() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let before = repository.refs().await.expect("readable");
        let first = workshop.run(repository.path(), &["rev-parse", "topic"]);
        workshop.commit(&repository, "topic");
        let grown = repository.refs().await.expect("readable");
        let reachability = Reachability::default();
        let wants = objects(&[&first]);
        assert_eq!(reachability.check(&repository, &before, &wants).await, Wanted::AllReachable);
        assert_eq!(reachability.check(&repository, &grown, &wants).await, Wanted::AllReachable);
        workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
        let after = repository.refs().await.expect("readable");
        assert_eq!(reachability.check(&repository, &after, &wants).await, Wanted::NotKnown);
        // What is remembered needs no repository at all.
        std::fs::remove_dir_all(repository.path().join("objects")).expect("removed");
        assert_eq!(reachability.check(&repository, &grown, &wants).await, Wanted::AllReachable);
        assert_eq!(reachability.check(&repository, &after, &wants).await, Wanted::NotKnown);
    }

    #[tokio::test]
    async fn what_is_remembered_is_bounded() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let name =
            |index: usize| heliostat_git_wire::RefName::parse(format!("refs/heads/{index}")).expect("a name");
        let object = |index: usize| ObjectId::parse(format!("{index:040x}")).expect("hex");
        let tips = 1..=MAX_REMEMBERED_SETS * 2 + 1;
        let refs = RefSnapshot::from_entries(tips.clone().map(|index| (name(index), object(index))));
        let reachability = Reachability::default();
        for index in tips {
            let wants = BTreeSet::from([object(index)]);
            assert_eq!(reachability.check(&repository, &refs, &wants).await, Wanted::AllReachable);
        }
        let proven = reachability.proven_of(repository.id(), &refs);
        assert!(proven.lock().len() <= MAX_REMEMBERED_SETS);
    }
}
