//! B16: the first depth=1 clone of a new tip, against the same clone served hot: is the answer ready when CI asks?
//!
//! The clock starts with a request that is sent as soon as the mirror lists the new tip; for a second series, a
//! moment later, as a build server needs one to start a job.

use std::thread;
use std::time::Duration;

use crate::client::clone_request::Depth;
use crate::measuring::cost;
use crate::measuring::samples::Samples;
use crate::results::comparison::{Series, compare};
use crate::results::report::{Bound, Report, Yardstick};
use crate::run::Run;
use crate::scene::Scene;
use crate::testbed::Standing;

/// One line for the list.
pub const SUMMARY: &str = "first depth=1 clone after a push, against the same one served hot: latency";

const PUSHES_PER_ROUND: usize = 4;
/// The hot latency is the median of so many.
const HOT_CLONES: usize = 5;
/// A build server's way from an event to a job.
const MOMENT: Duration = Duration::from_secs(1);
/// Goal of the scoreboard.
const GOAL_RATIO: f64 = 1.2;

/// Push after push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (testbed, subject) = run.medium()?;
    let scene = Scene::new(testbed, subject)?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    for (delay, when) in [(Duration::ZERO, "at once"), (MOMENT, "a moment later")] {
        let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
        let (mut first, mut hot) = (empty(), empty());
        for round in run.rounds() {
            for push in 0..PUSHES_PER_ROUND {
                testbed.push(subject)?;
                let questions = scene.questions(Depth::One)?;
                thread::sleep(delay);
                // Ours is first and last by turns: a server that is asked later has more time to prepare.
                for index in scene.turns(round + push) {
                    let contender = &scene.contenders[index];
                    let ask = || cost::of(contender, || questions.expected.ask(&questions.requests[index]));
                    first[index].samples.push(ask()?.wall * 1e3);
                    let again: Samples =
                        (0..HOT_CLONES).map(|_| Ok(ask()?.wall * 1e3)).collect::<anyhow::Result<_>>()?;
                    hot[index].samples.push(again.median().unwrap_or_default());
                }
            }
        }
        compare(&mut report, &format!("first, {when}"), "ms", &first, None);
        compare(&mut report, &format!("hot, {when}"), "ms", &hot, None);
        for (first, hot) in first.iter().zip(&hot).filter(|(first, _)| first.standing == Standing::Ours) {
            let ratio = first.samples.paired_ratio(&hot.samples).median();
            let yardstick = Yardstick {
                name: "ours, hot".into(),
                value: hot.samples.median(),
                ours: first.samples.median(),
                unit: "ms",
            };
            let name = format!("B16 first clone after a push, {when}, as a multiple of hot");
            report.goal_against(&name, ratio, Bound::AtMost(GOAL_RATIO), "x", yardstick);
        }
    }
    scene.check_clones(Depth::One)?;
    scene.conclude(&mut report)?;
    Ok(report)
}
