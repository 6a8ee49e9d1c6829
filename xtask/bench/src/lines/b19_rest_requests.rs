//! B19: REST requests with authentication over kept connections, against a plain hyper handler.
//!
//! The client runs on the same cores, so that requests per second say as much about it as about the server. What
//! counts is the server's CPU per request; requests per second of one core are its reciprocal.

use std::time::Duration;

use anyhow::Context;
use tempfile::TempDir;
use tokio::runtime::Runtime;

use crate::client::keep_alive_load::{self, Target};
use crate::measuring::cpu;
use crate::measuring::samples::Samples;
use crate::ours::farm::Upstream;
use crate::ours::roles::Server;
use crate::process::dying_with_us;
use crate::repositories::small_repositories::SmallRepositories;
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;

/// One line for the list.
pub const SUMMARY: &str =
    "REST requests with authentication on `GET /repos/{id}`, against a plain hyper handler";

const CONNECTIONS: usize = 8;
/// How long each case runs in a round.
const DURATION: Duration = Duration::from_secs(3);
/// Before the first round, so that caches and the allocator are at work.
const WARM_UP: Duration = Duration::from_secs(1);
/// How many repositories the database has.
const REPOSITORIES: usize = 20;
/// Goal of the scoreboard.
const GOAL_SHARE_OF_PLAIN: f64 = 0.4;

/// A server under load, and what came of it.
struct Case<'a> {
    server: &'a Server,
    target: Target,
    requests_per_second: Samples,
    microseconds_per_request: Samples,
}

/// Asks the upstream and the plain handler by turns.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let upstream = Upstream::start(&run.binary)?;
    let small = SmallRepositories::publish(&upstream, REPOSITORIES.min(run.repositories))?;
    let path = small.all[0].enriched_path();
    let body = upstream.rest.get(&path)?.to_string();
    let plain = start_plain(&body)?;

    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let token = upstream.rest.authorization().to_owned();
    let password = upstream.rest_with_password()?.authorization().to_owned();
    let mut with_token = Case::new(&upstream.server, &path, Some(token))?;
    let mut with_password = Case::new(&upstream.server, &path, Some(password))?;
    let mut yardstick = Case::new(&plain, &path, None)?;
    for case in [&with_token, &with_password, &yardstick] {
        runtime.block_on(keep_alive_load::run(&case.target, CONNECTIONS, WARM_UP))?;
    }
    for _ in run.rounds() {
        for case in [&mut with_token, &mut yardstick, &mut with_password] {
            case.run(&runtime)?;
        }
    }

    let mut report = Report {
        setting: format!("{path} over {CONNECTIONS} kept connections, {} bytes of JSON, SQLite.", body.len()),
        ..Report::default()
    };
    let cases = [("token", &with_token), ("password", &with_password), ("plain hyper", &yardstick)];
    for (name, case) in cases {
        report.measured(format!("{name}: requests per second, wall"), "1/s", &case.requests_per_second);
        report.measured(format!("{name}: server CPU per request"), "us", &case.microseconds_per_request);
        let per_core = case.microseconds_per_request.inverse(1_000_000.0);
        report.measured(format!("{name}: requests per second of a core"), "1/s", &per_core);
    }
    // Requests per second of a core are the reciprocal: ours / plain is plain / ours in CPU per request.
    let plain_cpu = &yardstick.microseconds_per_request;
    let mut share_of_plain = |name: &str, ours: &Case| {
        let name = format!("requests per second of a core, {name} / plain hyper");
        report.compared(name, plain_cpu, &ours.microseconds_per_request)
    };
    let share = share_of_plain("token", &with_token);
    share_of_plain("password", &with_password);
    report.goal("B19 share of plain hyper", share.median(), Bound::AtLeast(GOAL_SHARE_OF_PLAIN), "x");
    Ok(report)
}

impl<'a> Case<'a> {
    fn new(server: &'a Server, path: &str, authorization: Option<String>) -> anyhow::Result<Self> {
        let authority = server.base_url().strip_prefix("http://").context("servers speak plain HTTP here")?;
        let target = Target { authority: authority.to_owned(), path: path.to_owned(), authorization };
        let (requests_per_second, microseconds_per_request) = Default::default();
        Ok(Case { server, target, requests_per_second, microseconds_per_request })
    }

    fn run(&mut self, runtime: &Runtime) -> anyhow::Result<()> {
        let before = cpu::of_trees(&[self.server.pid()])?;
        let load = runtime.block_on(keep_alive_load::run(&self.target, CONNECTIONS, DURATION))?;
        let used = cpu::of_trees(&[self.server.pid()])?.saturating_sub(before);
        let requests = load.requests as f64;
        self.requests_per_second.push(requests / load.wall.as_secs_f64());
        self.microseconds_per_request.push(used.as_secs_f64() * 1_000_000.0 / requests);
        Ok(())
    }
}

/// The yardstick in a process of its own, so that its CPU time is its own.
fn start_plain(body: &str) -> anyhow::Result<Server> {
    let folder: TempDir = scratch::folder("plain-hyper")?;
    let file = folder.path().join("answer.json");
    std::fs::write(&file, body)?;
    let mut command = dying_with_us(std::env::current_exe()?);
    command.arg("--serve-plain-hyper").arg(&file);
    Server::start("plain hyper handler", command, folder)
}
