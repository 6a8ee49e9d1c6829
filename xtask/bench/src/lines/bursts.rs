//! Many clones at once of what was served before: the family of B3, B4, B5 and B7.

use anyhow::Context;

use crate::client::clone_request::Depth;
use crate::measuring::cost::{self, Cost};
use crate::measuring::samples::Samples;
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::{Questions, Scene};
use crate::scratch;
use crate::side_by_side::side_by_side;

/// So many clones begin at once.
pub const AT_ONCE: usize = 32;

/// Who clones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Raw requests; the answers are thrown away.
    Raw,
    /// Real git, on this machine too.
    Git,
}

/// What was found.
#[derive(Debug)]
pub struct Judged {
    /// Wall time, judged, and server CPU of all servers.
    pub report: Report,
    /// Seconds until the last clone from ours was done.
    pub wall_of_ours: Samples,
}

/// Pushes, lets every server serve the clone once, and then many at once; in each round again.
pub fn judge(run: &Run, depth: Depth, client: Client, goal: Times) -> anyhow::Result<Judged> {
    let (testbed, subject) = run.medium()?;
    let scene = Scene::new(testbed, subject)?;
    let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
    let (mut wall, mut cpu) = (empty(), empty());
    for round in run.rounds() {
        testbed.push(subject)?;
        let questions = scene.questions(depth)?;
        for index in scene.turns(round) {
            let contender = &scene.contenders[index];
            questions
                .expected
                .ask(&questions.requests[index])
                .with_context(|| format!("{} failed", contender.name))?;
            let cost = match client {
                Client::Raw => ask_at_once(&scene, &questions, index)?,
                Client::Git => clone_at_once(&scene, depth, index)?,
            };
            wall[index].samples.push(cost.wall);
            cpu[index].samples.push(cost.cpu);
        }
    }
    scene.check_clones(Depth::One)?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    scene.conclude(&mut report)?;
    compare(&mut report, "wall", "s", &wall, Some(goal));
    compare(&mut report, &format!("server CPU of all {AT_ONCE}"), "s", &cpu, None);
    Ok(Judged { report, wall_of_ours: wall.swap_remove(0).samples })
}

/// Raw requests, all at once.
pub fn ask_at_once(scene: &Scene, questions: &Questions, index: usize) -> anyhow::Result<Cost> {
    cost::of(&scene.contenders[index], || {
        side_by_side(AT_ONCE, AT_ONCE, |_| questions.expected.ask(&questions.requests[index]))?;
        Ok(())
    })
}

/// Clones by git, all at once; each is looked at afterwards.
fn clone_at_once(scene: &Scene, depth: Depth, index: usize) -> anyhow::Result<Cost> {
    let contender = &scene.contenders[index];
    let folder = scratch::folder_in_memory("clone")?;
    let cost = cost::of(contender, || {
        side_by_side(AT_ONCE, AT_ONCE, |number| scene.clone_with_git(contender, depth, &folder, number))?;
        Ok(())
    })?;
    for number in 0..AT_ONCE {
        scene.check_clone(&folder, number).with_context(|| format!("a clone from {}", contender.name))?;
    }
    Ok(cost)
}
