//! B24: mirrors of a Git server that is not ours, 60 ms and 20 Mbit/s away, which knows its readers by their passwords.
//!
//! In each round each mirror begins with nothing, has the network for itself, and is asked the same in the same order.
//! Mirror and clients stand for machines of their own: each has a core, where there are two. The origin takes either.
//! All are fresh by their settings: they ask the origin for what is new each time. What they show is compared with
//! what the origin has right after a push, and those are refused by a mirror that keeps rights who may not read.

use std::path::Path;
use std::time::Duration;

use anyhow::Context;

use crate::client::clone_request::{self, Depth, listing};
use crate::client::namespace_client::{NamespaceClient, Task};
use crate::client::raw_post::{Connection, Request};
use crate::measuring::cores::Core;
use crate::network::{self, Line, Network};
use crate::origin_testbed::{Asked, Between, Origin, outsiders};
use crate::peers::origin_mirrors::OriginMirror;
use crate::repositories::git::{Git, branches_and_tags, text};
use crate::results::comparison::{Series, Times, compare};
use crate::results::report::{Bound, Report};
use crate::run::Run;
use crate::scratch;
use crate::testbed::Contender;

/// One line for the list.
pub const SUMMARY: &str =
    "mirrors of a foreign server 60 ms and 20 Mbit/s away, with rights: what clients wait for";

const LINE: Line =
    Line { way: Duration::from_millis(30), bytes_per_second: 20e6 / 8.0, queue_bytes: 800_000 };
const AT_ONCE: usize = 32;
/// After so many pushes a mirror is looked at, each time at once.
const LOOKS: usize = 3;

/// What is measured, in the order in which it happens; the origin itself is asked all but the last.
const STEPS: [(&str, Times); 8] = [
    ("first clone", Times { name: "B24 first clone, times faster", at_least: 1.0 }),
    ("second clone", Times { name: "B24 second clone, times faster", at_least: 1.0 }),
    ("first depth=1 clone", Times { name: "B24 first depth=1 clone, times faster", at_least: 1.0 }),
    ("second depth=1 clone", Times { name: "B24 second depth=1 clone, times faster", at_least: 1.0 }),
    ("ls-remote", Times { name: "B24 ls-remote, times faster", at_least: 1.0 }),
    (
        "first fetch of a new commit",
        Times { name: "B24 first fetch of a new commit, times faster", at_least: 1.0 },
    ),
    ("second fetch of it", Times { name: "B24 second fetch of a new commit, times faster", at_least: 1.0 }),
    (
        "32 depth=1 clones at once of a new commit (raw)",
        Times { name: "B24 32 depth=1 clones at once of a new commit (raw), times faster", at_least: 1.0 },
    ),
];

/// One of those who are compared, and what was seen of them.
struct Candidate {
    between: Between,
    steps: Vec<Series>,
    reads: Reads,
    failure: Option<String>,
}

/// Answers that must not be, among all of their kind.
#[derive(Debug, Default, Clone, Copy)]
struct Reads {
    /// Older than a push that had ended.
    stale: usize,
    fresh: usize,
    /// To a client that may not read.
    foreign: usize,
    refused: usize,
}

/// Makes the network, and asks over it.
pub fn run(run: &Run) -> anyhow::Result<Report> {
    if let Some(reason) = network::why_not().or_else(Origin::why_not) {
        return Ok(Report { setting: format!("Skipped: {reason}."), ..Report::default() });
    }
    let source = run.tool_repository()?;
    // Dropped last: the servers listen on its devices.
    let network = Network::make(LINE)?;
    let origin = Origin::start(&network, &source)?;
    let mut client = {
        let _there = Core::Last.enter()?;
        NamespaceClient::start(&network.clients)?
    };

    let mut report = Report { setting: setting(&source)?, ..Report::default() };
    let mut candidates = vec![Candidate::new(Between::Ours)];
    for kind in OriginMirror::ALL {
        match kind.why_absent() {
            None => candidates.push(Candidate::new(Between::Peer(kind))),
            Some(reason) => report.notes.push(format!("left out: {reason}")),
        }
    }
    candidates.push(Candidate::new(Between::Nothing));

    for round in run.rounds() {
        for turn in 0..candidates.len() {
            let index = (turn + round) % candidates.len();
            candidates[index].visit(&run.binary, &origin, &mut client)?;
        }
        candidates.retain(|candidate| match &candidate.failure {
            Some(failure) => {
                report.notes.push(format!("left out: {} failed: {failure}", candidate.between.name()));
                false
            }
            None => true,
        });
    }
    conclude(&mut report, &candidates);
    Ok(report)
}

fn setting(source: &Path) -> anyhow::Result<String> {
    let git = Git::without_credentials();
    let (size, refs) = (git.size_mib(source)?, branches_and_tags(&git.refs(source)?).len());
    Ok(format!(
        "{}: {size:.1} MiB, {refs} branches and tags, small because each clone of 75 MB would take half a minute over \
         the line; clients and mirrors on a LAN of 1 Gbit/s, nginx with git http-backend and passwords at the far end.",
        source.display()
    ))
}

fn conclude(report: &mut Report, candidates: &[Candidate]) {
    for (number, (what, goal)) in STEPS.into_iter().enumerate() {
        let steps = candidates.iter().map(|candidate| candidate.steps[number].clone());
        let measured: Vec<_> = steps.filter(|series| series.samples.len() > 0).collect();
        compare(report, what, "s", &measured, Some(goal));
    }
    for Candidate { between, reads, .. } in candidates {
        let Reads { stale, fresh, foreign, refused } = reads;
        if *between == Between::Ours {
            let bound = Bound::AtMost(0.0);
            report.goal("B24 stale reads right after a push", Some(*stale as f64), bound, "reads");
            report.goal("B24 answers to who may not read", Some(*foreign as f64), bound, "answers");
        }
        if *between != Between::Nothing {
            report.notes.push(format!(
                "{}: {stale} of {} reads right after a push were stale, {foreign} of {} questions of people who may not \
                 read were answered",
                between.name(),
                stale + fresh,
                foreign + refused
            ));
        }
    }
    report.notes.extend([
        "git-cache-proxy knows no rights and has one credential; the others ask the origin about each reader, nginx \
         and ours for what follows within 5 s only once"
            .to_owned(),
        "the origin itself is told beside the mirrors and judges none; 32 at once are not asked of it".to_owned(),
        "without TLS".to_owned(),
    ]);
    report.notes.push(if Core::are_two() {
        "mirrors run on the first core, clients on the last".to_owned()
    } else {
        "mirrors and clients share the only core".to_owned()
    });
}

impl Candidate {
    fn new(between: Between) -> Self {
        Candidate { between, steps: Vec::new(), reads: Reads::default(), failure: None }
    }

    /// Starts it, and asks everything once; one that is neither ours nor the origin may fail, and is left out then.
    fn visit(&mut self, binary: &Path, origin: &Origin, client: &mut NamespaceClient) -> anyhow::Result<()> {
        eprintln!("   asking {}", self.between.name());
        let visited = origin.put(self.between, binary).and_then(|asked| {
            if self.steps.is_empty() {
                self.steps = STEPS.map(|_| Series::of(&asked.contender)).into();
            }
            let seconds = self.ask(&asked, origin, client).map_err(|error| asked.explain(error))?;
            for (series, seconds) in self.steps.iter_mut().zip(seconds) {
                series.samples.push(seconds);
            }
            Ok(())
        });
        match (visited, self.between) {
            (Err(error), Between::Peer(_)) => {
                self.failure = Some(format!("{error:#}"));
                Ok(())
            }
            (visited, _) => visited.with_context(|| format!("{} failed", self.between.name())),
        }
    }

    /// Takes the steps; returns how many seconds each took.
    fn ask(
        &mut self,
        asked: &Asked,
        origin: &Origin,
        client: &mut NamespaceClient,
    ) -> anyhow::Result<Vec<f64>> {
        let Contender { url, authorization, .. } = &asked.contender;
        let folder = scratch::folder_in_memory("clone")?;
        let mut git = |folder: &Path, arguments: &[&str]| {
            client.run(&Task::Git {
                arguments: arguments.iter().map(|argument| (*argument).to_owned()).collect(),
                folder: folder.to_owned(),
                authorization: authorization.clone(),
            })
        };
        let mut seconds = Vec::new();
        let clones = ["first", "second"].map(|name| folder.path().join(name));
        for clone in &clones {
            seconds.push(git(folder.path(), &["clone", "--quiet", "--bare", url, text(clone)?])?);
            origin.check_clone(clone, Depth::Full)?;
        }
        for name in ["first-shallow", "second-shallow"] {
            let clone = folder.path().join(name);
            let arguments =
                ["clone", "--quiet", "--bare", "--depth", "1", "--branch", origin.branch(), url.as_str()];
            seconds.push(git(folder.path(), &[&arguments[..], &[text(&clone)?][..]].concat())?);
            origin.check_clone(&clone, Depth::One)?;
        }
        seconds.push(git(folder.path(), &["ls-remote", "--quiet", url])?);
        origin.push()?;
        for clone in &clones {
            seconds.push(git(clone, &["fetch", "--quiet", url, "+refs/heads/*:refs/heads/*"])?);
            self.reads.after_a_push(origin.is_newest_in(clone)?);
        }
        if self.between == Between::Nothing {
            return Ok(seconds);
        }

        origin.push()?;
        let fetch = String::from_utf8(clone_request::clone([&origin.tip()?], Depth::One))?;
        seconds.push(client.run(&Task::Conversations {
            url: url.clone(),
            authorization: authorization.clone(),
            fetch: fetch.clone(),
            at_once: AT_ONCE,
        })?);
        for _ in 0..LOOKS {
            origin.push()?;
            let shown = branches_and_tags(&asked.contender.refs()?);
            self.reads.after_a_push(shown == origin.refs()?);
        }
        // The reader was given all of this just now.
        for authorization in outsiders() {
            let authorization = authorization.as_deref();
            let questions = [
                Request::info_refs(url, authorization, Connection::Closed)?,
                Request::upload_pack(url, authorization, &listing(&[]), Connection::Closed)?,
                Request::upload_pack(url, authorization, fetch.as_bytes(), Connection::Closed)?,
            ];
            for question in questions {
                self.reads.by_an_outsider(question.is_refused()?);
            }
        }
        Ok(seconds)
    }
}

impl Reads {
    fn after_a_push(&mut self, is_fresh: bool) {
        let count = if is_fresh { &mut self.fresh } else { &mut self.stale };
        *count += 1;
    }

    fn by_an_outsider(&mut self, is_refused: bool) {
        let count = if is_refused { &mut self.refused } else { &mut self.foreign };
        *count += 1;
    }
}
