//! Makes, pushes to, renames and deletes repositories, and looks at them at every server. No name is given twice.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::{Value, json};

use super::world::{UPSTREAM, World, masked};
use crate::client::{Change, Failure, ReadFailure, Report, new_commit};
use crate::farm::{PROJECT, git_path};
use crate::history::{Asked, Ending, Glimpse, LifeChange, LifeEvent, Moment, Seen};

const BRANCH: &str = "refs/heads/main";
/// How many live at once.
const MOST_LIVES: usize = 6;
const LONGEST_PAUSE_MILLISECONDS: u64 = 250;

/// A client with all rights, and what it knows of the repositories that it has made.
#[derive(Debug, Default)]
pub struct Administrator {
    last: u32,
    /// Those of which everything is known.
    living: Vec<Living>,
}

#[derive(Debug)]
struct Living {
    life: u32,
    slug: String,
    tip: Option<String>,
}

impl Administrator {
    /// Administers until the work is over.
    pub fn work(&mut self, world: &World, mut chance: StdRng) {
        while !world.is_over() {
            match chance.random_range(0..10) {
                0 | 1 if self.living.len() < MOST_LIVES => self.create(world),
                2 | 3 => self.push(world, &mut chance),
                4 => self.rename(world, &mut chance),
                5 => self.delete(world, &mut chance),
                _ => self.look(world, &mut chance),
            }
            world.pause(chance.random_range(0..=LONGEST_PAUSE_MILLISECONDS));
        }
    }

    fn next(&mut self) -> u32 {
        self.last += 1;
        self.last
    }

    /// Takes one of the living out; it comes back only if what is done to it is certain.
    fn take(&mut self, chance: &mut StdRng) -> Option<Living> {
        if self.living.is_empty() {
            return None;
        }
        let number = chance.random_range(0..self.living.len());
        Some(self.living.swap_remove(number))
    }

    fn create(&mut self, world: &World) {
        let life = self.next();
        let slug = format!("passing-{life}");
        let event = LifeEvent::Created(slug.clone());
        let path = format!("/rest/api/latest/projects/{PROJECT}/repos");
        let body = json!({"name": slug});
        if change(world, life, event, "POST", &path, Some(&body)) == Ending::Acknowledged {
            self.living.push(Living { life, slug, tip: None });
        }
    }

    fn rename(&mut self, world: &World, chance: &mut StdRng) {
        let Some(mut living) = self.take(chance) else { return };
        let slug = format!("renamed-{}", self.next());
        let path = format!("/rest/api/latest/projects/{PROJECT}/repos/{}", living.slug);
        let body = json!({"name": slug});
        let event = LifeEvent::Renamed(slug.clone());
        match change(world, living.life, event, "PUT", &path, Some(&body)) {
            Ending::Acknowledged => living.slug = slug,
            Ending::Refused => {}
            Ending::Open => return,
        }
        self.living.push(living);
    }

    fn delete(&mut self, world: &World, chance: &mut StdRng) {
        let Some(living) = self.take(chance) else { return };
        let path = format!("/rest/api/latest/projects/{PROJECT}/repos/{}", living.slug);
        if change(world, living.life, LifeEvent::Deleted, "DELETE", &path, None) == Ending::Refused {
            self.living.push(living);
        }
    }

    fn push(&mut self, world: &World, chance: &mut StdRng) {
        let Some(mut living) = self.take(chance) else { return };
        let (commit, pack) = new_commit(chance, living.tip.as_deref(), 100);
        let asked = world.history.now();
        let wire = [Change { name: BRANCH.into(), old: living.tip.clone(), new: Some(commit.clone()) }];
        let report = world.upstream().git().push(&git_path(&living.slug), &wire, &pack);
        let ending = match &report {
            Report::Read(refs) if refs.get(BRANCH) == Some(&None) => Ending::Acknowledged,
            Report::Read(_) | Report::Refused(_) => Ending::Refused,
            Report::Unknown(_) => Ending::Open,
        };
        if let Report::Refused(404) = report {
            let slug = &living.slug;
            world.history.find(format!("upstream, {slug}: a push was answered 404 though it is there"));
        }
        let event = LifeEvent::Pushed(commit.clone());
        note(world, living.life, event, asked, ending);
        match ending {
            Ending::Acknowledged => living.tip = Some(commit),
            Ending::Refused => {}
            // What the next push would have to replace is not known; the repository is left as it is.
            Ending::Open => return,
        }
        self.living.push(living);
    }

    /// Looks at one of the living, or at a name that was once given.
    fn look(&self, world: &World, chance: &mut StdRng) {
        let place = chance.random_range(0..world.places.len());
        let slug = if self.living.is_empty() || chance.random_bool(0.3) {
            let number = chance.random_range(1..=self.last.max(1));
            let word = if chance.random_bool(0.7) { "passing" } else { "renamed" };
            format!("{word}-{number}")
        } else {
            self.living[chance.random_range(0..self.living.len())].slug.clone()
        };
        glimpse(world, place, &slug);
    }

    /// Looks at all that are there for certain, at the upstream.
    pub fn look_at_all(&self, world: &World) {
        self.living.iter().for_each(|living| glimpse(world, UPSTREAM, &living.slug));
    }
}

fn glimpse(world: &World, place: usize, slug: &str) {
    let asked = world.history.now();
    let found = match world.places[place].git().list(&git_path(slug)) {
        Ok(listed) => Some(listed.refs.get(BRANCH).cloned()),
        Err(ReadFailure::Status(404)) => None,
        Err(failure) => {
            return world.history.count(&format!("look failed: {}", masked(&failure.kind())));
        }
    };
    let what = Glimpse { slug: slug.to_owned(), found };
    let seen = Seen { place, asked, answered: world.history.now(), what };
    world.history.count("looks at passing repositories");
    world.history.note(|records| records.glimpses.push(seen));
}

/// Asks for a change of a repository and notes how it ended.
fn change(
    world: &World,
    life: u32,
    event: LifeEvent,
    method: &str,
    path: &str,
    body: Option<&Value>,
) -> Ending {
    let asked = world.history.now();
    let ending = ending(&world.upstream().admin().rest(method, path, body));
    world.history.count(&format!("{method} of a repository {ending:?}"));
    note(world, life, event, asked, ending);
    ending
}

fn note(world: &World, life: u32, event: LifeEvent, asked: Moment, ending: Ending) {
    let ended = world.history.now();
    let change = Asked { change: LifeChange { life, event }, asked, ended, ending };
    world.history.note(|records| records.life_changes.push(change));
}

/// What an answer to a request for a change says of it.
pub fn ending(answer: &Result<(u16, Value), Failure>) -> Ending {
    match answer {
        Ok((status, _)) if *status < 300 => Ending::Acknowledged,
        Ok((status, _)) if *status < 500 => Ending::Refused,
        Ok(_) | Err(Failure::Unanswered(_)) => Ending::Open,
        Err(Failure::NotSent(_)) => Ending::Refused,
    }
}
