//! Lists references at one server again and again, and fetches some of what they show at once.

use rand::RngExt;
use rand::rngs::StdRng;

use super::world::World;
use crate::farm::{REPOSITORIES, git_path};

/// How often a listed commit is fetched.
const FETCHED: f64 = 0.4;
const LONGEST_PAUSE_MILLISECONDS: u64 = 40;

/// Lists until the work is over.
pub fn list(world: &World, place: usize, mut chance: StdRng) {
    while !world.is_over() {
        let repository = chance.random_range(0..REPOSITORIES.len());
        let Some(refs) = world.listing(place, repository) else {
            world.pause(50);
            continue;
        };
        if !refs.is_empty() && chance.random_bool(FETCHED) {
            let wanted = chance.random_range(0..refs.len());
            if let Some(target) = refs.values().nth(wanted) {
                fetch(world, place, repository, target);
            }
        }
        world.pause(chance.random_range(0..=LONGEST_PAUSE_MILLISECONDS));
    }
}

/// Fetches what was listed.
fn fetch(world: &World, place: usize, repository: usize, target: &str) {
    let (git, asked) = (world.places[place].git(), world.history.now());
    match git.fetch(&git_path(REPOSITORIES[repository]), target, None) {
        // A commit, its folder and its file at least.
        Ok(objects) if objects >= 3 => world.history.count("fetches"),
        Ok(objects) => {
            let (name, repository) = (&world.places[place].name, REPOSITORIES[repository]);
            world.history.find(format!("{name}, {repository}: {target} came with {objects} objects only"));
        }
        Err(failure) => world.failed(place, "fetch", repository, &failure, asked),
    }
}
