//! B12: from a push that the upstream has acknowledged to the mirror serving it, one of many repositories.
//!
//! The clock starts when `git push` has ended and stops when the mirror's ref advertisement has the new commit. The
//! yardstick is a bare `git fetch` from the same upstream into a local mirror clone, run after each push once ours
//! is done: what a follower without any server would need if it knew of the push at once. grokmirror, where it is
//! installed, follows as many repositories of its own, and one push in each round.

use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::ensure;

use crate::measuring::samples::Samples;
use crate::ours::farm::{Mirror, Repository, Upstream, check_clone, check_refs};
use crate::ours::rest::eventually_with_pause;
use crate::peers::grokmirror::{self, Grokmirror};
use crate::peers::install::Missing;
use crate::process::TimedOut;
use crate::repositories::generated_repository::namespace;
use crate::repositories::git::Git;
use crate::repositories::small_repositories::SmallRepositories;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;

/// One line for the list.
pub const SUMMARY: &str = "push acknowledged by the upstream -> mirror serves it, against a bare `git fetch`";

const PUSHES_PER_ROUND: usize = 40;
/// Goals of the scoreboard, on one machine.
const GOAL_P50_MS: f64 = 50.0;
const GOAL_P99_MS: f64 = 200.0;
/// How long the mirror may take before the run fails.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Pause between two looks at the mirror: it bounds the precision, and each look costs the mirror something.
const PAUSE: Duration = Duration::from_millis(2);
/// Rounds use repositories that lie so far apart.
const STRIDE: usize = 97;

/// Pushes commit after commit and watches the mirror.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let upstream = Upstream::start(&run.binary)?;
    let small = SmallRepositories::publish(&upstream, run.repositories)?;
    let mirror = upstream.accept(upstream.new_mirror(&run.binary, "follower")?)?;
    small.wait_for(&mirror)?;
    small.check(&upstream, &mirror)?;

    let (grokmirror, why_no_grokmirror) = start_grokmirror(&small)?;

    let (mut ours, mut fetches, mut pulls) = <(Samples, Samples, Samples)>::default();
    let mut ended_pulls = 0;
    for round in run.rounds() {
        let number = (round * STRIDE) % small.all.len();
        let repository = &small.all[number];
        let folder = scratch::folder("repository")?;
        let clone = folder.path().join("clone.git");
        let url = repository.url(&upstream.server);
        upstream.git.clone_mirror(&url, &clone)?;
        for push in 0..PUSHES_PER_ROUND {
            let commit = new_commit(&small.source(), number, round * PUSHES_PER_ROUND + push)?;
            upstream
                .git
                .run(&small.source(), &["push", "--quiet", &url, &format!("{commit}:refs/heads/main")])?;
            let acknowledged = Instant::now();
            wait_until_served(&mirror, repository, &commit)?;
            ours.push(milliseconds(acknowledged));

            let begun = Instant::now();
            upstream.git.run(&clone, &["fetch", "--quiet", "--prune"])?;
            fetches.push(milliseconds(begun));
            let fetched = upstream.git.run(&clone, &["rev-parse", "refs/heads/main"])?;
            ensure!(fetched == commit, "the fetch brought {fetched} instead of {commit}");
            if let Some(grokmirror) = grokmirror.as_ref().filter(|_| push == 0) {
                match grokmirror.follow(&small.source(), number, &commit)? {
                    Some(taken) => pulls.push(taken.as_secs_f64() * 1e3),
                    None => ended_pulls += 1,
                }
            }
        }
        check_refs(&upstream.git, &repository.url(&mirror.server), &upstream.git.refs(&clone)?)?;
        check_clone(&upstream.git, &repository.url(&mirror.server))?;
    }

    let mut report = Report {
        setting: format!(
            "{} repositories, pushes of one commit to one of them, {PUSHES_PER_ROUND} per round.",
            small.all.len()
        ),
        ..Report::default()
    };
    report.measured("acknowledged -> served by the mirror", "ms", &ours);
    report.measured("bare git fetch into a mirror clone", "ms", &fetches);
    report.compared("bare git fetch / ours", &fetches, &ours);
    match why_no_grokmirror {
        None => report.measured(line_of_grokmirror(ended_pulls), "ms", &pulls),
        Some(reason) => report.notes.push(format!("left out: {reason}")),
    }
    report.goal("B12 p50", ours.percentile(50), Bound::AtMost(GOAL_P50_MS), "ms");
    report.goal("B12 p99", ours.percentile(99), Bound::AtMost(GOAL_P99_MS), "ms");
    report
        .notes
        .push("ours includes being told of the push and listing the refs; the fetch is told for free".into());
    Ok(report)
}

/// Lets grokmirror replicate everything, or tells why not.
pub(super) fn start_grokmirror(
    small: &SmallRepositories,
) -> anyhow::Result<(Option<Grokmirror>, Option<String>)> {
    if !grokmirror::is_installed() {
        return Ok((None, Some(Missing::Grokmirror.to_string())));
    }
    match Grokmirror::following(&small.source(), small.all.len()) {
        Ok(grokmirror) => Ok((Some(grokmirror), None)),
        Err(error) if error.is::<TimedOut>() => Ok((None, Some(format!("grokmirror: {error:#}")))),
        Err(error) => Err(error),
    }
}

/// What is measured of grokmirror; pulls that had to be ended are not among the samples.
fn line_of_grokmirror(ended_pulls: usize) -> String {
    let mut line = "grokmirror, from its manifest to the end of a pull".to_owned();
    if ended_pulls > 0 {
        let seconds = grokmirror::PULL_TIMEOUT.as_secs();
        line.push_str(&format!(" ({ended_pulls} ended after {seconds} s, not counted)"));
    }
    line
}

/// Adds a commit to a small repository's main branch and returns its id.
pub(super) fn new_commit(source: &Path, number: usize, change: usize) -> anyhow::Result<String> {
    let git = Git::without_credentials();
    let branch = format!("{}/heads/main", namespace(number));
    let content = format!("change {change}\n");
    git.fast_import(source, |out: &mut dyn Write| {
        writeln!(
            out,
            "commit {branch}\ncommitter Pusher <pusher@example.com> {} +0000",
            1_700_000_000 + change
        )?;
        writeln!(out, "data {}\n{content}from {branch}^0", content.len())?;
        writeln!(out, "M 100644 inline CHANGES\ndata {}\n{content}", content.len())
    })?;
    git.run(source, &["rev-parse", &branch])
}

fn wait_until_served(mirror: &Mirror, repository: &Repository, commit: &str) -> anyhow::Result<()> {
    let path = format!("{}/info/refs?service=git-upload-pack", repository.path());
    let line = format!("{commit} refs/heads/main");
    eventually_with_pause("the mirror to serve a push", TIMEOUT, PAUSE, || {
        let answer = mirror.rest.get_response(&path)?;
        let status = answer.status();
        let advertisement = answer.text()?;
        ensure!(status == 200, "the mirror answered {status}: {advertisement}");
        Ok(advertisement.contains(&line).then_some(()))
    })
}

fn milliseconds(since: Instant) -> f64 {
    since.elapsed().as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::repositories::generated_repository::small_ones;

    #[test]
    fn each_change_is_a_commit_on_the_last_one() {
        let git = Git::without_credentials();
        let folder = tempfile::tempdir().expect("a folder can be made");
        let source = folder.path().join("source.git");
        small_ones(&git, 2, &source).expect("they can be made");
        let first = new_commit(&source, 1, 0).expect("it is made");
        let second = new_commit(&source, 1, 1).expect("it is made");
        assert_eq!(git.run(&source, &["rev-parse", &format!("{second}^")]).expect("it has a parent"), first);
        git.check_connectivity(&source).expect("it is whole");
    }
}
