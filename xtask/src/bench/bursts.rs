//! Many clones at once of what was served before: the family of B3, B4, B5 and B7.

use anyhow::Context;

use super::arena::{Arena, Subject};
use super::clone_request::Depth;
use super::comparison::Series;
use super::cost::{self, Cost};
use super::report::Report;
use super::scene::{Questions, Scene, scratch};
use super::side_by_side::side_by_side;

/// So many clones begin at once.
pub const AT_ONCE: usize = 32;

/// Who clones.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Client {
    /// Nobody: the requests alone, the answers are thrown away.
    Raw,
    /// Real git, on this machine too.
    Git,
}

/// What everybody has shown.
#[derive(Debug)]
pub struct Bursts {
    /// Seconds until the last clone was done.
    pub wall: Vec<Series>,
    /// Server CPU of all clones of a burst.
    pub cpu: Vec<Series>,
    /// MiB of anonymous memory above idle.
    pub memory: Vec<Series>,
}

/// Pushes, lets everybody serve the clone once, and then many at once; in each round again.
pub fn measure(
    rounds: impl Iterator<Item = usize>,
    arena: &Arena,
    subject: &Subject,
    depth: Depth,
    client: Client,
    report: &mut Report,
) -> anyhow::Result<Bursts> {
    let scene = Scene::new(arena, subject)?;
    let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
    let mut bursts = Bursts { wall: empty(), cpu: empty(), memory: empty() };
    for round in rounds {
        arena.push(subject)?;
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
            bursts.wall[index].samples.push(cost.wall);
            bursts.cpu[index].samples.push(cost.cpu);
            bursts.memory[index].samples.push(cost.memory);
        }
    }
    scene.check_clones(Depth::One)?;
    scene.conclude(report)?;
    Ok(bursts)
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
    let folder = scratch()?;
    let cost = cost::of(contender, || {
        side_by_side(AT_ONCE, AT_ONCE, |number| scene.clone_with_git(contender, depth, &folder, number))?;
        Ok(())
    })?;
    for number in 0..AT_ONCE {
        scene.check_clone(&folder, number).with_context(|| format!("a clone from {}", contender.name))?;
    }
    Ok(cost)
}
