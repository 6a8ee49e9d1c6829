//! Pushes, force-pushes, deletes and renames references of its own.
//!
//! No other client changes them, and each push says what it expects to replace, so the order of all changes of a
//! reference is known. After a push whose end is unknown it looks what is there now before it goes on. A name whose
//! creation may still be under way is never used again: it could come to be after it was deleted.

use std::collections::{BTreeMap, BTreeSet};

use heliostat_machines::HandMadePack;
use rand::RngExt;
use rand::rngs::StdRng;

use super::world::{UPSTREAM, World, masked};
use crate::client::{Change, Report, new_commit};
use crate::farm::{REPOSITORIES, git_path};
use crate::history::{Ending, RefChange, Reference};

/// References that one writer has in each repository.
const SLOTS: usize = 6;
/// Sizes of what a push brings: within an event, and beyond one.
const SIZES: [usize; 6] = [20, 200, 200, 4_000, 50_000, 200_000];
const LONGEST_PAUSE_MILLISECONDS: u64 = 60;

/// A client that pushes, and what it knows of its references.
#[derive(Debug)]
pub struct Writer {
    number: usize,
    /// How many names each slot has used up.
    used_up: BTreeMap<(usize, usize), u32>,
    /// Where its references lead.
    current: BTreeMap<Reference, String>,
    /// Those of which that is not known, and whether they may be being made.
    doubtful: BTreeMap<Reference, bool>,
}

impl Writer {
    /// One that has pushed nothing yet.
    pub fn new(number: usize) -> Self {
        Self { number, used_up: BTreeMap::new(), current: BTreeMap::new(), doubtful: BTreeMap::new() }
    }

    /// Pushes until the work is over.
    pub fn work(&mut self, world: &World, mut chance: StdRng) {
        while !world.is_over() {
            if self.doubtful.is_empty() {
                self.push(world, &mut chance);
            } else if !self.look(world) {
                world.pause(50);
            }
            world.pause(chance.random_range(0..=LONGEST_PAUSE_MILLISECONDS));
        }
    }

    fn reference(&self, repository: usize, slot: usize) -> Reference {
        let used_up = self.used_up.get(&(repository, slot)).copied().unwrap_or(0);
        let (number, suffix) =
            (self.number, if used_up == 0 { String::new() } else { format!("-{used_up}") });
        let name = match slot {
            0 => format!("refs/tags/w{number}{suffix}"),
            _ => format!("refs/heads/w{number}/b{slot}{suffix}"),
        };
        Reference { repository, name }
    }

    fn push(&mut self, world: &World, chance: &mut StdRng) {
        let repository = chance.random_range(0..REPOSITORIES.len());
        let slot = chance.random_range(0..SLOTS);
        let reference = self.reference(repository, slot);
        let now = self.current.get(&reference).cloned();
        let size = SIZES[chance.random_range(0..SIZES.len())];
        let dice = chance.random_range(0..100);
        match now {
            None => {
                let (commit, pack) = new_commit(chance, None, size);
                self.send(world, repository, vec![(reference, None, Some(commit))], &pack);
            }
            Some(now) if dice < 55 => {
                let (commit, pack) = new_commit(chance, Some(&now), size);
                self.send(world, repository, vec![(reference, Some(now), Some(commit))], &pack);
            }
            Some(now) if dice < 70 => {
                let (commit, pack) = new_commit(chance, None, size);
                self.send(world, repository, vec![(reference, Some(now), Some(commit))], &pack);
            }
            Some(now) if dice < 82 => {
                self.send(world, repository, vec![(reference, Some(now), None)], &HandMadePack::default());
            }
            Some(now) => {
                let other = self.reference(repository, (slot + 1) % SLOTS);
                let there = self.current.get(&other).cloned();
                if there.is_some() {
                    // The other one is moved in the same push, to a commit of its own.
                    let (commit, pack) = new_commit(chance, Some(&now), size);
                    let (next, more) = new_commit(chance, Some(&commit), size);
                    let pack = pack.with(more);
                    let changes = vec![(reference, Some(now), Some(commit)), (other, there, Some(next))];
                    self.send(world, repository, changes, &pack);
                } else {
                    // No value comes twice, so the new name leads to a commit on top of the old one's.
                    let (commit, pack) = new_commit(chance, Some(&now), size);
                    let changes = vec![(reference, Some(now), None), (other, None, Some(commit))];
                    self.send(world, repository, changes, &pack);
                }
            }
        }
    }

    fn send(
        &mut self,
        world: &World,
        repository: usize,
        changes: Vec<(Reference, Option<String>, Option<String>)>,
        pack: &HandMadePack,
    ) {
        let history = world.history;
        let wire: Vec<Change> = changes
            .iter()
            .map(|(reference, old, new)| Change {
                name: reference.name.clone(),
                old: old.clone(),
                new: new.clone(),
            })
            .collect();
        let asked: Vec<usize> = changes
            .iter()
            .map(|(reference, _, new)| {
                history.ask(RefChange { reference: reference.clone(), target: new.clone() })
            })
            .collect();
        let report = world.upstream().git().push(&git_path(REPOSITORIES[repository]), &wire, pack);
        if let Report::Refused(status @ (401 | 403 | 404)) = report {
            let name = REPOSITORIES[repository];
            history
                .find(format!("upstream, {name}: a push to a repository that lasts was answered {status}"));
        }
        for ((reference, old, new), number) in changes.into_iter().zip(asked) {
            let ending = ending_of(&report, &reference.name);
            history.end(number, ending);
            history.count(&format!("pushed references {ending:?}"));
            match ending {
                Ending::Acknowledged => {
                    match new {
                        Some(new) => self.current.insert(reference, new),
                        None => self.current.remove(&reference),
                    };
                }
                Ending::Refused => {
                    if let Report::Read(_) = report {
                        self.doubtful.insert(reference, false);
                    }
                }
                Ending::Open => {
                    self.doubtful.insert(reference, old.is_none());
                }
            }
        }
        if let Report::Unknown(reason) = &report {
            history.count(&format!("push unknown: {}", masked(reason)));
        }
        if let Report::Refused(status) = report {
            history.count(&format!("push refused: {status}"));
        }
    }

    /// Looks where the doubtful references of one repository lead; whether that was answered.
    fn look(&mut self, world: &World) -> bool {
        let Some(repository) = self.doubtful.keys().next().map(|reference| reference.repository) else {
            return true;
        };
        let Some(refs) = world.listing(UPSTREAM, repository) else { return false };
        let here: BTreeSet<Reference> =
            self.doubtful.keys().filter(|reference| reference.repository == repository).cloned().collect();
        for reference in here {
            let may_be_made = self.doubtful.remove(&reference).unwrap_or(false);
            match refs.get(&reference.name) {
                Some(target) => {
                    self.current.insert(reference, target.clone());
                }
                None => {
                    self.current.remove(&reference);
                    if may_be_made {
                        self.use_up(&reference);
                    }
                }
            }
        }
        true
    }

    fn use_up(&mut self, reference: &Reference) {
        let slot = (0..SLOTS).find(|slot| self.reference(reference.repository, *slot) == *reference);
        if let Some(slot) = slot {
            *self.used_up.entry((reference.repository, slot)).or_default() += 1;
        }
    }
}

fn ending_of(report: &Report, name: &str) -> Ending {
    match report {
        Report::Read(refs) => match refs.get(name) {
            Some(None) => Ending::Acknowledged,
            Some(Some(_)) => Ending::Refused,
            None => Ending::Open,
        },
        Report::Refused(_) => Ending::Refused,
        Report::Unknown(_) => Ending::Open,
    }
}
