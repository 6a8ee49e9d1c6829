//! B13 and B27: one ref changes in a repository with very many of them: what that costs a mirror, against a bare `git fetch
//! --prune`.
//!
//! Pushes go to branches all over the list. The clock starts when `git push` has ended and stops when the mirror says
//! that it serves the new generation. CPU is that of the mirror with its children, from before the push until it has
//! come to rest; looking at the mirror is part of it.

use std::io::Write;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use crate::measuring::cpu;
use crate::measuring::effort::Efforts;
use crate::measuring::samples::Samples;
use crate::ours::farm::{Mirror, Repository, Upstream, check_refs};
use crate::ours::rest::eventually_with_pause;
use crate::repositories::git::Git;
use crate::repositories::many_refs;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;

/// One line for the list.
pub const SUMMARY_OF_200_000: &str = "a mirror of 200,000 refs, one of which changes: CPU and wall";
/// One line for the list.
pub const SUMMARY_OF_600_000: &str = "a mirror of 600,000 refs, one of which changes: CPU and wall";

const PUSHES_PER_ROUND: usize = 10;
/// What the mirror does after it has told that it is done, such as reporting.
const AFTERMATH: Duration = Duration::from_millis(200);
const TIMEOUT: Duration = Duration::from_secs(60);
/// Pause between two looks at the mirror.
const PAUSE: Duration = Duration::from_millis(5);
/// Goal of the scoreboard, for CPU and for wall.
const GOAL_MS: f64 = 30.0;
const GOAL_TIMES_LESS_CPU: f64 = 50.0;

/// B13.
pub fn run_200_000(run: &Run) -> anyhow::Result<Report> {
    measure(run, 200_000, "B13")
}

/// B27.
pub fn run_600_000(run: &Run) -> anyhow::Result<Report> {
    measure(run, 600_000, "B27")
}

fn measure(run: &Run, count: usize, line: &str) -> anyhow::Result<Report> {
    let folder = scratch::folder("repository")?;
    let source = folder.path().join("many.git");
    many_refs::make(&source, count)?;
    let author = Git::without_credentials();
    let branches = branches_of(&author, &source)?;
    let upstream = Upstream::start(&run.binary)?;
    upstream.import("many-refs", &source, &["--public"])?;
    let repository = upstream.find_repository("many-refs")?;
    let mirror = upstream.accept(upstream.new_mirror(&run.binary, "follower")?)?;
    mirror.wait_for(&repository)?;
    let clone = folder.path().join("clone.git");
    let url = repository.url(&upstream.server);
    upstream.git.clone_mirror(&url, &clone)?;
    upstream.wait_for_housekeeping()?;
    mirror.wait_for_housekeeping()?;

    let (mut wall, mut mirror_cpu, mut upstream_cpu) = <(Samples, Samples, Samples)>::default();
    let mut fetches = Efforts::default();
    let mut pushes = 0;
    for _ in run.rounds() {
        for _ in 0..PUSHES_PER_ROUND {
            let branch = &branches[pushes * 7_919 % branches.len()];
            pushes += 1;
            let commit = commit_on(&author, &source, branch, pushes)?;
            let generation = generation_of(&mirror, &repository)?;
            let before = (cpu_ms(mirror.server.pid())?, cpu_ms(upstream.server.pid())?);
            upstream.git.run(&source, &["push", "--quiet", &url, &format!("{commit}:{branch}")])?;
            let acknowledged = Instant::now();
            eventually_with_pause("the mirror to show a push", TIMEOUT, PAUSE, || {
                Ok((generation_of(&mirror, &repository)? > generation).then_some(()))
            })?;
            wall.push(acknowledged.elapsed().as_secs_f64() * 1e3);
            thread::sleep(AFTERMATH);
            mirror_cpu.push(cpu_ms(mirror.server.pid())? - before.0);
            upstream_cpu.push(cpu_ms(upstream.server.pid())? - before.1);
        }
        fetches.add(&[], || {
            upstream.git.run(&clone, &["fetch", "--quiet", "--prune"])?;
            Ok(())
        })?;
        check_refs(&upstream.git, &repository.url(&mirror.server), &upstream.git.refs(&clone)?)?;
    }

    let mut report = Report {
        setting: format!("{count} branches and tags; {PUSHES_PER_ROUND} pushes of one commit in each round."),
        ..Report::default()
    };
    let fetch_cpu = fetches.cpu.median().map(|seconds| seconds * 1e3);
    report.measured("acknowledged -> shown by the mirror", "ms", &wall);
    report.measured("CPU of the mirror for each push", "ms", &mirror_cpu);
    report.measured("CPU of the upstream for each push", "ms", &upstream_cpu);
    report.measured("bare git fetch --prune, wall", "s", &fetches.wall);
    report.measured("bare git fetch --prune, CPU", "CPU-s", &fetches.cpu);
    let times = fetch_cpu.zip(mirror_cpu.median()).map(|(fetch, ours)| fetch / ours);
    report.goal(&format!("{line} wall"), wall.median(), Bound::AtMost(GOAL_MS), "ms");
    report.goal(&format!("{line} CPU of the mirror"), mirror_cpu.median(), Bound::AtMost(GOAL_MS), "ms");
    report.goal(
        &format!("{line} times less CPU than git fetch"),
        times,
        Bound::AtLeast(GOAL_TIMES_LESS_CPU),
        "x",
    );
    report
        .notes
        .push("CPU is counted in steps of 10 ms; looking at the mirror every 5 ms is part of it".into());
    Ok(report)
}

fn branches_of(git: &Git, source: &Path) -> anyhow::Result<Vec<String>> {
    let names = git.refs(source)?.into_keys().filter(|name| name.starts_with("refs/heads/team-"));
    let names: Vec<_> = names.collect();
    ensure!(!names.is_empty(), "there are no branches");
    Ok(names)
}

/// A commit on top of a branch of the source, which has it from then on.
fn commit_on(git: &Git, source: &Path, branch: &str, number: usize) -> anyhow::Result<String> {
    let (content, time) = (format!("change {number}\n"), 1_800_000_000 + number);
    git.fast_import(source, |out: &mut dyn Write| {
        writeln!(out, "commit {branch}\ncommitter Pusher <pusher@example.com> {time} +0000")?;
        writeln!(out, "data {}\n{content}from {branch}^0", content.len())?;
        writeln!(out, "M 100644 inline CHANGES\ndata {}\n{content}", content.len())
    })?;
    git.run(source, &["rev-parse", branch])
}

fn generation_of(mirror: &Mirror, repository: &Repository) -> anyhow::Result<i64> {
    let state = mirror.repository(repository)?.context("the mirror knows the repository")?;
    state["generation"].as_i64().context("it has a generation")
}

fn cpu_ms(pid: u32) -> anyhow::Result<f64> {
    Ok(cpu::of_trees(&[pid])?.as_secs_f64() * 1e3)
}
