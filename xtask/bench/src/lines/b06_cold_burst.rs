//! B6: 32 identical full clones at once of something that was not asked for before, and a single one of it.
//!
//! For the 32, ours is counted from the push on: what it prepares before the first request is work too, and so is its
//! synchronisation, which the others, who have the repository already, need not do. The single one is counted from
//! its request on, for every server.

use crate::client::clone_request::Depth;
use crate::lines::bursts::{AT_ONCE, ask_at_once};
use crate::measuring::cost;
use crate::measuring::samples::Samples;
use crate::results::comparison::{Series, Times, better_incumbent, compare};
use crate::results::report::{Bound, Report, Yardstick};
use crate::run::Run;
use crate::scene::Scene;

/// One line for the list.
pub const SUMMARY: &str = "32 identical full clones at once, cold cache: total server CPU; and a single one";

const GOAL: Times = Times { name: "B6 32 cold clones at once, times less server CPU", at_least: 15.0 };
/// Goal of the scoreboard: what one cold clone may cost, compared with git's.
const GOAL_ONE_COLD: f64 = 1.1;

/// A push before each burst.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (testbed, subject) = run.medium()?;
    let scene = Scene::new(testbed, subject)?;
    let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
    let (mut many, mut one, mut one_wall, mut made_ready) = (empty(), empty(), empty(), Samples::default());
    for round in run.rounds() {
        let mirror = &scene.contenders[0].group;
        let before = mirror.cpu_seconds()?;
        testbed.push(subject)?;
        let questions = scene.questions(Depth::Full)?;
        // A public and a private repository were pushed to, and each is judged by itself.
        let ours = scene.contenders.iter().filter(|contender| contender.is_ours()).count();
        let ready = (mirror.cpu_seconds()? - before) / ours as f64;
        made_ready.push(ready);
        for index in scene.turns(round) {
            let cost = ask_at_once(&scene, &questions, index)?;
            let earlier = if scene.contenders[index].is_ours() { ready } else { 0.0 };
            many[index].samples.push(cost.cpu + earlier);
        }
        testbed.push(subject)?;
        let questions = scene.questions(Depth::Full)?;
        for index in scene.turns(round) {
            let cost =
                cost::of(&scene.contenders[index], || questions.expected.ask(&questions.requests[index]))?;
            one[index].samples.push(cost.cpu);
            one_wall[index].samples.push(cost.wall);
        }
    }
    scene.check_clones(Depth::One)?;

    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    compare(&mut report, &format!("{AT_ONCE} at once, cold, server CPU"), "s", &many, Some(GOAL));
    report.measured("of it, ours: synchronisation and what is made ready", "s", &made_ready);
    compare(&mut report, "one, cold, server CPU", "s", &one, None);
    compare(&mut report, "one, cold, wall", "s", &one_wall, None);
    if let Some(incumbent) = better_incumbent(&one) {
        let ours = &one[0].samples;
        let ratio = ours.paired_ratio(&incumbent.samples).median();
        let yardstick = Yardstick {
            name: incumbent.name.clone(),
            value: incumbent.samples.median(),
            ours: ours.median(),
            unit: "s",
        };
        let name = "B6 one cold clone, server CPU as a multiple of git's";
        report.goal_against(name, ratio, Bound::AtMost(GOAL_ONE_COLD), "x", yardstick);
    }
    scene.conclude(&mut report)?;
    Ok(report)
}
