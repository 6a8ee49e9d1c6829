//! B8: listings of a small repository's refs under load: what polling build servers ask for.
//!
//! The load comes from this program over 8 connections at a time, to every server alike: a new connection for
//! each request as curl and git have it, which is judged, and kept ones. Before each turn a push lands.

use std::time::Duration;

use crate::client::clone_request::{Depth, listing};
use crate::client::raw_post::Connection;
use crate::client::request_load;
use crate::measuring::cost;
use crate::repositories::generated_repository::small_one;
use crate::repositories::git::Git;
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;
use crate::scratch;
use crate::testbed::{Access, Arrival};

/// One line for the list.
pub const SUMMARY: &str = "ls-refs of a small repository, 8 at a time: requests per second, CPU per request";

const AT_ONCE: usize = 8;
const DURATION: Duration = Duration::from_secs(2);
const PREFIXES: [&str; 3] = ["refs/heads/", "refs/tags/", "HEAD"];
const FASTER: Times = Times { name: "B8 ls-refs, times more requests per second", at_least: 25.0 };
const LESS_CPU: Times = Times { name: "B8 ls-refs, times less CPU per request", at_least: 50.0 };

/// Loads one server after the other.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let testbed = run.testbed()?;
    let folder = scratch::folder("repository")?;
    let source = folder.path().join("small.git");
    small_one(&Git::without_credentials(), &source)?;
    let subject = testbed.publish("small", &source, Access::PublicAndPrivate, Arrival::Pushed)?;
    let scene = Scene::new(testbed, &subject)?;
    let refs = subject.author.refs()?.len();
    let mut report = Report {
        setting: format!(
            "A repository with {refs} refs; {AT_ONCE} requests at a time for {} s.",
            DURATION.as_secs()
        ),
        ..Report::default()
    };
    for (connection, name) in
        [(Connection::Closed, "new connections"), (Connection::Kept, "kept connections")]
    {
        let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
        let (mut time, mut cpu) = (empty(), empty());
        for round in run.rounds() {
            for index in scene.turns(round) {
                testbed.push(&subject)?;
                let contender = &scene.contenders[index];
                let request = contender.request(&listing(&PREFIXES), connection)?;
                let mut expected = Vec::new();
                request.send(|piece| expected.extend_from_slice(piece))?;
                let mut answered = 0;
                let cost = cost::of(contender, || {
                    answered = request_load::run(&request, connection, &expected, AT_ONCE, DURATION)?;
                    Ok(())
                })?;
                time[index].samples.push(cost.wall / answered as f64 * 1e6);
                cpu[index].samples.push(cost.cpu / answered as f64 * 1e6);
            }
        }
        let judged = connection == Connection::Closed;
        for series in &time {
            let per_second = series.samples.inverse(1e6);
            report.measured(format!("{name}, requests per second: {}", series.name), "1/s", &per_second);
        }
        compare(&mut report, &format!("{name}, time between answers"), "us", &time, judged.then_some(FASTER));
        compare(
            &mut report,
            &format!("{name}, server CPU per request"),
            "us",
            &cpu,
            judged.then_some(LESS_CPU),
        );
    }
    scene.check_clones(Depth::Full)?;
    scene.conclude(&mut report)?;
    report
        .notes
        .push("apache and nginx answer over kept connections only where their CGI bridge lets them".into());
    Ok(report)
}
