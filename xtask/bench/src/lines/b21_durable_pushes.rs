//! B21: pushes that are on the disk before they are acknowledged, against git's receive-pack behind nginx and Apache
//! with the same `core.fsync`.
//!
//! One pusher shows the latency of a push, many show whether flushes are shared, and very many references at once show
//! what each of them costs. The peers sync no folders, which git leaves to the file system; ours does.

use std::path::Path;
use std::time::{Duration, Instant};

use super::b12_follow_push::new_commit;
use crate::ours::farm::{Upstream, check_refs};
use crate::peers::{self, served::ServedFolder};
use crate::repositories::generated_repository::{namespace, small_ones};
use crate::repositories::git::{Git, branches_and_tags};
use crate::repositories::many_refs;
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scratch;
use crate::side_by_side::side_by_side;
use crate::site::Site;
use crate::testbed::Standing;

/// One line for the list.
pub const SUMMARY: &str =
    "durable pushes (one; 32 at once; 100,000 references), against the same fsync behind nginx and apache";

const PUSHES_PER_ROUND: usize = 10;
/// So many push at once, each into a repository of its own.
const PUSHERS: usize = 32;
const MANY_REFS: usize = 100_000;
/// How long a push of them may take: each is a file of its own, and is flushed.
const MANY_REFS_TIMEOUT: Duration = Duration::from_secs(60 * 60);
/// Goals: as fast as the incumbent, which does less.
const GOAL_TIMES: f64 = 1.0;

/// Where pushes go.
struct Target<'a> {
    name: &'static str,
    standing: Standing,
    git: Git,
    place: Place<'a>,
}

enum Place<'a> {
    Upstream(&'a Upstream),
    Peer { base: String, served: &'a ServedFolder },
}

/// Pushes into fresh repositories of all servers.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let upstream = Upstream::start(&run.binary)?;
    let served = ServedFolder::for_durable_pushes()?;
    let peers = peers::start_incumbents(&served, &Site::loopback())?;
    let ours = Target {
        name: "ours",
        standing: Standing::Ours,
        git: upstream.git.clone(),
        place: Place::Upstream(&upstream),
    };
    let incumbents = peers.iter().map(|peer| Target {
        name: peer.name,
        standing: Standing::Incumbent,
        git: Git::without_credentials(),
        place: Place::Peer { base: peer.base.clone(), served: &served },
    });
    let targets: Vec<_> = std::iter::once(ours).chain(incumbents).collect();
    let folder = scratch::folder("pushes")?;
    let (source, many) = (folder.path().join("source.git"), folder.path().join("many.git"));
    small_ones(&Git::without_credentials(), PUSHERS, &source)?;
    many_refs::make(&many, MANY_REFS)?;
    let urls: Vec<Vec<String>> = targets
        .iter()
        .map(|target| (0..PUSHERS).map(|number| target.create(&format!("pushes-{number}"))).collect())
        .collect::<anyhow::Result<_>>()?;
    let push = |target: usize, number: usize| -> anyhow::Result<f64> {
        let refs = format!("{}/heads/main:refs/heads/main", namespace(number));
        timed(|| targets[target].git.run(&source, &["push", "--quiet", &urls[target][number], &refs]))
    };
    for target in 0..targets.len() {
        side_by_side(PUSHERS, PUSHERS, |number| push(target, number))?;
    }

    let empty = || targets.iter().map(Target::series).collect::<Vec<_>>();
    let (mut one, mut at_once, mut with_many_refs) = (empty(), empty(), empty());
    let mut change = 0;
    for round in run.rounds() {
        let turns = || (0..targets.len()).map(|turn| (turn + round) % targets.len());
        for _ in 0..PUSHES_PER_ROUND {
            new_commit(&source, 0, next(&mut change))?;
            for target in turns() {
                one[target].samples.push(push(target, 0)?);
            }
        }
        for number in 0..PUSHERS {
            new_commit(&source, number, next(&mut change))?;
        }
        for target in turns() {
            let all = timed(|| side_by_side(PUSHERS, PUSHERS, |number| push(target, number)))?;
            at_once[target].samples.push(all);
        }
        for target in turns() {
            let url = targets[target].create(&format!("many-{round}"))?;
            let git = &targets[target].git.within(MANY_REFS_TIMEOUT);
            with_many_refs[target].samples.push(timed(|| git.push_everything(&many, &url))?);
            check_refs(git, &url, &branches_and_tags(&git.refs(&many)?))?;
        }
    }
    let mut report = Report { setting: setting(folder.path())?, ..Report::default() };
    let goal = |name| Some(Times { name, at_least: GOAL_TIMES });
    compare(&mut report, "one push", "ms", &one, goal("B21 one push"));
    compare(&mut report, "32 pushes at once, all of them", "ms", &at_once, goal("B21 32 pushes at once"));
    let name = "a push of 100,000 references";
    compare(&mut report, name, "ms", &with_many_refs, goal("B21 100,000 references"));
    Ok(report)
}

impl Target<'_> {
    fn series(&self) -> Series {
        Series { name: self.name.into(), standing: self.standing, samples: Default::default() }
    }

    /// Makes an empty repository and gives its address.
    fn create(&self, slug: &str) -> anyhow::Result<String> {
        match &self.place {
            Place::Upstream(upstream) => Ok(upstream.create_repository(slug)?.url(&upstream.server)),
            Place::Peer { base, served } => {
                // Both peers serve the same folder.
                let slug = format!("{}-{slug}", self.name.replace(' ', ""));
                served.add_empty(&slug)?;
                Ok(format!("{base}/{slug}.git"))
            }
        }
    }
}

/// How long it takes, in milliseconds.
fn timed<T>(work: impl FnOnce() -> anyhow::Result<T>) -> anyhow::Result<f64> {
    let started = Instant::now();
    work()?;
    Ok(started.elapsed().as_secs_f64() * 1e3)
}

fn next(number: &mut usize) -> usize {
    *number += 1;
    *number
}

/// What a flush costs depends on where it goes.
fn setting(folder: &Path) -> anyhow::Result<String> {
    let kind = crate::process::succeed(
        crate::process::command("stat").args(["--file-system", "--format=%T"]).arg(folder),
        crate::process::LOOK_UP_TIMEOUT,
    )?;
    Ok(format!("small repositories, {MANY_REFS} references, on {kind}; SQLite, strict."))
}
