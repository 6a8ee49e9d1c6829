//! The servers under torture: an upstream, its mirrors, mirrors that take it for any Git server, and what they stand on.

mod database;
mod join;
mod line;
mod node;
mod place;

use std::net::Ipv4Addr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use heliostat_machines::KeptAddress;
use rand::SeedableRng;
use rand::rngs::StdRng;

use line::Line;
pub use line::Mode;
pub use node::Node;
pub use place::{Place, REPOSITORIES, Role, git_path};

/// Under its key in addresses.
pub const PROJECT: &str = "TORTURE";
/// The administrator's password.
const ADMIN_PASSWORD: &str = "correct horse battery staple";
/// How often mirrors compare everything with the upstream.
pub const SWEEP_SECONDS: u64 = 10;
/// How long known users are served while the upstream cannot be reached.
pub const SERVE_STALE_SECONDS: u64 = 60;
/// Pause between two looks at something that is waited for.
const PAUSE: Duration = Duration::from_millis(20);

/// How to set up a farm.
#[derive(Debug)]
pub struct FarmOptions {
    /// The program.
    pub binary: PathBuf,
    /// How many mirrors there are.
    pub mirrors: usize,
    /// How many mirrors there are that take the upstream for any Git server.
    pub of_origin: usize,
    /// Where logs are kept.
    pub logs: PathBuf,
    /// The address of a PostgreSQL server on which databases may be made; SQLite when absent.
    pub postgres: Option<String>,
    /// Whether disks forget, clocks jump and lines break; without it servers lie on the machine's own disk.
    pub with_faults: bool,
    /// How long mirrors may answer by themselves before they ask again; no push is acknowledged that one of them does not
    /// know of. No such leases when absent.
    pub lease: Option<String>,
    /// Further arguments of the upstream.
    pub upstream_arguments: Vec<String>,
    /// Further arguments of each mirror.
    pub mirror_arguments: Vec<String>,
}

/// Running servers. The first is the upstream.
#[derive(Debug)]
pub struct Farm {
    /// All of them.
    pub nodes: Vec<Node>,
    /// Where clients find them.
    pub places: Vec<Place>,
}

impl Farm {
    /// Starts an upstream with the repositories that last, and mirrors that have joined it.
    pub fn start(options: &FarmOptions, seed: u64) -> anyhow::Result<Self> {
        let mut own = vec!["upstream"];
        own.extend(options.lease.iter().flat_map(|lease| ["--mirror-lease", lease.as_str()]));
        let mut upstream = node(options, seed, 0, "upstream", &own, &options.upstream_arguments)?;
        upstream.start()?;
        let places = vec![Place::upstream(upstream.address())?];
        let mut farm = Farm { nodes: vec![upstream], places };
        for number in 1..=options.mirrors {
            farm.add_mirror(options, seed, number)?;
        }
        for number in 1..=options.of_origin {
            farm.add_mirror_of_origin(options, seed, number)?;
        }
        Ok(farm)
    }

    fn add_mirror_of_origin(
        &mut self,
        options: &FarmOptions,
        seed: u64,
        number: usize,
    ) -> anyhow::Result<()> {
        let name = format!("origin-mirror-{number}");
        let (origin, stale) = (self.nodes[0].base(), format!("{SERVE_STALE_SECONDS}s"));
        let own = ["mirror", "--origin", origin.as_str(), "--serve-stale", stale.as_str()];
        let number = options.mirrors + number;
        let mut mirror = node(options, seed, number, &name, &own, &options.mirror_arguments)?;
        mirror.start()?;
        let (address, ids) = (mirror.address(), self.places[0].ids.clone());
        self.nodes.push(mirror);
        self.places.push(Place { name, address, role: Role::OfOrigin, ids });
        Ok(())
    }

    fn add_mirror(&mut self, options: &FarmOptions, seed: u64, number: usize) -> anyhow::Result<()> {
        let name = format!("mirror-{number}");
        let upstream = self.nodes[0].base();
        let (sweep, stale) = (format!("{SWEEP_SECONDS}s"), format!("{SERVE_STALE_SECONDS}s"));
        let mut own = vec!["mirror", "--upstream", upstream.as_str(), "--name", name.as_str()];
        own.extend(["--sweep-interval", sweep.as_str(), "--serve-stale", stale.as_str()]);
        // Every second one keeps what it has acknowledged through a power cut.
        let durability = if number.is_multiple_of(2) { "strict" } else { "relaxed" };
        own.extend(["--durability", durability]);
        let mut mirror = node(options, seed, number, &name, &own, &options.mirror_arguments)?;
        mirror.forgets = durability == "relaxed";
        mirror.start()?;
        let place = join::join(&self.places[0], &name, mirror.address()).with_context(|| mirror.log_end())?;
        self.nodes.push(mirror);
        self.places.push(place);
        Ok(())
    }

    /// How many times each fault of the lines happened.
    pub fn line_counts(&self) -> Vec<(String, u64)> {
        let counts = self.nodes.iter().flat_map(|node| {
            node.line_counts()
                .into_iter()
                .map(move |(fault, count)| (format!("{} {fault}", node.name), count))
        });
        counts.collect()
    }
}

fn node(
    options: &FarmOptions,
    seed: u64,
    number: usize,
    name: &str,
    own: &[&str],
    further: &[String],
) -> anyhow::Result<Node> {
    let kept = KeptAddress::at(Ipv4Addr::LOCALHOST.into()).context("no port is free")?;
    let seed = seed.wrapping_add(number as u64) ^ 0x6c69_6e65;
    let line = Line::start(kept.address(), StdRng::seed_from_u64(seed))?;
    let arguments: Vec<String> =
        own.iter().map(|&word| word.to_owned()).chain(further.iter().cloned()).collect();
    let log = options.logs.join(format!("{name}.log"));
    let mut node = Node::new(name, &options.binary, kept, line, arguments, log, options.with_faults)?;
    let database = database::new_database(options.postgres.as_deref(), node.root(), name)?;
    node.use_database(database);
    Ok(node)
}

/// Asks until there is an answer.
pub fn wait_for<T>(what: &str, patience: Duration, mut ask: impl FnMut() -> Option<T>) -> anyhow::Result<T> {
    let started = Instant::now();
    loop {
        if let Some(answer) = ask() {
            return Ok(answer);
        }
        if started.elapsed() > patience {
            bail!("waited {} s in vain for {what}", patience.as_secs());
        }
        std::thread::sleep(PAUSE);
    }
}
