//! Creating very many references in one step. `git` writes one after the other, each into a file of its own, which takes
//! minutes for 200,000 of them; and as long once more to bring them together again.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::Arc;
use std::time::Duration;

use heliostat_git_wire::{ObjectId, RefMove, RefName, RefSnapshot, RefStep, lines_of};

use super::swap_refs::{SwapRefsError, write_packed};
use crate::disk::blocking;
use crate::process::GitError;
use crate::refs::{LookedAt, look_at_objects};
use crate::repository::{Repository, STALE_LOCK_AGE};

/// How long one waits for others who change references.
const TURN_LIMIT: Duration = Duration::from_mins(5);

const OPERATION: &str = "create references";

/// What git says of a reference that is hidden from a push, as ours are from every one.
pub(crate) const IS_HIDDEN: &str = "deny updating a hidden ref";

/// Why references are not created, in the words of a report about a push.
const IS_BUSY: &str = "others change references for too long; push again";
const IS_TOO_LONG: &str = "its name is too long";
const EXISTS: &str = "reference already exists";
const IS_A_FOLDER: &str = "its name is a folder of others, or has another one as a folder";
const IS_MISSING: &str = "missing necessary objects";
const IS_NO_COMMIT: &str = "a branch can only name a commit";

/// What an object is that a reference is to name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    Missing,
    Commit,
    Other,
}

impl Repository {
    /// Creates these references, below whose objects nothing is missing. Returns those that cannot be created, each with
    /// the reason.
    pub(crate) async fn create_refs(
        &self,
        wanted: &BTreeMap<RefName, ObjectId>,
    ) -> Result<BTreeMap<RefName, &'static str>, GitError> {
        let lock = self.refs_lock();
        let _lock = lock.lock().await;
        // No other push creates one of the same name meanwhile, and nothing that they are to name is removed.
        let turn = tokio::time::timeout(TURN_LIMIT, self.removals().gate().write_owned()).await;
        let Ok(_alone) = turn else {
            return Ok(wanted.keys().map(|name| (name.clone(), IS_BUSY)).collect());
        };
        let here = self.refs().await?;
        let kinds = self.kinds_of(&wanted.values().collect()).await?;
        let names: BTreeSet<&str> = wanted.keys().map(RefName::as_str).collect();
        let (mut moves, mut refused) = (Vec::with_capacity(wanted.len()), BTreeMap::new());
        for (name, object) in wanted {
            let kind = kinds.get(object).copied().unwrap_or(Kind::Missing);
            match fault_of(name, &here, &names).or_else(|| fault_of_object(name, kind)) {
                Some(reason) => drop(refused.insert(name.clone(), reason)),
                None => {
                    let step = RefStep { from: None, to: Some(object.clone()) };
                    moves.push(RefMove { name: name.as_str().as_bytes().to_vec(), step });
                }
            }
        }
        if !moves.is_empty() {
            self.write_created(moves).await?;
        }
        Ok(refused)
    }

    async fn kinds_of<'a>(
        &self,
        objects: &BTreeSet<&'a ObjectId>,
    ) -> Result<HashMap<&'a ObjectId, Kind>, GitError> {
        let input = lines_of("", objects.iter().copied()).into_bytes();
        let command = self.command(OPERATION).args(["cat-file", "--batch-check=%(objecttype)"]);
        let answer = command.input(input).run().await?.stdout;
        let kinds = answer.split(|byte| *byte == b'\n').map(|line| match line {
            b"commit" => Kind::Commit,
            b"tree" | b"blob" | b"tag" => Kind::Other,
            _ => Kind::Missing,
        });
        Ok(objects.iter().copied().zip(kinds).collect())
    }

    async fn write_created(&self, moves: Vec<RefMove>) -> Result<(), GitError> {
        let others = moves.iter().filter(|moved| !moved.name.starts_with(b"refs/heads/"));
        let targets = others.filter_map(|moved| moved.step.to.as_ref());
        let objects = look_at_objects(self.git(), self.path(), targets, &[]).await?;
        self.make_objects_durable().await?;
        let plan = Arc::new((moves, objects));
        match self.write_plan(&plan).await {
            // Its owner may have been killed.
            Err(GitError::Locked { .. })
                if self.clear_stale_locks(STALE_LOCK_AGE).await.is_ok_and(|locks| locks.removed > 0) =>
            {
                self.write_plan(&plan).await
            }
            written => written,
        }
    }

    async fn write_plan(&self, plan: &Arc<(Vec<RefMove>, LookedAt)>) -> Result<(), GitError> {
        let (path, plan, durability) = (self.path().to_owned(), Arc::clone(plan), self.git().durability());
        let change = self.change_under_way();
        let written = blocking(move || {
            // Held to the end, also when no caller waits for it any more.
            let _change = change;
            Ok(write_packed(&path, &plan.0, &plan.1, durability))
        });
        let written = written.await.map_err(|error| GitError::Io { operation: OPERATION, error })?;
        written.map_err(|error| match error.at(self.path()) {
            SwapRefsError::Git(error) => error,
            other => {
                let (path, detail) = (self.path().to_owned(), other.to_string());
                GitError::Corrupt { operation: OPERATION, path, detail }
            }
        })
    }
}

/// What stands in the way of a name, beside those that are here and those that are to be created with it.
fn fault_of(name: &RefName, here: &RefSnapshot, names: &BTreeSet<&str>) -> Option<&'static str> {
    if name.is_internal() {
        return Some(IS_HIDDEN);
    }
    if !name.fits_a_file() {
        return Some(IS_TOO_LONG);
    }
    let lies_in_one = || folders_of(name.as_str()).any(|folder| names.contains(folder));
    in_the_way(name, here).or_else(|| lies_in_one().then_some(IS_A_FOLDER))
}

/// What there is here already that stands in the way of a name.
pub(crate) fn in_the_way(name: &RefName, here: &RefSnapshot) -> Option<&'static str> {
    let name = name.as_str();
    if here.get(name).is_some() {
        return Some(EXISTS);
    }
    let lies_in_one = folders_of(name).any(|folder| here.get(folder).is_some());
    (lies_in_one || here.below(&format!("{name}/")).next().is_some()).then_some(IS_A_FOLDER)
}

fn folders_of(name: &str) -> impl Iterator<Item = &str> {
    name.match_indices('/').map(move |(at, _)| &name[..at])
}

fn fault_of_object(name: &RefName, kind: Kind) -> Option<&'static str> {
    match kind {
        Kind::Missing => Some(IS_MISSING),
        Kind::Other if name.is_branch() => Some(IS_NO_COMMIT),
        Kind::Commit | Kind::Other => None,
    }
}
