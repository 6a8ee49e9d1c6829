//! What well-behaved clients notice of 10,000 hostile connections, and what those cost the server in memory.
//!
//! The two come from different parts of the network, as far as a server can tell: 127.0.0.0/24 and others of 127.66.0.0/16.
//! The crowd stands for other machines. It runs on the cores of the server, and so with the least urgency that there is: what
//! is measured is what the server does for it, and an upper bound of that.

use std::fs;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::Context;

use crate::client::clone_request::{self, Depth};
use crate::client::hostile::{HostileLoad, Target};
use crate::client::raw_post::{Connection, Request};
use crate::measuring::cost::Expected;
use crate::measuring::memory;
use crate::measuring::samples::Samples;
use crate::ours::farm::{Repository, Upstream};
use crate::ours::rest::eventually;
use crate::repositories::author::Author;
use crate::repositories::generated_repository::small_one;
use crate::repositories::git::Git;
use crate::results::report::{Bound, Report, Yardstick};
use crate::run::Run;
use crate::scratch;
use crate::site::Site;

/// One line for the list.
pub const SUMMARY: &str =
    "p99 of well-behaved clients beside 10,000 hostile connections, and the server's memory";

/// Times the p99 without the crowd.
const GOAL_SLOWER: f64 = 2.0;
/// What `docs/security.md` says that the process takes at most, without its git processes.
const GOAL_MIB: f64 = 2048.0;
/// The blobs that a computed fetch leaves out are larger than this many bytes, each time another number. The crowd
/// counts from 0.
const FIRST_LIMIT_BYTES: u64 = 1 << 40;
/// A network that no client comes from: otherwise all of loopback may speak for others, and is not held back.
const NO_PROXY: &str = "192.0.2.0/24";
const MIB: f64 = 1024.0 * 1024.0;
/// Files that the server has open at most when the crowd has left.
const FILES_WITHOUT_CROWD: usize = 500;
/// How long it may take to leave.
const LEAVE_TIMEOUT: Duration = Duration::from_secs(60);

/// How often the most frequent kind of request is sent in a round; the others come evenly between.
const STEPS: usize = 100;

/// What well-behaved clients do, and how often in a round.
const KINDS: [(Kind, &str, usize); 5] = [
    (Kind::Listing, "references listed", STEPS),
    (Kind::Rest, "REST request with a token", STEPS),
    (Kind::HotClone, "hot depth=1 clone", 50),
    (Kind::ComputedFetch, "fetch that has to be computed", 25),
    (Kind::Push, "push", 10),
];

#[derive(Debug, Clone, Copy)]
enum Kind {
    Listing,
    Rest,
    HotClone,
    ComputedFetch,
    Push,
}

/// A server with what is asked of it.
struct Scene {
    upstream: Upstream,
    repository: Repository,
    author: Author,
    /// The first commit: a clone of it stays the same while pushes land.
    tip: String,
    expected: Expected,
    limit_bytes: AtomicU64,
}

/// Latencies in milliseconds by kind, and memory in MiB.
#[derive(Default)]
struct Measured {
    latencies: [Samples; KINDS.len()],
    peak: Samples,
    peak_with_git: Samples,
}

/// By turns without the crowd and beside it.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    let scene = Scene::start(run)?;
    let target = scene.target(run)?;
    let (mut alone, mut coming, mut at_work) = <(Measured, Measured, Measured)>::default();
    let (mut open, mut visits) = (Samples::default(), Samples::default());
    // Pages, caches and the allocator are at work afterwards.
    scene.measure(&mut Measured::default(), || Ok(()))?;
    for _ in run.rounds() {
        scene.measure(&mut alone, || Ok(()))?;
        let crowd = scene.measure(&mut coming, || HostileLoad::gather(&target))?;
        scene.measure(&mut at_work, || crowd.wait_until_at_work())?;
        open.push(crowd.open_connections() as f64);
        visits.push(crowd.visits() as f64);
        drop(crowd);
        scene.wait_until_the_crowd_has_left()?;
    }
    let crowds = [("while the crowd comes", &coming), ("beside the crowd at work", &at_work)];
    Ok(report(&alone, crowds, &open, &visits))
}

fn report(alone: &Measured, crowds: [(&str, &Measured); 2], open: &Samples, visits: &Samples) -> Report {
    let mut report = Report {
        setting: "An upstream on loopback, clients one after the other; SQLite.".into(),
        ..Report::default()
    };
    for (kind, (_, name, _)) in KINDS.iter().enumerate() {
        let without = &alone.latencies[kind];
        report.measured(format!("{name}, alone"), "ms", without);
        for (when, beside) in crowds {
            let with = &beside.latencies[kind];
            report.measured(format!("{name}, {when}"), "ms", with);
            let (without, with) = (without.percentile(99), with.percentile(99));
            let ratio = with.zip(without).map(|(with, without)| with / without);
            let yardstick = Yardstick { name: "ours, alone".into(), value: without, ours: with, unit: "ms" };
            let name = format!("HOSTILE {name}, {when}: p99 as a multiple of that alone");
            report.goal_against(&name, ratio, Bound::AtMost(GOAL_SLOWER), "x", yardstick);
        }
    }
    for (when, measured) in [("alone", alone)].into_iter().chain(crowds) {
        report.measured(format!("peak memory of the server, {when}"), "MiB", &measured.peak);
        report.measured(format!("the same with git, {when}"), "MiB", &measured.peak_with_git);
    }
    let peaks = crowds.map(|(_, measured)| measured.peak.max());
    report.goal(
        "HOSTILE peak memory of the server with the crowd",
        peaks.into_iter().flatten().reduce(f64::max),
        Bound::AtMost(GOAL_MIB),
        "MiB",
    );
    report.measured("connections of the crowd that the server keeps", "", open);
    report.measured("connections that the crowd has made", "", visits);
    report.notes.push("the crowd runs on the server's cores, when no other process wants them".into());
    report
}

impl Scene {
    fn start(run: &Run) -> anyhow::Result<Self> {
        let settings = ["--trusted-proxies", NO_PROXY];
        let upstream = Upstream::start_with(&run.binary, &Site::loopback(), &settings)?;
        let folder = scratch::folder("repository")?;
        let source = folder.path().join("small.git");
        small_one(&Git::without_credentials(), &source)?;
        let repository = upstream.create_public_repository("small")?;
        let author = Author::of(&source)?;
        author.push_all(&upstream.git, &repository.url(&upstream.server))?;
        upstream.wait_for_housekeeping()?;
        let (tip, expected) = (author.tip()?, Expected::default());
        let limit_bytes = AtomicU64::new(FIRST_LIMIT_BYTES);
        Ok(Scene { upstream, repository, author, tip, expected, limit_bytes })
    }

    /// What the crowd asks for; a large repository is there for those who do not read what they get.
    fn target(&self, run: &Run) -> anyhow::Result<Target> {
        let (server, source) = (&self.upstream.server, run.large_repository()?);
        let large = self.upstream.create_public_repository("large")?;
        self.upstream.git.push_everything(&source, &large.url(server))?;
        self.upstream.wait_for_housekeeping()?;
        let large_tip = Git::without_credentials().run(&source, &["rev-parse", "HEAD"])?;
        let small = (self.repository.path(), self.tip.clone());
        Target::new(server.base_url(), small, (large.path(), large_tip))
    }

    /// Sets something up, and measures beside it; memory from the beginning.
    fn measure<T>(
        &self,
        measured: &mut Measured,
        set_up: impl FnOnce() -> anyhow::Result<T>,
    ) -> anyhow::Result<T> {
        let watch = memory::watch_peak(self.upstream.server.pid());
        let beside = set_up()?;
        // In turn, so that no kind alone meets the crowd when it comes.
        for step in 0..STEPS {
            for ((kind, name, times), latencies) in KINDS.iter().zip(&mut measured.latencies) {
                if step * times / STEPS == (step + 1) * times / STEPS {
                    continue;
                }
                let seconds = self.once(*kind).with_context(|| format!("a well-behaved client: {name}"))?;
                latencies.push(seconds * 1e3);
            }
        }
        let peak = watch.stop()?;
        measured.peak.push(peak.process.resident as f64 / MIB);
        measured.peak_with_git.push(peak.tree.resident as f64 / MIB);
        Ok(beside)
    }

    /// What ends connections is not to be measured as "alone".
    fn wait_until_the_crowd_has_left(&self) -> anyhow::Result<()> {
        let files = format!("/proc/{}/fd", self.upstream.server.pid());
        eventually("the crowd to leave", LEAVE_TIMEOUT, || {
            Ok((fs::read_dir(&files)?.count() < FILES_WITHOUT_CROWD).then_some(()))
        })
    }

    /// How long it takes, in seconds.
    fn once(&self, kind: Kind) -> anyhow::Result<f64> {
        let (server, rest) = (&self.upstream.server, &self.upstream.rest);
        let url = self.repository.url(server);
        if matches!(kind, Kind::Push) {
            self.author.commit()?;
        }
        let started = Instant::now();
        match kind {
            Kind::Listing => Request::info_refs(&url, None, Connection::Closed)?.send(|_| ())?,
            Kind::Rest => {
                let url = format!("{}{}", server.base_url(), self.repository.enriched_path());
                Request::get(&url, Some(rest.authorization()))?.send(|_| ())?;
            }
            Kind::HotClone => {
                let body = clone_request::clone([&self.tip], Depth::One);
                self.expected.ask(&Request::upload_pack(&url, None, &body, Connection::Closed)?)?;
            }
            Kind::ComputedFetch => {
                let limit_bytes = self.limit_bytes.fetch_add(1, Ordering::Relaxed);
                let body = clone_request::partial(&self.tip, limit_bytes);
                let request = Request::upload_pack(&url, None, &body, Connection::Closed)?;
                Expected::default().ask(&request)?;
            }
            Kind::Push => self.author.push(&self.upstream.git, &url)?,
        }
        Ok(started.elapsed().as_secs_f64())
    }
}
