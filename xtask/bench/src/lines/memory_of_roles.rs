//! MEM: what each role occupies when it has nothing to do, and at most while it works.
//!
//! Work is: a large repository comes in and is mirrored, many clones of it at once from the mirror, REST requests to
//! the upstream. Anonymous memory is what counts; mapped packs are the page cache's. Git processes that a role has
//! started are told together with it.

use std::time::Duration;

use anyhow::Context;

use crate::client::clone_request::{self, Depth, PackSeen};
use crate::client::keep_alive_load::{self, Target};
use crate::client::raw_post::{Connection, Request};
use crate::measuring::memory::{self, Memory, Peak};
use crate::measuring::samples::Samples;
use crate::ours::farm::{Mirror, Repository, Upstream, check_clone, check_refs};
use crate::ours::roles::Server;
use crate::repositories::git::{Git, Refs, branches_and_tags};
use crate::results::report::Report;
use crate::run::Run;
use crate::side_by_side::side_by_side;

/// One line for the list.
pub const SUMMARY: &str = "memory of each role, idle and at work";

const CLONES_AT_ONCE: usize = 32;
/// Peaks hardly differ between rounds, and a round takes long.
const MOST_ROUNDS: usize = 2;
const REST_CONNECTIONS: usize = 8;
const REST_DURATION: Duration = Duration::from_secs(2);

/// Starts the roles, looks, and makes them work.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let source = run.large_repository()?;
    let local = Git::without_credentials();
    let refs = branches_and_tags(&local.refs(&source)?);
    let size = local.size_mib(&source)?;
    let upstream = Upstream::start(&run.binary)?;
    let mirror = upstream.accept(upstream.new_mirror(&run.binary, "memory")?)?;
    let mut report = Report {
        setting: format!("{}: {size:.0} MiB; {CLONES_AT_ONCE} clones at once.", source.display()),
        ..Report::default()
    };
    for server in [&upstream.server, &mirror.server] {
        idle(&mut report, server, "idle, nothing to serve")?;
    }

    let upstream_peak = memory::watch_peak(upstream.server.pid());
    let mirror_peak = memory::watch_peak(mirror.server.pid());
    let repository = upstream.create_repository("large")?;
    let url = repository.url(&upstream.server);
    upstream
        .git
        .run(&source, &["push", "--quiet", &url, "refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"])?;
    mirror.wait_for(&repository)?;
    at_work(&mut report, "upstream, a large push and its mirroring", &[upstream_peak.stop()?]);
    at_work(&mut report, "mirror, its first synchronisation", &[mirror_peak.stop()?]);
    check_refs(&upstream.git, &repository.url(&mirror.server), &refs)?;
    check_clone(&upstream.git, &repository.url(&mirror.server))?;

    let (mut clones, mut requests, mut above_idle) = (Vec::new(), Vec::new(), Samples::default());
    for _ in run.rounds().take(MOST_ROUNDS) {
        let before = memory::of_tree(mirror.server.pid())?;
        let peak = clone_at_once(&upstream, &mirror, &repository, &refs)?;
        above_idle.push(mebibytes(peak.tree.anonymous.saturating_sub(before.anonymous)));
        clones.push(peak);
        requests.push(ask_for_rest(&upstream, &repository)?);
    }
    at_work(&mut report, "mirror, clones at once", &clones);
    at_work(&mut report, "upstream, REST requests", &requests);
    for server in [&upstream.server, &mirror.server] {
        idle(&mut report, server, "idle again, after the work")?;
    }
    report.measured("mirror, clones at once: anonymous with git, above idle", "MiB", &above_idle);
    Ok(report)
}

fn idle(report: &mut Report, server: &Server, when: &str) -> anyhow::Result<()> {
    let Memory { resident, anonymous } = memory::of_process(server.pid())?;
    let role = server.name();
    report.measured(format!("{role}, {when}: resident"), "MiB", &one(resident));
    report.measured(format!("{role}, {when}: anonymous"), "MiB", &one(anonymous));
    Ok(())
}

fn at_work(report: &mut Report, what: &str, peaks: &[Peak]) {
    let series = |of: fn(&Peak) -> u64| peaks.iter().map(|peak| mebibytes(of(peak))).collect::<Samples>();
    report.measured(format!("{what}: resident"), "MiB", &series(|peak| peak.process.resident));
    report.measured(format!("{what}: anonymous"), "MiB", &series(|peak| peak.process.anonymous));
    report.measured(format!("{what}: anonymous with git"), "MiB", &series(|peak| peak.tree.anonymous));
}

fn one(bytes: u64) -> Samples {
    std::iter::once(mebibytes(bytes)).collect()
}

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / (1024.0 * 1024.0)
}

fn clone_at_once(
    upstream: &Upstream,
    mirror: &Mirror,
    repository: &Repository,
    refs: &Refs,
) -> anyhow::Result<Peak> {
    let url = repository.url(&mirror.server);
    let body = clone_request::clone(refs.values(), Depth::Full);
    let request = Request::upload_pack(&url, Some(upstream.rest.authorization()), &body, Connection::Closed)?;
    let peak = memory::watch_peak(mirror.server.pid());
    side_by_side(CLONES_AT_ONCE, CLONES_AT_ONCE, |_| {
        let mut seen = PackSeen::default();
        request.send(|piece| seen.take(piece))?;
        seen.objects()
    })?;
    peak.stop()
}

fn ask_for_rest(upstream: &Upstream, repository: &Repository) -> anyhow::Result<Peak> {
    let base_url = upstream.server.base_url();
    let target = Target {
        authority: base_url.strip_prefix("http://").context("servers speak plain HTTP here")?.to_owned(),
        path: repository.enriched_path(),
        authorization: Some(upstream.rest.authorization().to_owned()),
    };
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let peak = memory::watch_peak(upstream.server.pid());
    runtime.block_on(keep_alive_load::run(&target, REST_CONNECTIONS, REST_DURATION))?;
    peak.stop()
}
