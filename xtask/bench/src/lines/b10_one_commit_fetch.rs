//! B10: a client that is one commit behind fetches it: what that costs the server for the first one who asks, and for the
//! next ones.
//!
//! Each asks all that git asks, with the commits it has, over one connection, raw. The clock of ours starts when a
//! build server would ask, a moment after the push: what is made ready until then is told by itself. The mirror is
//! judged, and so is our upstream, which is asked the same.

use std::thread;
use std::time::Duration;

use crate::client::clone_request::{self, Depth};
use crate::client::conversation::Conversation;
use crate::measuring::cost::{self, Expected};
use crate::measuring::samples::Samples;
use crate::repositories::git::Git;
use crate::results::comparison::{Series, Times, better_incumbent, compare};
use crate::results::report::{Bound, Report, Yardstick};
use crate::run::Run;
use crate::scene::Scene;
use crate::testbed::{Contender, Subject};

/// One line for the list.
pub const SUMMARY: &str =
    "fetch of one new commit, medium repository: server CPU of the first asker and of the next";

const PUSHES_PER_ROUND: usize = 2;
const NEXT_ASKERS: usize = 8;
/// Git tells so many of the commits it has before it listens.
const HAVES: &str = "--max-count=16";
/// A build server's way from an event to a job.
const MOMENT: Duration = Duration::from_secs(1);
const FIRST: Times =
    Times { name: "B10 fetch of one commit, first asker, times less server CPU", at_least: 10.0 };
const NEXT: Times =
    Times { name: "B10 fetch of one commit, next askers, times less server CPU", at_least: 50.0 };
const FIRST_UPSTREAM: Times =
    Times { name: "B10 the same from our upstream, first asker, times less server CPU", at_least: 10.0 };
const NEXT_UPSTREAM: Times =
    Times { name: "B10 the same from our upstream, next askers, times less server CPU", at_least: 50.0 };

/// Push after push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (testbed, subject) = run.medium()?;
    let scene = Scene::new(testbed, subject)?;
    let upstream = testbed.upstream_as_contender(subject);
    let contenders: Vec<&Contender> = scene.contenders.iter().chain([&upstream]).collect();
    let empty = || contenders.iter().map(|contender| Series::of(contender)).collect::<Vec<_>>();
    let (mut first, mut next, mut made_ready) = (empty(), empty(), Samples::default());
    for round in run.rounds() {
        for push in 0..PUSHES_PER_ROUND {
            let haves = newest_commits(subject)?;
            let before = contenders[0].group.cpu_seconds()?;
            testbed.push(subject)?;
            upstream.wait_for_refs(&subject.author.refs()?)?;
            thread::sleep(MOMENT);
            made_ready.push((contenders[0].group.cpu_seconds()? - before) * 1e3);

            let fetch = clone_request::newer(&subject.author.tip()?, &haves);
            let expected = Expected::default();
            for turn in 0..contenders.len() {
                let index = (turn + round + push) % contenders.len();
                let contender = contenders[index];
                let asked = Conversation::new(&contender.url, contender.authorization.as_deref(), &fetch)?;
                let cost = cost::of(contender, || expected.hold(&asked))?;
                first[index].samples.push(cost.cpu * 1e3);
                let cost = cost::of(contender, || (0..NEXT_ASKERS).try_for_each(|_| expected.hold(&asked)))?;
                next[index].samples.push(cost.cpu * 1e3 / NEXT_ASKERS as f64);
            }
        }
    }
    scene.check_clones(Depth::One)?;

    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    compare(&mut report, "first asker, server CPU", "ms", &first, Some(FIRST));
    compare(&mut report, "next askers, server CPU", "ms", &next, Some(NEXT));
    judge_upstream(&mut report, &first, FIRST_UPSTREAM);
    judge_upstream(&mut report, &next, NEXT_UPSTREAM);
    report.measured(
        "before anyone asks, ours: two repositories synchronised and made ready",
        "ms",
        &made_ready,
    );
    report.notes.push(format!("three requests each; the next askers are {NEXT_ASKERS}, one after the other"));
    scene.conclude(&mut report)?;
    Ok(report)
}

/// What a client tells that has everything.
fn newest_commits(subject: &Subject) -> anyhow::Result<Vec<String>> {
    let git = Git::without_credentials();
    let listed = git.run(&subject.author.path(), &["rev-list", HAVES, &subject.author.tip()?])?;
    Ok(listed.lines().map(str::to_owned).collect())
}

/// Our upstream stands at the end.
fn judge_upstream(report: &mut Report, all: &[Series], Times { name, at_least }: Times) {
    let (Some(incumbent), Some(upstream)) = (better_incumbent(all), all.last()) else {
        report.goal(name, None, Bound::AtLeast(at_least), "x");
        return;
    };
    let ratio = incumbent.samples.paired_ratio(&upstream.samples).median();
    let yardstick = Yardstick {
        name: incumbent.name.clone(),
        value: incumbent.samples.median(),
        ours: upstream.samples.median(),
        unit: "ms",
    };
    report.goal_against(name, ratio, Bound::AtLeast(at_least), "x", yardstick);
}
