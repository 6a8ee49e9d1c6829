//! B5: 32 full clones at once as raw requests: as fast as bytes can be moved.

use crate::client::clone_request::Depth;
use crate::lines::bursts::{self, AT_ONCE, Client, Judged};
use crate::results::comparison::Times;
use crate::results::report::Report;
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "32 full clones at once, raw requests: wall";

const GOAL: Times = Times { name: "B5 32 full clones at once, times faster", at_least: 3.5 };

/// A burst per push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let Judged { mut report, wall_of_ours } = bursts::judge(run, Depth::Full, Client::Raw, GOAL)?;
    if let Some(median) = wall_of_ours.median() {
        let mib = run.medium_size_mib()? * AT_ONCE as f64 / median;
        let gigabits = mib * 1024.0 * 1024.0 * 8.0 / 1e9;
        report
            .notes
            .push(format!("ours sent about {mib:.0} MiB/s: the line rate of a {gigabits:.1} Gbit/s network"));
    }
    Ok(report)
}
