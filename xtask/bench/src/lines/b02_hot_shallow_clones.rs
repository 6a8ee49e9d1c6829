//! B2: server CPU of a depth=1 clone that was served before: what CI fleets do all day.

use crate::client::clone_request::Depth;
use crate::lines::hot_clones;
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "hot depth=1 clone, medium repository: server CPU per clone";

const GOAL: Times = Times { name: "B2 hot depth=1 clone, times less server CPU", at_least: 150.0 };

/// Raw requests between pushes.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    hot_clones::judge(run, Depth::One, GOAL)
}
