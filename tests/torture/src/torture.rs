//! The torture itself: rounds of work under faults, each followed by a look and a judgement.

use std::thread;
use std::time::{Duration, Instant};

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::checker::{Checker, FaultWindow, Forgotten, Promises};
use crate::farm::{Farm, FarmOptions, Mode, REPOSITORIES, Role, SERVE_STALE_SECONDS};
use crate::faults::{Fault, carry_out};
use crate::history::History;
use crate::look::look;
use crate::report::Report;
use crate::work::{Administrator, Cloner, Guest, World, Writer, list, watch};

/// How long faults go on before a look.
const ROUND: Duration = Duration::from_secs(30);
const WRITERS: usize = 3;
/// The place of the upstream.
const UPSTREAM: usize = 0;
/// How often a line is faulty during a fault of another kind.
const FAULTY_LINES: f64 = 0.35;
/// Decisions are kept for a minute, and while the upstream cannot be reached; then come the back-offs of deliveries.
const RIGHT_LASTS: Duration = Duration::from_secs(60 + SERVE_STALE_SECONDS + 60);

/// What to do, and for how long.
#[derive(Debug)]
pub struct Torture {
    /// How long.
    pub time: Duration,
    /// What chance begins with.
    pub seed: u64,
    /// What may happen.
    pub kinds: Vec<Fault>,
}

/// All who work, from round to round.
struct Workers {
    writers: Vec<Writer>,
    administrator: Administrator,
    cloner: Cloner,
    guest: Guest,
}

/// What happened in a round.
#[derive(Debug, Default)]
struct Happened {
    windows: Vec<FaultWindow>,
    forgotten: Vec<Forgotten>,
    findings: Vec<String>,
}

impl Torture {
    /// Tortures until the time is over, or something is wrong.
    pub fn run(&self, options: &FarmOptions) -> anyhow::Result<Report> {
        let mut chance = StdRng::seed_from_u64(self.seed);
        let mut farm = Farm::start(options, self.seed)?;
        let history = History::new();
        let places = farm.places.clone();
        let names: Vec<String> = places.iter().map(|place| place.name.clone()).collect();
        let of_origin = (0..places.len()).filter(|place| places[*place].role == Role::OfOrigin).collect();
        let promises = Promises { right_lasts: RIGHT_LASTS, with_leases: options.lease.is_some(), of_origin };
        let mut checker = Checker::new(&names, &REPOSITORIES, promises);
        let mut workers = Workers {
            writers: (0..WRITERS).map(Writer::new).collect(),
            administrator: Administrator::default(),
            cloner: Cloner::new()?,
            guest: Guest::new(&World::new(&places, &history))?,
        };
        let mut report = Report::new(self.seed);
        let started = Instant::now();
        let mut windows = Vec::new();
        while started.elapsed() < self.time && report.findings.is_empty() {
            let begun = Instant::now();
            let world = World::new(&places, &history);
            let end = history.now() + ROUND.min(self.time.saturating_sub(started.elapsed()));
            let happened = self.round(&mut farm, &world, &mut workers, end, &mut chance, &mut report);
            windows.extend(happened.windows);
            report.findings.extend(happened.findings);
            if !report.findings.is_empty() {
                break;
            }
            let look = look(&farm, &world, &workers.administrator);
            let judged = checker.judge(history.take(), &windows, &happened.forgotten);
            report.findings.extend(judged);
            report.findings.extend(farm.nodes.iter().flat_map(|node| {
                let name = &node.name;
                node.panics().into_iter().map(move |line| format!("{name}: {line}"))
            }));
            report.round(begun.elapsed(), &look);
            report.findings.extend(look.findings);
        }
        report.end(started.elapsed(), &history, &checker, &farm);
        Ok(report)
    }

    /// Everybody works, and faults happen, until a moment.
    fn round(
        &self,
        farm: &mut Farm,
        world: &World,
        workers: &mut Workers,
        end: Duration,
        chance: &mut StdRng,
        report: &mut Report,
    ) -> Happened {
        let mut seed = || StdRng::seed_from_u64(chance.random());
        let Workers { writers, administrator, cloner, guest } = workers;
        let mut happened = thread::scope(|scope| {
            // Workers end however this ends.
            let _stop = StopAtTheEnd(world);
            for writer in writers {
                let chance = seed();
                scope.spawn(move || writer.work(world, chance));
            }
            for place in 0..world.places.len() {
                let chance = seed();
                scope.spawn(move || list(world, place, chance));
            }
            let chances = [seed(), seed(), seed()];
            let [first, second, third] = chances;
            scope.spawn(move || administrator.work(world, first));
            scope.spawn(move || cloner.work(world, second));
            scope.spawn(move || guest.work(world, third));
            scope.spawn(move || watch(world));
            let mut faults = seed();
            self.faults(farm, world, end, &mut faults, report)
        });
        for node in &mut farm.nodes {
            node.set_line(Mode::Good);
            if let Some(how) = node.end() {
                happened.findings.push(format!("{} ended by itself, {how}:\n{}", node.name, node.log_end()));
            }
        }
        happened
    }

    fn faults(
        &self,
        farm: &mut Farm,
        world: &World,
        end: Duration,
        chance: &mut StdRng,
        report: &mut Report,
    ) -> Happened {
        let mut happened = Happened::default();
        while world.history.now() < end {
            let begun = world.history.now();
            if self.kinds.contains(&Fault::FaultyLine) {
                for node in &farm.nodes {
                    node.set_line(if chance.random_bool(FAULTY_LINES) { Mode::Faulty } else { Mode::Good });
                }
            }
            if let Some((fault, victim)) = Fault::choose(&self.kinds, &farm.nodes, chance) {
                let node = &mut farm.nodes[victim];
                if let Some(how) = node.end() {
                    let what = format!("{} ended by itself, {how}:\n{}", node.name, node.log_end());
                    happened.findings.push(what);
                    break;
                }
                match carry_out(fault, node, chance) {
                    Ok(done) => {
                        let may_forget = node.forgets || victim == UPSTREAM;
                        if let Some(instant) = done.forgot_before.filter(|_| may_forget) {
                            let restarted = world.history.moment_of(instant);
                            happened.forgotten.push(Forgotten { place: victim, restarted });
                        }
                        report.fault(fault, &node.name, &done.what, world.history.now());
                    }
                    Err(error) => {
                        happened.findings.push(format!("{}: {error:#}", node.name));
                        break;
                    }
                }
            }
            world.pause(chance.random_range(100..1_500));
            happened.windows.push(FaultWindow { begun, over: world.history.now() });
        }
        happened
    }
}

struct StopAtTheEnd<'a>(&'a World<'a>);

impl Drop for StopAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.stop();
    }
}
