//! B2: server CPU of a depth=1 clone that was served before: what CI fleets do all day.

use super::clone_request::Depth;
use super::comparison::Times;
use super::hot_clones;
use super::report::Report;
use super::run::Run;
use super::scene::Scene;

/// One line for the list.
pub const SUMMARY: &str = "hot depth=1 clone, medium repository: server CPU per clone";

const GOAL: Times = Times { name: "B2 hot depth=1 clone, times less server CPU", at_least: 150.0 };

/// Raw requests between pushes.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (arena, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    hot_clones::measure(run, &Scene::new(arena, subject)?, Depth::One, Some(GOAL), &mut report)?;
    Ok(report)
}
