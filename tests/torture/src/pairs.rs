//! Push, then read at a mirror at once: with faults off no read may be stale, and no commit may be unknown.

use std::collections::BTreeMap;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::client::{Change, GitClient, ReadFailure, Report, denied, new_commit};
use crate::farm::{Place, REPOSITORIES, git_path, wait_for};
use crate::history::Denial;

/// Clients that push and read; each has a repository and a branch of its own.
const CLIENTS: u32 = 2;
const SIZE_BYTES: usize = 200;
/// What is not served by then never will be.
const SERVED_PATIENCE: Duration = Duration::from_secs(15);

/// What came of the reads.
#[derive(Debug, Default)]
pub struct Pairs {
    /// How many ended like this.
    ends: BTreeMap<&'static str, u64>,
    /// From the acknowledgement until the mirror had answered with what was pushed.
    served: Vec<Duration>,
    /// What is wrong in any case.
    pub findings: Vec<String>,
    /// Reads that showed what was before the push; wrong where mirrors answer under leases.
    pub stale: Vec<String>,
}

/// How a read ended.
enum End {
    Right,
    Stale,
    NotFound,
    Failed(String),
}

/// Pushes and reads so many times.
pub fn push_and_read(places: &[Place], count: u32, seed: u64) -> anyhow::Result<Pairs> {
    let pairs = Mutex::new(Pairs::default());
    let outcome: Vec<anyhow::Result<()>> = thread::scope(|scope| {
        let clients: Vec<_> = (0..CLIENTS)
            .map(|number| {
                let (pairs, share) = (&pairs, count.div_ceil(CLIENTS));
                let chance = StdRng::seed_from_u64(seed.wrapping_add(u64::from(number)));
                scope.spawn(move || client(places, number as usize, share, chance, pairs))
            })
            .collect();
        clients.into_iter().map(|client| client.join().expect("a client does not panic")).collect()
    });
    outcome.into_iter().collect::<anyhow::Result<Vec<()>>>()?;
    let mut pairs = pairs.into_inner();
    pairs.served.sort();
    Ok(pairs)
}

fn client(
    places: &[Place],
    number: usize,
    count: u32,
    mut chance: StdRng,
    pairs: &Mutex<Pairs>,
) -> anyhow::Result<()> {
    let upstream = places[0].git();
    let mirrors: Vec<GitClient> = places[1..].iter().map(Place::git).collect();
    let path = git_path(REPOSITORIES[number]);
    let name = format!("refs/heads/pairs-{number}");
    let mut tip: Option<String> = None;
    for pushed in 0..count {
        let (commit, pack) = new_commit(&mut chance, tip.as_deref(), SIZE_BYTES);
        let change = Change { name: name.clone(), old: tip.clone(), new: Some(commit.clone()) };
        let report = upstream.push(&path, &[change], &pack);
        let acknowledged = Instant::now();
        let is_acknowledged = matches!(&report, Report::Read(refs) if refs.get(&name) == Some(&None));
        anyhow::ensure!(is_acknowledged, "push {pushed} was not acknowledged: {report:?}");
        let mirror = &mirrors[chance.random_range(0..mirrors.len())];
        let end = if chance.random_bool(0.5) {
            list(mirror, &path, &name, &commit)
        } else {
            fetch(mirror, &path, &commit, tip.as_deref())
        };
        let word = match &end {
            End::Right => "right",
            End::Stale => "stale",
            End::NotFound => "commit not found",
            End::Failed(_) => "failed",
        };
        if !matches!(end, End::Right) {
            let served = wait_for("the push to be served", SERVED_PATIENCE, || {
                matches!(list(mirror, &path, &name, &commit), End::Right).then_some(())
            });
            if let Err(error) = served {
                pairs.lock().findings.push(format!("push {pushed} of client {number}: {error:#}"));
            }
        }
        let mut pairs = pairs.lock();
        *pairs.ends.entry(word).or_default() += 1;
        pairs.served.push(acknowledged.elapsed());
        match end {
            End::Failed(why) => pairs.findings.push(format!("push {pushed} of client {number}: {why}")),
            End::NotFound => pairs.findings.push(format!("push {pushed} of client {number}: not found")),
            End::Stale => pairs.stale.push(format!("push {pushed} of client {number}: stale")),
            End::Right => {}
        }
        drop(pairs);
        tip = Some(commit);
    }
    Ok(())
}

fn list(mirror: &GitClient, path: &str, name: &str, commit: &str) -> End {
    match mirror.list(path) {
        Ok(listed) if listed.refs.get(name).is_some_and(|target| target == commit) => End::Right,
        Ok(_) => End::Stale,
        Err(failure) => End::Failed(failure.kind()),
    }
}

fn fetch(mirror: &GitClient, path: &str, commit: &str, have: Option<&str>) -> End {
    match mirror.fetch(path, commit, have) {
        Ok(objects) if objects >= 3 => End::Right,
        Ok(objects) => End::Failed(format!("{objects} objects came")),
        Err(ReadFailure::Said(text)) if matches!(denied(&text), Some((Denial::NotOurs, _))) => End::NotFound,
        Err(failure) => End::Failed(failure.kind()),
    }
}

impl Pairs {
    /// Prints what came of it.
    pub fn print(&self) {
        for (end, count) in &self.ends {
            println!("{count:>8}  {end}");
        }
        let at = |share: f64| {
            let last = self.served.len().saturating_sub(1);
            let number = (last as f64 * share) as usize;
            self.served.get(number).map_or(0.0, |time| time.as_secs_f64() * 1000.0)
        };
        println!(
            "from the acknowledgement to the right answer: p50 {:.1} ms, p90 {:.1} ms, p99 {:.1} ms, at most {:.1} ms",
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        );
    }
}
