//! B4: 32 depth=1 clones at once by real git on the same machine, which needs its share of the cores.

use crate::client::clone_request::Depth;
use crate::lines::bursts::{self, Client};
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "32 depth=1 clones at once, real git on the same machine: wall";

const GOAL: Times = Times { name: "B4 32 depth=1 clones at once by git, times faster", at_least: 5.5 };

/// A burst per push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    Ok(bursts::judge(run, Depth::One, Client::Git, GOAL)?.report)
}
