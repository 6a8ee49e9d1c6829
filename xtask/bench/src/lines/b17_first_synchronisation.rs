//! B17: a new mirror's first synchronisation of many small repositories, against `git clone --mirror` of each.
//!
//! The clock starts when the administrator accepts the mirror, whose process runs already, and stops when the mirror
//! says that it has everything. CPU is that of all processes: upstream, mirror or clones, and their children.

use std::path::Path;

use crate::measuring::effort::Efforts;
use crate::ours::farm::{Upstream, check_clone};
use crate::repositories::small_repositories::SmallRepositories;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;
use crate::side_by_side::side_by_side;

/// One line for the list.
pub const SUMMARY: &str =
    "first synchronisation of 1,000 small repositories, against `git clone --mirror` of each";

/// Clones that run at once in the faster yardstick: as many synchronisations as a mirror runs by default.
const CLONES_AT_ONCE: usize = 4;
/// Goals of the scoreboard.
const GOAL_TIMES_LESS_CPU: f64 = 10.0;
const GOAL_TIMES_FASTER: f64 = 5.0;

/// Joins a new mirror, then clones everything, round by round.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let upstream = Upstream::start(&run.binary)?;
    let small = SmallRepositories::publish(&upstream, run.repositories)?;

    let (mut ours, mut parallel, mut sequential) = <(Efforts, Efforts, Efforts)>::default();
    for round in run.rounds() {
        let waiting = upstream.new_mirror(&run.binary, &format!("first-{round}"))?;
        let servers = [upstream.server.pid(), waiting.pid()];
        let mirror = ours.add(&servers, || {
            let mirror = upstream.accept(waiting)?;
            small.wait_for(&mirror)?;
            Ok(mirror)
        })?;
        small.check(&upstream, &mirror)?;
        if round == 0 {
            check_clone(&upstream.git, &small.all[0].url(&mirror.server))?;
        }
        upstream.remove_mirror(&mirror)?;
        drop(mirror);
        parallel.add(&[upstream.server.pid()], || clone_all(&upstream, &small, CLONES_AT_ONCE))?;
        sequential.add(&[upstream.server.pid()], || clone_all(&upstream, &small, 1))?;
    }

    let mut report = Report {
        setting: format!("{} repositories of 6 commits and 3 branches, nothing else to do.", small.all.len()),
        ..Report::default()
    };
    let together = format!("git clone --mirror, {CLONES_AT_ONCE} at a time");
    report.measured("first synchronisation, wall", "s", &ours.wall);
    report.measured(format!("{together}, wall"), "s", &parallel.wall);
    report.measured("git clone --mirror, one by one, wall", "s", &sequential.wall);
    report.measured("first synchronisation, CPU of all processes", "CPU-s", &ours.cpu);
    report.measured(format!("{together}, CPU of all processes"), "CPU-s", &parallel.cpu);
    report.measured("git clone --mirror, one by one, CPU of all processes", "CPU-s", &sequential.cpu);
    let less_cpu = report.compared(format!("{together} / ours, CPU"), &parallel.cpu, &ours.cpu);
    let faster = report.compared(format!("{together} / ours, wall"), &parallel.wall, &ours.wall);
    report.compared("git clone --mirror, one by one / ours, wall", &sequential.wall, &ours.wall);
    report.goal("B17 times less CPU", less_cpu.median(), Bound::AtLeast(GOAL_TIMES_LESS_CPU), "x");
    report.goal("B17 times faster", faster.median(), Bound::AtLeast(GOAL_TIMES_FASTER), "x");
    Ok(report)
}

fn clone_all(upstream: &Upstream, small: &SmallRepositories, at_once: usize) -> anyhow::Result<()> {
    let folder = scratch::folder("repository")?;
    side_by_side(at_once, small.all.len(), |number| {
        let repository = &small.all[number];
        let into = Path::new(folder.path()).join(&repository.slug);
        upstream.git.clone_mirror(&repository.url(&upstream.server), &into)
    })?;
    Ok(())
}
