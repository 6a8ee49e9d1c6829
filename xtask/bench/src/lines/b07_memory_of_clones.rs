//! B7: anonymous memory above idle while 32 clones are served at once, of everything that serves.
//!
//! All servers are started anew, because one that has worked before keeps some memory and would seem to need less.
//! The first clone after each push, which makes the answer, is part of the watched time of every server.

use crate::client::clone_request::Depth;
use crate::lines::bursts::{AT_ONCE, ask_at_once};
use crate::results::comparison::{Series, compare};
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scene::Scene;
use crate::testbed::{Access, Arrival, Testbed};

/// One line for the list.
pub const SUMMARY: &str = "anonymous memory above idle, 32 clones at once";

/// Goal of the scoreboard.
const GOAL_MIB: f64 = 32.0;
/// Peaks hardly differ between rounds.
const MOST_ROUNDS: usize = 3;

/// Bursts of both kinds.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let source = run.large_repository()?;
    let testbed = Testbed::open(run)?;
    let subject = testbed.publish("medium", &source, Access::Public, Arrival::Pushed)?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    let scene = Scene::new(&testbed, &subject)?;
    for depth in [Depth::One, Depth::Full] {
        let mut memory: Vec<Series> = scene.contenders.iter().map(Series::of).collect();
        for round in run.rounds().take(MOST_ROUNDS) {
            testbed.push(&subject)?;
            let questions = scene.questions(depth)?;
            for index in scene.turns(round) {
                memory[index].samples.push(ask_at_once(&scene, &questions, index)?.memory);
            }
        }
        let quantity = format!("{}, {AT_ONCE} at once, anonymous memory above idle", depth.name());
        compare(&mut report, &quantity, "MiB", &memory, None);
        let name = format!("B7 {AT_ONCE} {} clones, memory above idle", depth.name());
        report.goal(&name, memory[0].samples.median(), Bound::AtMost(GOAL_MIB), "MiB");
    }
    scene.check_clones(Depth::One)?;
    scene.conclude(&mut report)?;
    Ok(report)
}
