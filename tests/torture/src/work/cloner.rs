//! Real git that clones and fetches: it judges itself whether everything came, and `git fsck` looks again.

use std::path::Path;

use rand::RngExt;
use rand::rngs::StdRng;
use tempfile::TempDir;

use super::world::{World, masked};
use crate::client::{COPY, GitEnd, clone, fsck, git, listed_refs};
use crate::farm::REPOSITORIES;
use crate::history::{Listing, Moment, Seen};

const LONGEST_PAUSE_MILLISECONDS: u64 = 300;

/// A client with a copy of each repository from each server, which it brings up to date.
#[derive(Debug)]
pub struct Cloner {
    folder: TempDir,
}

impl Cloner {
    /// One without copies.
    pub fn new() -> anyhow::Result<Self> {
        Ok(Self { folder: tempfile::Builder::new().prefix("heliostat-clones-").tempdir()? })
    }

    /// Clones and fetches until the work is over.
    pub fn work(&self, world: &World, mut chance: StdRng) {
        while !world.is_over() {
            let place = chance.random_range(0..world.places.len());
            let repository = chance.random_range(0..REPOSITORIES.len());
            let reading = Reading { world, place, repository, asked: world.history.now() };
            match chance.random_range(0..4) {
                0 => self.clone_shallow(&reading),
                1 => self.clone_mirror(&reading),
                _ => self.fetch(&reading),
            }
            world.pause(chance.random_range(0..=LONGEST_PAUSE_MILLISECONDS));
        }
    }

    fn clone_shallow(&self, reading: &Reading) {
        let Ok(target) = tempfile::tempdir_in(self.folder.path()) else { return };
        let url = reading.url();
        let shallow =
            ["clone", "--quiet", "--bare", "--depth", "1", "--no-single-branch", url.as_str(), COPY];
        reading.judge("shallow clone", git(target.path(), &shallow), &target.path().join(COPY));
    }

    fn clone_mirror(&self, reading: &Reading) {
        let Ok(target) = tempfile::tempdir_in(self.folder.path()) else { return };
        let (end, freshness) = clone(target.path(), &reading.url());
        let copy = target.path().join(COPY);
        if matches!(end, GitEnd::Good) {
            // Git asks for the list once and takes what it shows.
            let Reading { world, place, repository, asked } = *reading;
            let what = Listing { repository, refs: listed_refs(&copy), freshness };
            let seen = Seen { place, asked, answered: world.history.now(), what };
            world.history.note(|records| records.listings.push(seen));
        }
        reading.judge("clone", end, &copy);
    }

    fn fetch(&self, reading: &Reading) {
        let copy = self.folder.path().join(format!("{}-{}", reading.place, reading.repository));
        if !copy.exists() {
            git(self.folder.path(), &["init", "--quiet", "--bare", &copy.to_string_lossy()]);
        }
        let end = git(&copy, &["fetch", "--quiet", "--prune", &reading.url(), "+refs/*:refs/*"]);
        reading.judge("git fetch", end, &copy);
    }
}

/// What is read where, and since when.
#[derive(Clone, Copy)]
struct Reading<'a> {
    world: &'a World<'a>,
    place: usize,
    repository: usize,
    asked: Moment,
}

impl Reading<'_> {
    fn url(&self) -> String {
        self.world.places[self.place].git_url(REPOSITORIES[self.repository])
    }

    fn judge(&self, what: &str, end: GitEnd, copy: &Path) {
        let Reading { world, place, repository, asked } = *self;
        let find = |wrong: String| {
            let name = &world.places[place].name;
            world.history.find(format!("{name}, {}: {wrong}", REPOSITORIES[repository]));
        };
        match end {
            GitEnd::Good => {
                world.history.count(what);
                if let Some(said) = fsck(copy) {
                    find(format!("a {what} is not whole: {said}"));
                }
            }
            GitEnd::Failed(said) => {
                // The address stands in what git says.
                let said = said.split("http").next().unwrap_or_default();
                let name = &world.places[place].name;
                world.history.count(&format!("{what} at {name} failed: {}", masked(said)));
            }
            GitEnd::Denied(denial, target) => {
                world.denied(place, repository, denial, target, asked);
                let name = &world.places[place].name;
                world.history.count(&format!("{what} at {name} was denied an object, {denial:?}"));
            }
            GitEnd::Damaged(said) => find(said),
        }
    }
}
