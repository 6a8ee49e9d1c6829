//! B1: server CPU of a full clone that was served before.

use crate::client::clone_request::Depth;
use crate::lines::hot_clones;
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "hot full clone, medium repository: server CPU per clone";

const GOAL: Times = Times { name: "B1 hot full clone, times less server CPU", at_least: 30.0 };

/// Raw requests between pushes.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    hot_clones::judge(run, Depth::Full, GOAL)
}
