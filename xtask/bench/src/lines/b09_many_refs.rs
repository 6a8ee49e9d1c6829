//! B9: listings of all refs of a repository with 200,000 of them: what every fetch from a busy server begins with.

use crate::client::clone_request::listing;
use crate::client::raw_post::Connection;
use crate::measuring::cost;
use crate::repositories::many_refs;
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;
use crate::scratch;
use crate::testbed::{Access, Arrival};

/// One line for the list.
pub const SUMMARY: &str = "ls-refs of all of 200,000 refs: CPU and wall";

const REFS: usize = 200_000;
/// Listings after each push: the first is told by itself.
const HOT_LISTINGS: usize = 4;
const LESS_CPU: Times = Times { name: "B9 200,000 refs listed, times less CPU", at_least: 15.0 };
const FASTER: Times = Times { name: "B9 200,000 refs listed, times faster", at_least: 3.0 };

/// A push, then listings.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let testbed = run.testbed()?;
    let folder = scratch::folder("repository")?;
    let source = folder.path().join("many.git");
    many_refs::make(&source, REFS)?;
    let subject = testbed.publish("many-refs", &source, Access::Public, Arrival::Imported)?;
    let scene = Scene::new(testbed, &subject)?;
    let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
    let (mut cpu, mut wall, mut first) = (empty(), empty(), empty());
    let mut bytes = 0;
    for round in run.rounds() {
        // The push waits until each server lists everything, so each has listed it once.
        testbed.push(&subject)?;
        for number in 0..=HOT_LISTINGS {
            for index in scene.turns(round) {
                let contender = &scene.contenders[index];
                let request = contender.request(&listing(&[]), Connection::Closed)?;
                let mut answer = 0;
                let cost = cost::of(contender, || request.send(|piece| answer += piece.len()))?;
                anyhow::ensure!(bytes == 0 || bytes == answer, "{} lists {answer} bytes", contender.name);
                bytes = answer;
                if number == 0 {
                    first[index].samples.push(cost.cpu * 1e3);
                } else {
                    cpu[index].samples.push(cost.cpu * 1e3);
                    wall[index].samples.push(cost.wall * 1e3);
                }
            }
        }
    }
    testbed.wait_until_served(&subject)?;
    let mut report = Report {
        setting: format!("{REFS} branches and tags, {:.1} MB each time.", bytes as f64 / 1e6),
        ..Report::default()
    };
    compare(&mut report, "server CPU", "ms", &cpu, Some(LESS_CPU));
    compare(&mut report, "wall", "ms", &wall, Some(FASTER));
    compare(&mut report, "server CPU of the first in a round", "ms", &first, None);
    scene.conclude(&mut report)?;
    Ok(report)
}
