//! What was done, counts, and what is wrong, in words.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::checker::Checker;
use crate::farm::Farm;
use crate::faults::Fault;
use crate::history::{History, Moment};
use crate::look::Look;

/// Findings that are printed; one fault often shows in many reads.
const SHOWN_FINDINGS: usize = 20;

/// Collects what is told at the end.
#[derive(Debug)]
pub struct Report {
    /// What is wrong.
    pub findings: Vec<String>,
    seed: u64,
    rounds: u32,
    faults: BTreeMap<Fault, u64>,
    of_this_round: u64,
    slowest: Duration,
}

impl Report {
    /// An empty one.
    pub fn new(seed: u64) -> Self {
        let faults = BTreeMap::new();
        Self { findings: Vec::new(), seed, rounds: 0, faults, of_this_round: 0, slowest: Duration::ZERO }
    }

    /// A fault was carried out.
    pub fn fault(&mut self, fault: Fault, server: &str, what: &str, now: Moment) {
        println!("{:>8.1} s  {server}: {what}", now.as_secs_f64());
        *self.faults.entry(fault).or_default() += 1;
        self.of_this_round += 1;
    }

    /// A round is over and was looked at.
    pub fn round(&mut self, took: Duration, look: &Look) {
        self.rounds += 1;
        let times: Vec<String> =
            look.converged.iter().map(|time| format!("{:.1} s", time.as_secs_f64())).collect();
        println!(
            "round {}: {} faults in {:.0} s; mirrors like the upstream after {}; {} repositories whole, {} clones of what \
             lasts; {} findings",
            self.rounds,
            std::mem::take(&mut self.of_this_round),
            took.as_secs_f64(),
            times.join(", "),
            look.whole,
            look.cloned,
            self.findings.len() + look.findings.len()
        );
        self.slowest = look.converged.iter().copied().fold(self.slowest, Duration::max);
    }

    /// Everything is over.
    pub fn end(&self, took: Duration, history: &History, checker: &Checker, farm: &Farm) {
        println!("\n{} rounds in {:.0} s", self.rounds, took.as_secs_f64());
        for (fault, count) in &self.faults {
            println!("{count:>8}  {fault:?}");
        }
        for (fault, count) in farm.line_counts() {
            println!("{count:>8}  line to {fault}");
        }
        for (what, count) in history.counts() {
            println!("{count:>8}  {what}");
        }
        let staleness = checker.staleness();
        println!(
            "of {} reads at mirrors {} were stale while a fault or the recovery from it went on (at most {:.1} s after \
             the acknowledgement), and {} without one (at most {:.3} s); {} of them were said to be current",
            staleness.reads,
            staleness.explained,
            staleness.longest_explained.as_secs_f64(),
            staleness.unexplained,
            staleness.longest_unexplained.as_secs_f64(),
            staleness.called_current
        );
        println!(
            "mirrors were like the upstream at most {:.1} s after the faults; a right that was taken was honoured by a \
             mirror for at most {:.1} s",
            self.slowest.as_secs_f64(),
            checker.longest_outlived_right().as_secs_f64()
        );
    }

    /// Prints what is wrong, and how to repeat the run.
    pub fn conclude(&self) {
        for finding in self.findings.iter().take(SHOWN_FINDINGS) {
            eprintln!("\nfinding: {finding}");
        }
        if let Some(more) = self.findings.len().checked_sub(SHOWN_FINDINGS).filter(|more| *more > 0) {
            eprintln!("\nand {more} more");
        }
        let verdict = if self.findings.is_empty() { "clean" } else { "broken" };
        println!("{verdict}; --seed {} does the same again, but for how threads take turns", self.seed);
    }
}
