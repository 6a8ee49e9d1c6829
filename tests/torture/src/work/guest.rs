//! Looks where it may not: a guest whose right is given and taken, and an outsider who never has any.

use rand::RngExt;
use rand::rngs::StdRng;
use serde_json::json;

use super::administrator::ending;
use super::world::{World, masked};
use crate::client::{GitClient, HttpClient, Listed, ReadFailure};
use crate::farm::{PROJECT, REPOSITORIES, git_path};
use crate::history::{Asked, Ending, Seen};

const PASSWORD: &str = "a good password";
const GUEST: &str = "guest";
const OUTSIDER: &str = "outsider";
/// The repository that the guest may read at times.
const VISITED: usize = 0;
const LONGEST_PAUSE_MILLISECONDS: u64 = 250;

/// Both of them.
#[derive(Debug)]
pub struct Guest {
    /// Whether the right was given, as far as is known.
    has_right: bool,
}

impl Guest {
    /// Users without any right.
    pub fn new(world: &World) -> anyhow::Result<Self> {
        for name in [GUEST, OUTSIDER] {
            let body = json!({"name": name, "password": PASSWORD, "displayName": name,
                "emailAddress": format!("{name}@example.com")});
            world.upstream().must("POST", "/rest/api/latest/admin/users", Some(&body))?;
        }
        Ok(Self { has_right: false })
    }

    /// Visits until the work is over.
    pub fn work(&mut self, world: &World, mut chance: StdRng) {
        while !world.is_over() {
            let place = chance.random_range(0..world.places.len());
            match chance.random_range(0..10) {
                0 => self.change_right(world),
                1..=4 => visit(world, place),
                5..=8 => intrude(world, place, &mut chance),
                _ => visit_open(world, place),
            }
            world.pause(chance.random_range(0..=LONGEST_PAUSE_MILLISECONDS));
        }
    }

    fn change_right(&mut self, world: &World) {
        let change = !self.has_right;
        let repository = format!("/rest/api/latest/projects/{PROJECT}/repos/{}", REPOSITORIES[VISITED]);
        let path = format!("{repository}/permissions/users?name={GUEST}");
        let asked = world.history.now();
        let admin = world.upstream().admin();
        let answer = if change {
            admin.rest("PUT", &format!("{path}&permission=REPO_READ"), None)
        } else {
            admin.rest("DELETE", &path, None)
        };
        let ending = ending(&answer);
        if ending == Ending::Acknowledged {
            self.has_right = change;
        }
        let grant = Asked { change, asked, ended: world.history.now(), ending };
        world.history.count(&format!("right changed {ending:?}"));
        world.history.note(|records| records.grants.push(grant));
    }
}

fn visit(world: &World, place: usize) {
    let asked = world.history.now();
    let what = match read(world, place, GUEST, VISITED) {
        Ok(_) => true,
        Err(ReadFailure::Status(401 | 403 | 404)) => false,
        Err(failure) => return world.history.count(&format!("visit failed: {}", masked(&failure.kind()))),
    };
    let seen = Seen { place, asked, answered: world.history.now(), what };
    world.history.count("visits");
    world.history.note(|records| records.visits.push(seen));
}

/// All but the last repository are closed to an outsider, and to those without credentials.
fn intrude(world: &World, place: usize, chance: &mut StdRng) {
    let repository = chance.random_range(0..REPOSITORIES.len() - 1);
    let is_known = chance.random_bool(0.7);
    let path = git_path(REPOSITORIES[repository]);
    let got = if is_known {
        read(world, place, OUTSIDER, repository)
    } else {
        GitClient::new(HttpClient::anonymous(world.places[place].address)).list(&path)
    };
    world.history.count("intrusions");
    if got.is_ok() {
        let (name, when) = (&world.places[place].name, world.history.now().as_secs_f64());
        let person = if is_known { OUTSIDER } else { "anonymous" };
        world.history.find(format!("{name} showed {path} at {when:.3} s to {person}, who may not read it"));
    }
}

/// All may read the last repository.
fn visit_open(world: &World, place: usize) {
    let repository = REPOSITORIES.len() - 1;
    let client = GitClient::new(HttpClient::anonymous(world.places[place].address));
    match client.list(&git_path(REPOSITORIES[repository])) {
        Ok(_) => world.history.count("visits of the open repository"),
        Err(failure) => world.history.count(&format!("open visit failed: {}", masked(&failure.kind()))),
    }
}

fn read(world: &World, place: usize, user: &str, repository: usize) -> Result<Listed, ReadFailure> {
    let client = HttpClient::of_user(world.places[place].address, user, PASSWORD);
    GitClient::new(client).list(&git_path(REPOSITORIES[repository]))
}
