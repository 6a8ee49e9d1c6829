//! B3: 32 depth=1 clones at once as raw requests: a fleet of machines that begin a build together.

use crate::client::clone_request::Depth;
use crate::lines::bursts::{self, Client};
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "32 depth=1 clones at once, raw requests: wall";

const GOAL: Times = Times { name: "B3 32 depth=1 clones at once, times faster", at_least: 25.0 };

/// A burst per push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    Ok(bursts::judge(run, Depth::One, Client::Raw, GOAL)?.report)
}
