//! B20: an upstream with very many repositories: until it is ready, and the hashes of all of them in one answer.
//!
//! Memory is what the process occupies at most while it answers, above what it occupied before. It has come to rest by
//! then: after a start it looks at every repository once.

use std::io::Read;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::measuring::samples::Samples;
use crate::measuring::{cpu, memory};
use crate::ours::farm::Upstream;
use crate::ours::rest::eventually_with_pause;
use crate::repositories::copied_repositories;
use crate::results::report::{Bound, Report};
use crate::run::Run;

/// One line for the list.
pub const SUMMARY: &str = "an upstream with 100,000 repositories: its start, and the hashes of all of them";

const PATH: &str = "/rest/mirroring/latest/repo-hashes";
/// For each small repository of other benchmarks there are so many here.
const TIMES: usize = 100;
const GOAL_SECONDS: f64 = 1.0;
const GOAL_MIB: f64 = 32.0;
/// It is at rest when it has used no more CPU than this within the pause.
const AT_REST: Duration = Duration::from_millis(50);
const PAUSE: Duration = Duration::from_secs(2);
const REST_TIMEOUT: Duration = Duration::from_secs(900);

/// Makes the repositories, starts, and asks round by round.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let count = run.repositories.saturating_mul(TIMES);
    let upstream = Upstream::start_in_memory(&run.binary)?;
    upstream.create_public_repository("original")?;
    let mut began = Instant::now();
    let upstream = upstream.with_changed_data(|data| {
        copied_repositories::multiply(data, count)?;
        began = Instant::now();
        Ok(())
    })?;
    let start: Samples = std::iter::once(began.elapsed().as_secs_f64()).collect();
    let pid = upstream.server.pid();
    wait_for_rest(pid)?;
    let looked_through: Samples = std::iter::once(began.elapsed().as_secs_f64()).collect();

    let (mut wall, mut above, mut used, mut size) = <(Samples, Samples, Samples, Samples)>::default();
    for _ in run.rounds() {
        let (memory_before, cpu_before) = (memory::of_process(pid)?, cpu::of_trees(&[pid])?);
        let peak = memory::watch_peak(pid);
        let began = Instant::now();
        let mut body = Vec::new();
        upstream.rest.get_response(PATH)?.error_for_status()?.read_to_end(&mut body)?;
        wall.push(began.elapsed().as_secs_f64());
        let peak = peak.stop()?.process.anonymous;
        above.push(mebibytes(peak.saturating_sub(memory_before.anonymous)));
        used.push(cpu::of_trees(&[pid])?.saturating_sub(cpu_before).as_secs_f64());
        size.push(mebibytes(body.len() as u64));
        check(&body, count)?;
    }

    let mut report = Report {
        setting: format!("{count} repositories without references in one project, SQLite, all in memory."),
        ..Report::default()
    };
    report.measured("start, until it is ready", "s", &start);
    report.measured("start, until it has looked at every repository and is at rest", "s", &looked_through);
    report.measured("hashes of all, wall", "s", &wall);
    report.measured("hashes of all, CPU", "CPU-s", &used);
    report.measured("hashes of all, memory above idle", "MiB", &above);
    report.measured("the answer", "MiB", &size);
    report.goal("B20 wall", wall.median(), Bound::AtMost(GOAL_SECONDS), "s");
    report.goal("B20 memory", above.median(), Bound::AtMost(GOAL_MIB), "MiB");
    Ok(report)
}

fn wait_for_rest(pid: u32) -> anyhow::Result<()> {
    let mut before = None;
    eventually_with_pause("the upstream to come to rest", REST_TIMEOUT, PAUSE, || {
        let now = cpu::of_trees(&[pid])?;
        let used = before.replace(now).map(|before| now.saturating_sub(before));
        Ok(used.is_some_and(|used| used <= AT_REST).then_some(()))
    })
}

/// Fails unless the answer tells of so many repositories.
fn check(body: &[u8], count: usize) -> anyhow::Result<()> {
    let document: Value = serde_json::from_slice(body)?;
    let projects = document["projects"].as_array().context("the answer has projects")?;
    let repositories: usize =
        projects.iter().map(|project| project["repositories"].as_array().map_or(0, Vec::len)).sum();
    ensure!(repositories == count, "{repositories} repositories are told of instead of {count}");
    Ok(())
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}
