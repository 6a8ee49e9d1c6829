//! B5: 32 full clones at once as raw requests: as fast as bytes can be moved.

use super::bursts::{self, AT_ONCE, Client};
use super::clone_request::Depth;
use super::comparison::{Times, compare};
use super::report::Report;
use super::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "32 full clones at once, raw requests: wall";

const GOAL: Times = Times { name: "B5 32 full clones at once, times faster", at_least: 3.5 };

/// A burst per push.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let (arena, subject) = run.medium()?;
    let mut report = Report { setting: run.medium_setting()?, ..Report::default() };
    let found = bursts::measure(run.rounds(), arena, subject, Depth::Full, Client::Raw, &mut report)?;
    compare(&mut report, "wall", "s", &found.wall, Some(GOAL));
    compare(&mut report, "server CPU of all 32", "s", &found.cpu, None);
    if let Some(median) = found.wall[0].samples.median() {
        let mib = run.medium_size_mib()? * AT_ONCE as f64 / median;
        let gigabits = mib * 1024.0 * 1024.0 * 8.0 / 1e9;
        report
            .notes
            .push(format!("ours sent about {mib:.0} MiB/s: the line rate of a {gigabits:.1} Gbit/s network"));
    }
    Ok(report)
}
