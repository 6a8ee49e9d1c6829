//! A look when the faults have stopped: everything is there and can be had everywhere, mirrors are like the upstream, and
//! every repository is whole.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use crate::client::{COPY, GitEnd, clone, fsck, listed_refs};
use crate::farm::{Farm, REPOSITORIES, Role, SWEEP_SECONDS, wait_for};
use crate::work::{Administrator, World};

/// Deliveries back off, a sweep may have just begun, and a machine may have much else to do; the time that it took is
/// printed.
const CONVERGENCE_PATIENCE: Duration = Duration::from_secs(2 * SWEEP_SECONDS + 160);
/// Housekeeping may remove a pack that it has replaced while `fsck` is about to read it; what a power cut has taken from a
/// mirror is found and made anew.
const HEALING_PATIENCE: Duration = Duration::from_secs(180);
const ANSWER_PATIENCE: Duration = Duration::from_secs(180);
/// The place of the upstream.
const UPSTREAM: usize = 0;

/// What a look has shown.
#[derive(Debug, Default)]
pub struct Look {
    /// How long each mirror took to be like the upstream.
    pub converged: Vec<Duration>,
    /// How many repositories were cloned, from all servers.
    pub cloned: usize,
    /// How many repositories are whole, on all disks.
    pub whole: usize,
    /// What is wrong.
    pub findings: Vec<String>,
}

/// Looks at everything.
pub fn look(farm: &Farm, world: &World, administrator: &Administrator) -> Look {
    let mut look = Look::default();
    // What the upstream lists now is judged with all that was seen before.
    let expected: Vec<BTreeMap<String, String>> =
        (0..REPOSITORIES.len()).map(|repository| look.listing(world, UPSTREAM, repository)).collect();
    administrator.look_at_all(world);
    for place in UPSTREAM + 1..world.places.len() {
        if world.places[place].role != Role::OfOrigin {
            look.convergence(world, place);
        }
        if !look.findings.is_empty() {
            // What else is wrong follows from it.
            return look;
        }
        for (repository, refs) in expected.iter().enumerate() {
            let here = look.listing(world, place, repository);
            if here != *refs {
                let (name, repository) = (&world.places[place].name, REPOSITORIES[repository]);
                let what = format!("{name} lists {here:?} in {repository}, the upstream {refs:?}");
                look.findings.push(what);
            }
        }
    }
    for place in 0..world.places.len() {
        expected
            .iter()
            .enumerate()
            .for_each(|(repository, refs)| look.clone_of(world, place, repository, refs));
    }
    for node in &farm.nodes {
        for repository in node.repositories() {
            let mut said = String::new();
            let whole = wait_for("a whole repository", HEALING_PATIENCE, || {
                // One that was moved to the trash meanwhile need not be whole.
                match fsck(&repository).filter(|_| repository.exists()) {
                    None => Some(()),
                    Some(complaint) => {
                        said = complaint;
                        None
                    }
                }
            });
            match whole {
                Ok(()) => look.whole += 1,
                Err(_) => {
                    look.findings.push(format!("{}, {}: fsck says {said}", node.name, repository.display()));
                }
            }
        }
    }
    look
}

impl Look {
    fn listing(&mut self, world: &World, place: usize, repository: usize) -> BTreeMap<String, String> {
        let name = &world.places[place].name;
        let what = format!("{name} to list {}", REPOSITORIES[repository]);
        wait_for(&what, ANSWER_PATIENCE, || world.listing(place, repository)).unwrap_or_else(|error| {
            self.findings.push(format!("{error:#}"));
            BTreeMap::new()
        })
    }

    fn clone_of(
        &mut self,
        world: &World,
        place: usize,
        repository: usize,
        expected: &BTreeMap<String, String>,
    ) {
        let (place, repository) = (&world.places[place], REPOSITORIES[repository]);
        let mut said = None;
        let cloned = wait_for("a clone", ANSWER_PATIENCE, || {
            let folder = tempfile::tempdir().ok()?;
            let (end, _) = clone(folder.path(), &place.git_url(repository));
            let is_whole = matches!(end, GitEnd::Good);
            said = Some(end);
            is_whole.then(|| listed_refs(&folder.path().join(COPY)))
        });
        match cloned {
            Ok(refs) if refs == *expected => self.cloned += 1,
            Ok(refs) => self.findings.push(format!(
                "{}, {repository}: a clone has {refs:?}, the upstream listed {expected:?}",
                place.name
            )),
            Err(error) => self.findings.push(format!("{}, {repository}: {error:#}: {said:?}", place.name)),
        }
    }

    fn convergence(&mut self, world: &World, place: usize) {
        let started = Instant::now();
        let what = format!("{} to have the hashes of the upstream", world.places[place].name);
        let mut last = (None, None);
        let converged = wait_for(&what, CONVERGENCE_PATIENCE, || {
            last = (world.places[place].hashes(), world.upstream().hashes());
            (last.0.is_some() && last.0 == last.1).then_some(())
        });
        match converged {
            Ok(()) => self.converged.push(started.elapsed()),
            Err(error) => {
                let (here, there) = (last.0.unwrap_or_default(), last.1.unwrap_or_default());
                let ids = here.keys().chain(there.keys()).filter(|id| here.get(*id) != there.get(*id));
                let different: Vec<String> =
                    ids.map(|id| format!("{id}: {:?} and {:?}", here.get(id), there.get(id))).collect();
                self.findings.push(format!("{error:#}; different are {}", different.join(", ")));
            }
        }
    }
}
