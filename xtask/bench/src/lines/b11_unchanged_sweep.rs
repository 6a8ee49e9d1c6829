//! B11: one sweep of a mirror over many repositories when nothing has changed, against asking for each.
//!
//! The mirror sweeps every second and tells itself how long that takes. The yardsticks are `git ls-remote` of each
//! repository, what a mirror without any index would do, and a pull of grokmirror, where it is installed.

use std::time::{Duration, Instant};

use anyhow::Context;

use crate::lines::b12_follow_push::start_grokmirror;
use crate::measuring::samples::Samples;
use crate::ours::farm::{Mirror, Upstream};
use crate::ours::rest::eventually;
use crate::repositories::small_repositories::SmallRepositories;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::side_by_side::side_by_side;
use crate::site::Site;

/// One line for the list.
pub const SUMMARY: &str =
    "one sweep of a mirror over 1,000 repositories, nothing changed, against `git ls-remote` of each";

const GOAL_MS: f64 = 10.0;
/// Sweeps of which the mean is one sample.
const SWEEPS_PER_ROUND: f64 = 5.0;
/// How long so many sweeps may take.
const TIMEOUT: Duration = Duration::from_secs(120);
/// As many as a mirror synchronises at once.
const LISTINGS_AT_ONCE: usize = 4;

/// Sweeps that have ended, and what they have taken.
struct Sweeps {
    count: f64,
    seconds: f64,
}

/// Lets a mirror sweep, then lists everything, round by round.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let upstream = Upstream::start(&run.binary)?;
    let small = SmallRepositories::publish(&upstream, run.repositories)?;
    let often = ["--sweep-interval", "1s"];
    let waiting = upstream.new_mirror_with(&run.binary, "sweeping", &Site::loopback(), &often)?;
    let mirror = upstream.accept(waiting)?;
    small.wait_for(&mirror)?;
    small.check(&upstream, &mirror)?;
    let (grokmirror, why_no_grokmirror) = start_grokmirror(&small)?;

    let (mut ours, mut listings, mut pulls) = <(Samples, Samples, Samples)>::default();
    for _ in run.rounds() {
        let before = sweeps(&mirror)?;
        let after = eventually("the mirror to sweep", TIMEOUT, || {
            let now = sweeps(&mirror)?;
            Ok((now.count >= before.count + SWEEPS_PER_ROUND).then_some(now))
        })?;
        ours.push((after.seconds - before.seconds) / (after.count - before.count) * 1e3);
        let begun = Instant::now();
        side_by_side(LISTINGS_AT_ONCE, small.all.len(), |number| {
            upstream.git.remote_refs(&small.all[number].url(&upstream.server))
        })?;
        listings.push(begun.elapsed().as_secs_f64() * 1e3);
        if let Some(grokmirror) = &grokmirror
            && let Some(taken) = grokmirror.pull_unchanged()?
        {
            pulls.push(taken.as_secs_f64() * 1e3);
        }
    }
    small.check(&upstream, &mirror)?;

    let mut report = Report {
        setting: format!("{} repositories, all of them mirrored, nothing else to do.", small.all.len()),
        ..Report::default()
    };
    report.measured("one sweep, as the mirror tells", "ms", &ours);
    report.measured(format!("git ls-remote of each, {LISTINGS_AT_ONCE} at a time"), "ms", &listings);
    report.compared("git ls-remote of each / ours", &listings, &ours);
    match why_no_grokmirror {
        None => {
            report.measured("grokmirror, a pull", "ms", &pulls);
            report.compared("grokmirror, a pull / ours", &pulls, &ours);
        }
        Some(reason) => report.notes.push(format!("left out: {reason}")),
    }
    report.goal("B11", ours.median(), Bound::AtMost(GOAL_MS), "ms");
    Ok(report)
}

fn sweeps(mirror: &Mirror) -> anyhow::Result<Sweeps> {
    let metrics = mirror.rest.metrics()?;
    let value = |name: &str| {
        let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse().ok()).with_context(|| format!("the metrics tell of {name}"))
    };
    Ok(Sweeps {
        count: value("heliostat_mirror_sweeps_total")?,
        seconds: value("heliostat_mirror_sweep_seconds_total")?,
    })
}
