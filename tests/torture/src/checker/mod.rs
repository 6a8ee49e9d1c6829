//! Judges the history after the fact.
//!
//! Checkers that exist do not fit: `spectroscope` judges sets whose every read shows all elements ever added, and that
//! under a licence that this project does not take; general ones (`stateright`, ports of Knossos and Porcupine) search for
//! an order of all operations, which takes exponential time. Here the order is known: one client changes a reference, by
//! comparing and swapping, and no value comes twice. What a read shows is then a place in that order, and one pass over
//! the history tells whether it was lost, went back or never was.

mod course;
mod generations;
mod lives;
mod references;
mod rights;
mod staleness;

use std::collections::BTreeSet;
use std::time::Duration;

use crate::history::{Moment, Records};
use generations::Generations;
use lives::Lives;
use references::References;
use rights::Rights;
pub use staleness::Staleness;

/// A while during which something was done to servers or lines.
#[derive(Debug, Clone)]
pub struct FaultWindow {
    /// When it began.
    pub begun: Moment,
    /// When it was over.
    pub over: Moment,
}

/// The power of a server went that may forget something: a relaxed mirror all that it has shown, the upstream what it has
/// shown and not acknowledged.
#[derive(Debug, Clone, Copy)]
pub struct Forgotten {
    /// Which server.
    pub place: usize,
    /// When it was started again.
    pub restarted: Moment,
}

/// What the servers promise.
#[derive(Debug)]
pub struct Promises {
    /// A right that was taken away may be honoured by mirrors for so long.
    pub right_lasts: Duration,
    /// A mirror that is late must say so.
    pub with_leases: bool,
    /// These places ask the upstream at each list, or say that it has not answered.
    pub of_origin: BTreeSet<usize>,
}

/// Knows everything that was judged before.
#[derive(Debug)]
pub struct Checker {
    references: References,
    lives: Lives,
    rights: Rights,
    generations: Generations,
}

impl Checker {
    /// One that has seen nothing.
    pub fn new(places: &[String], repositories: &[&str], promises: Promises) -> Self {
        Self {
            lives: Lives::new(places),
            rights: Rights::new(places, promises.right_lasts),
            references: References::new(places, repositories, promises),
            generations: Generations::new(places, repositories),
        }
    }

    /// What is wrong in what was done and seen since the last time.
    pub fn judge(
        &mut self,
        records: Records,
        faults: &[FaultWindow],
        forgotten: &[Forgotten],
    ) -> Vec<String> {
        let Records { ref_changes, listings, denials, life_changes, glimpses, grants, .. } = records;
        let Records { visits, generations, findings, .. } = records;
        let mut all = findings;
        all.extend(self.references.judge(ref_changes, listings, faults, forgotten));
        all.extend(self.references.judge_denials(&denials));
        all.extend(self.lives.judge(life_changes, &glimpses));
        all.extend(self.rights.judge(grants, &visits));
        all.extend(self.generations.judge(generations, forgotten));
        all
    }

    /// How late mirrors were.
    pub fn staleness(&self) -> &Staleness {
        self.references.staleness()
    }

    /// For how long at most a reader was let in at a mirror whose right was taken.
    pub fn longest_outlived_right(&self) -> Duration {
        self.rights.longest_outlived()
    }
}
