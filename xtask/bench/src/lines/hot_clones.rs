//! What a clone costs a server that has served the same one before: the family of B1, B2, B18 and TLS.
//!
//! Clones are raw requests. After each push the first clone of each contender fills what it has of caches and is told
//! by itself; the ones after it are hot. So a quarter of all clones is of something that was not asked for before.

use crate::client::clone_request::Depth;
use crate::measuring::cost;
use crate::measuring::samples::Samples;
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::Report;
use crate::run::Run;
use crate::scene::Scene;

const PUSHES_PER_ROUND: usize = 2;
/// Clones after the first one that follows a push.
const HOT_CLONES: usize = 3;

/// Measures the repository of about 75 MB without TLS.
pub fn judge(run: &Run, depth: Depth, goal: Times) -> anyhow::Result<Report> {
    let (testbed, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    measure(run, &Scene::new(testbed, subject)?, depth, Some(goal), &mut report)?;
    Ok(report)
}

/// Clones again and again; tells server CPU per clone and judges it.
pub fn measure(
    run: &Run,
    scene: &Scene,
    depth: Depth,
    goal: Option<Times>,
    report: &mut Report,
) -> anyhow::Result<()> {
    let testbed = scene.testbed;
    scene.check_clones(depth)?;
    let empty = || scene.contenders.iter().map(Series::of).collect::<Vec<_>>();
    let (mut hot, mut first, mut all, mut wall) = (empty(), empty(), empty(), empty());
    let mut upstream = Samples::default();
    for round in run.rounds() {
        for _ in 0..PUSHES_PER_ROUND {
            scene.push()?;
            let questions = scene.questions(depth)?;
            let mut used = vec![0.0; scene.contenders.len()];
            for index in scene.turns(round) {
                let cost = cost::of(&scene.contenders[index], || {
                    questions.expected.ask(&questions.requests[index])
                })?;
                first[index].samples.push(cost.cpu);
                used[index] += cost.cpu;
            }
            let upstream_before = testbed.upstream_group.cpu_seconds()?;
            let turns = (0..HOT_CLONES).flat_map(|_| scene.turns(round));
            for index in turns {
                let cost = cost::of(&scene.contenders[index], || {
                    questions.expected.ask(&questions.requests[index])
                })?;
                hot[index].samples.push(cost.cpu);
                wall[index].samples.push(cost.wall);
                used[index] += cost.cpu;
            }
            upstream.push((testbed.upstream_group.cpu_seconds()? - upstream_before) / HOT_CLONES as f64);
            for (series, used) in all.iter_mut().zip(used) {
                series.samples.push(used / (HOT_CLONES + 1) as f64);
            }
        }
    }
    scene.check_clones(Depth::One)?;
    let name = depth.name();
    compare(report, &format!("{name}, hot, server CPU"), "s", &hot, goal);
    let title = format!("{name}, hot, CPU of our upstream meanwhile, per clone of each kind");
    report.measured(title, "s", &upstream);
    compare(report, &format!("{name}, first after a push, server CPU"), "s", &first, None);
    compare(
        report,
        &format!("{name}, one push every {} clones, server CPU", HOT_CLONES + 1),
        "s",
        &all,
        None,
    );
    compare(report, &format!("{name}, hot, wall"), "s", &wall, None);
    scene.conclude(report)
}
