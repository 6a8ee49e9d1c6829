//! B3: 32 depth=1 clones at once as raw requests: a fleet of machines that begin a build together.

use super::bursts::{self, Client};
use super::clone_request::Depth;
use super::comparison::{Times, compare};
use super::report::Report;
use super::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "32 depth=1 clones at once, raw requests: wall";

const GOAL: Times = Times { name: "B3 32 depth=1 clones at once, times faster", at_least: 25.0 };

/// A burst per push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (arena, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    let found = bursts::measure(run.rounds(), arena, subject, Depth::One, Client::Raw, &mut report)?;
    compare(&mut report, "wall", "s", &found.wall, Some(GOAL));
    compare(&mut report, "server CPU of all 32", "s", &found.cpu, None);
    Ok(report)
}
