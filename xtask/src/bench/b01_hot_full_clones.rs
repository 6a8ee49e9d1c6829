//! B1: server CPU of a full clone that was served before.

use super::clone_request::Depth;
use super::comparison::Times;
use super::hot_clones;
use super::report::Report;
use super::run::Run;
use super::scene::Scene;

/// One line for the list.
pub const SUMMARY: &str = "hot full clone, medium repository: server CPU per clone";

const GOAL: Times = Times { name: "B1 hot full clone, times less server CPU", at_least: 30.0 };

/// Raw requests between pushes.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (arena, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    hot_clones::measure(run, &Scene::new(arena, subject)?, Depth::Full, Some(GOAL), &mut report)?;
    Ok(report)
}
