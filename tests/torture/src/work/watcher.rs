//! Asks mirrors how far they are: generations by REST, and the status that balancers read.

use super::world::World;
use crate::client::HttpClient;
use crate::farm::{REPOSITORIES, Role};
use crate::history::Seen;

const PAUSE_MILLISECONDS: u64 = 150;

/// Watches until the work is over.
pub fn watch(world: &World) {
    while !world.is_over() {
        for (place, server) in world.places.iter().enumerate() {
            let status = HttpClient::anonymous(server.address).rest("GET", "/status", None);
            match status {
                Ok((status, body)) => {
                    let state = body["state"].as_str().unwrap_or("without a state").to_owned();
                    let role = match &server.role {
                        Role::Upstream => "upstream",
                        Role::Mirror(_) => "mirror",
                        Role::OfOrigin => "mirror of origin",
                    };
                    world.history.count(&format!("{role} status {status} {state}"));
                }
                Err(failure) => world.history.count(&format!("status {}", failure.kind())),
            }
            if let Role::Mirror(upstream) = &server.role {
                for repository in 0..REPOSITORIES.len() {
                    ask_generation(world, place, upstream, repository);
                }
            }
        }
        world.pause(PAUSE_MILLISECONDS);
    }
}

fn ask_generation(world: &World, place: usize, upstream: &str, repository: usize) {
    let server = &world.places[place];
    let id = server.ids[repository];
    let path = format!("/rest/mirroring/latest/upstreamServers/{upstream}/repos/{id}");
    let asked = world.history.now();
    let Ok((200, answer)) = server.admin().rest("GET", &path, None) else { return };
    let Some(generation) = answer["generation"].as_u64() else { return };
    let seen = Seen { place, asked, answered: world.history.now(), what: (repository, generation) };
    world.history.count("generations told");
    world.history.note(|records| records.generations.push(seen));
}
