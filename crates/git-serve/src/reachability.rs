//! Whether a client may have what it wants: whether the repository's references lead to it now, or led to it lately.
//!
//! A stored answer stays true for ever, but who may have it changes when references go: what was wanted must be what some
//! reference leads to at the moment of asking. What a reference named until it was moved is given for a while longer, for
//! builds that began before; nothing of that is stored. All else is refused, in `git`'s words, also when it is here.

use std::collections::{BTreeSet, HashSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{GitError, LeftTip, Repository, SearchFor};
use heliostat_git_wire::{ContentHash, Head, ObjectId, RefSnapshot};
use parking_lot::Mutex;
use quick_cache::sync::Cache;
use sha2::{Digest, Sha256};

/// States of repositories of which is remembered what they reach.
const MAX_REMEMBERED_STATES: usize = 1_024;

/// Sets of wants remembered for each state; together with the number of states it bounds the memory.
const MAX_REMEMBERED_SETS: usize = 1_024;

/// What is known of the objects that a client wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Wanted {
    /// References lead to all of them.
    AllReachable,
    /// References lead to all of them, or did so lately.
    LatelyReachable,
    /// To this one they do not, or it is not here.
    Unreachable(ObjectId),
}

/// The digest of a set of wants. Clients that do the same want the same, so that one look-up answers for all of it.
type WantsDigest = [u8; 32];

/// Remembers what was proven of which state of which repository.
#[derive(Debug)]
pub(crate) struct Reachability {
    proven: Cache<(u64, ContentHash), Arc<Mutex<HashSet<WantsDigest>>>>,
    /// How long what a reference named is given after it was moved.
    keep: Duration,
}

impl Reachability {
    /// What a reference named is given for so long after it was moved.
    pub(crate) fn new(keep: Duration) -> Self {
        Self { proven: Cache::new(MAX_REMEMBERED_STATES), keep }
    }

    /// Whether all of these are known to belong to what `refs` show. Reads no disk.
    pub(crate) fn is_proven(
        &self,
        repository: &Repository,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
    ) -> bool {
        let digest = digest(wants);
        let proven = self.proven_of(repository.id(), refs);
        if proven.lock().contains(&digest) {
            return true;
        }
        let mut unknown = wants.clone();
        refs.retain_unnamed(&mut unknown);
        if unknown.is_empty() {
            remember(&proven, digest);
        }
        unknown.is_empty()
    }

    /// Whether a client may have all of these, when `refs` is the state of `repository` now.
    pub(crate) async fn check(
        &self,
        repository: &Repository,
        refs: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
    ) -> Result<Wanted, GitError> {
        if self.is_proven(repository, refs, wants) {
            return Ok(Wanted::AllReachable);
        }
        let mut tips = tips_of(refs);
        let Some(unreached) = repository.first_unreached(wants, &tips, SearchFor::Client).await? else {
            remember(&self.proven_of(repository.id(), refs), digest(wants));
            return Ok(Wanted::AllReachable);
        };
        let lately = match unreached.is_here {
            true => self.lately_named(repository, refs).await?,
            false => BTreeSet::new(),
        };
        if lately.is_subset(&tips) {
            return Ok(Wanted::Unreachable(unreached.object));
        }
        tips.extend(lately);
        let unreached = repository.first_unreached(wants, &tips, SearchFor::Client).await?;
        Ok(unreached.map_or(Wanted::LatelyReachable, |found| Wanted::Unreachable(found.object)))
    }

    /// The same where a reader is shown the references of another server, and `here` are those of `repository`: only from what
    /// both name is looked for more. What a reference named until it was moved is that server's to give.
    pub(crate) async fn check_shown(
        &self,
        repository: &Repository,
        shown: &RefSnapshot,
        here: &RefSnapshot,
        wants: &BTreeSet<ObjectId>,
    ) -> Result<Wanted, GitError> {
        if self.is_proven(repository, shown, wants) {
            return Ok(Wanted::AllReachable);
        }
        let tips = tips_of(shown);
        let mut absent = tips.clone();
        here.retain_unnamed(&mut absent);
        let mut sought = wants.clone();
        shown.retain_unnamed(&mut sought);
        let tips = tips.difference(&absent).cloned().collect();
        match repository.first_unreached(&sought, &tips, SearchFor::Client).await? {
            Some(unreached) => Ok(Wanted::Unreachable(unreached.object)),
            None => {
                remember(&self.proven_of(repository.id(), shown), digest(wants));
                Ok(Wanted::AllReachable)
            }
        }
    }

    /// What references named lately that are still there and name something else now.
    async fn lately_named(
        &self,
        repository: &Repository,
        refs: &RefSnapshot,
    ) -> Result<BTreeSet<ObjectId>, GitError> {
        let left = repository.left_tips().all().await;
        let left = left.map_err(|error| GitError::Io { operation: "read what references named", error })?;
        let mut recent: Vec<LeftTip> =
            left.into_iter().filter(|tip| tip.is_younger_than(self.keep)).collect();
        if recent.is_empty() {
            return Ok(BTreeSet::new());
        }
        recent.retain(|tip| refs.find(&tip.reference).is_some());
        repository.present(&recent.into_iter().map(|tip| tip.object).collect()).await
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

/// What is shown to everybody.
fn tips_of(refs: &RefSnapshot) -> BTreeSet<ObjectId> {
    let head = refs.head().and_then(Head::object);
    refs.all().map(|(_, tip)| tip).chain(head).cloned().collect()
}

fn remember(proven: &Mutex<HashSet<WantsDigest>>, wants: WantsDigest) {
    let mut proven = proven.lock();
    if proven.len() == MAX_REMEMBERED_SETS {
        proven.clear();
    }
    proven.insert(wants);
}

fn digest(wants: &BTreeSet<ObjectId>) -> WantsDigest {
    let mut hasher = Sha256::new();
    for want in wants {
        hasher.update(want.as_str());
        hasher.update(b"\n");
    }
    hasher.finalize().into()
}

#[cfg(test)]
mod tests {
    use heliostat_git::fixture::Workshop;

    use super::*;

    const KEEP: Duration = Duration::from_hours(1);

    fn objects(names: &[&str]) -> BTreeSet<ObjectId> {
        names.iter().map(|name| ObjectId::parse(name.trim()).expect("an object name")).collect()
    }

    fn unreachable(name: &str) -> Wanted {
        Wanted::Unreachable(ObjectId::parse(name.trim()).expect("an object name"))
    }

    #[tokio::test]
    async fn what_references_lead_to_is_reachable_and_nothing_else() {
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
        let reachability = Reachability::new(KEEP);
        let absent = "12".repeat(20);
        let cases: [(&[&str], Wanted); 9] = [
            (&[], Wanted::AllReachable),
            (&[&tip, &tag], Wanted::AllReachable),
            (&[&first], Wanted::AllReachable),
            (&[&first, &tip, &tag], Wanted::AllReachable),
            (&[&tree], Wanted::AllReachable),
            (&[&blob], Wanted::AllReachable),
            (&[&tip, &lost], unreachable(&lost)),
            (&[&deleted_tag], unreachable(&deleted_tag)),
            (&[&tip, &absent], unreachable(&absent)),
        ];
        for _ in 0..2 {
            for (names, expected) in &cases {
                let found = reachability.check(&repository, &refs, &objects(names)).await;
                assert_eq!(found.expect("git runs"), *expected, "{names:?}");
            }
        }
    }

    #[tokio::test]
    async fn what_a_reference_named_is_given_for_a_while_unless_the_reference_is_gone() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let path = repository.path();
        repository.refs().await.expect("readable");
        let before = ["main", "topic"].map(|name| workshop.run(path, &["rev-parse", name]));
        for name in ["main", "topic"] {
            let other = workshop.run(path, &["commit-tree", "-m", name, "main^{tree}"]);
            workshop.run(path, &["update-ref", &format!("refs/heads/{name}"), other.trim()]);
        }
        let moved = repository.refs().await.expect("readable");
        let check = async |keep: Duration, refs: &RefSnapshot, name: &str| {
            let found = Reachability::new(keep).check(&repository, refs, &objects(&[name])).await;
            found.expect("git runs")
        };
        for name in &before {
            assert_eq!(check(KEEP, &moved, name).await, Wanted::LatelyReachable);
            assert_eq!(check(Duration::ZERO, &moved, name).await, unreachable(name));
        }
        workshop.run(path, &["update-ref", "-d", "refs/heads/topic"]);
        let deleted = repository.refs().await.expect("readable");
        assert_eq!(check(KEEP, &deleted, &before[0]).await, Wanted::LatelyReachable);
        assert_eq!(check(KEEP, &deleted, &before[1]).await, unreachable(&before[1]));
    }

    #[tokio::test]
    async fn what_was_named_and_is_removed_during_the_search_is_no_damage() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let path = repository.path();
        let first = workshop.run(path, &["rev-parse", "main"]);
        let below_topic = workshop.run(path, &["rev-parse", "topic"]);
        for branch in ["main", "topic"] {
            workshop.commit(&repository, branch);
        }
        let before = repository.refs().await.expect("readable");
        workshop.run(path, &["update-ref", "-d", "refs/heads/topic"]);
        workshop.run(path, &["prune", "--expire=now"]);
        let reachability = Reachability::new(Duration::ZERO);
        let check = async |name: &str| reachability.check(&repository, &before, &objects(&[name])).await;
        assert_eq!(check(&first).await.expect("no damage"), Wanted::AllReachable);
        assert_eq!(check(&below_topic).await.expect("no damage"), unreachable(&below_topic));
    }

    #[tokio::test]
    async fn what_was_proven_holds_for_the_same_references_only() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main", "topic"]).await;
        let before = repository.refs().await.expect("readable");
        let first = workshop.run(repository.path(), &["rev-parse", "topic"]);
        workshop.commit(&repository, "topic");
        let grown = repository.refs().await.expect("readable");
        let reachability = Reachability::new(KEEP);
        let wants = objects(&[&first]);
        let check = async |refs: &RefSnapshot| reachability.check(&repository, refs, &wants).await;
        assert_eq!(check(&before).await.expect("git runs"), Wanted::AllReachable);
        assert_eq!(check(&grown).await.expect("git runs"), Wanted::AllReachable);
        workshop.run(repository.path(), &["update-ref", "-d", "refs/heads/topic"]);
        let after = repository.refs().await.expect("readable");
        assert_eq!(check(&after).await.expect("git runs"), unreachable(&first));
        // What is remembered needs no repository at all.
        std::fs::remove_dir_all(repository.path().join("objects")).expect("removed");
        assert_eq!(check(&grown).await.expect("remembered"), Wanted::AllReachable);
        assert!(check(&after).await.is_err());
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
        let reachability = Reachability::new(KEEP);
        for index in tips {
            let wants = BTreeSet::from([object(index)]);
            let found = reachability.check(&repository, &refs, &wants).await;
            assert_eq!(found.expect("known"), Wanted::AllReachable);
        }
        let proven = reachability.proven_of(repository.id(), &refs);
        assert!(proven.lock().len() <= MAX_REMEMBERED_SETS);
    }
}
