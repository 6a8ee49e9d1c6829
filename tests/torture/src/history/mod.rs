//! What was done and what was seen, each with when it was asked and when it was answered.
//!
//! Judged after the fact, so that no client waits for a judge.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use parking_lot::Mutex;

/// Time since the torture began.
pub type Moment = Duration;

/// A reference of a repository that lasts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Reference {
    /// Which repository, by its place in the list of them.
    pub repository: usize,
    /// The full name.
    pub name: String,
}

/// How a change ended for the client who asked for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// It was acknowledged.
    Acknowledged,
    /// It was refused: nothing has changed and nothing will.
    Refused,
    /// Unknown: it may have been carried out, or may still be.
    Open,
}

/// A change that was asked for.
#[derive(Debug, Clone)]
pub struct Asked<T> {
    /// What was to be.
    pub change: T,
    /// When it was asked for.
    pub asked: Moment,
    /// When its end was known.
    pub ended: Moment,
    /// How it ended.
    pub ending: Ending,
}

/// A reference is to lead there, or is to be deleted.
#[derive(Debug, Clone)]
pub struct RefChange {
    /// Which.
    pub reference: Reference,
    /// The object that it is to lead to.
    pub target: Option<String>,
}

/// A change in the life of a repository that does not last.
#[derive(Debug, Clone)]
pub struct LifeChange {
    /// Which life, by a number of our own.
    pub life: u32,
    /// What is to happen to it.
    pub event: LifeEvent,
}

/// What happens to a repository.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LifeEvent {
    /// It is made under this name.
    Created(String),
    /// It is given another name.
    Renamed(String),
    /// Its branch is pushed.
    Pushed(String),
    /// It is deleted.
    Deleted,
}

/// Something that was seen at a place.
#[derive(Debug, Clone)]
pub struct Seen<T> {
    /// Which server, by its place in the list of them; the upstream is the first.
    pub place: usize,
    /// When it was asked.
    pub asked: Moment,
    /// When it was answered.
    pub answered: Moment,
    /// What was seen.
    pub what: T,
}

/// The references of a repository that lasts.
#[derive(Debug, Clone)]
pub struct Listing {
    /// Which repository.
    pub repository: usize,
    /// All of them.
    pub refs: BTreeMap<String, String>,
    /// How fresh a mirror said that this is, or who else has read it.
    pub freshness: String,
}

/// An object that a server was asked for and did not give.
#[derive(Debug, Clone)]
pub struct Denied {
    /// Of which repository that lasts.
    pub repository: usize,
    /// Its name.
    pub target: String,
    /// In which words.
    pub denial: Denial,
}

/// What a server says of an object that it does not give.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Denial {
    /// It is none of the repository's.
    NotOurs,
    /// Only the upstream can tell, and does not.
    NotNow,
}

/// A repository that does not last, under a name.
#[derive(Debug, Clone)]
pub struct Glimpse {
    /// The name that was asked for.
    pub slug: String,
    /// Where its branch leads; `None` when there is no such repository.
    pub found: Option<Option<String>>,
}

/// Everything since the last judgement.
#[derive(Debug, Default)]
pub struct Records {
    /// Changes of references, in the order in which they were asked for.
    pub ref_changes: Vec<Asked<RefChange>>,
    /// Lists of references.
    pub listings: Vec<Seen<Listing>>,
    /// Changes of repositories, in their order.
    pub life_changes: Vec<Asked<LifeChange>>,
    /// Looks at repositories that do not last.
    pub glimpses: Vec<Seen<Glimpse>>,
    /// The guest's right to read was given or taken, in this order.
    pub grants: Vec<Asked<bool>>,
    /// Objects that a server did not give after it had listed them.
    pub denials: Vec<Seen<Denied>>,
    /// Whether the guest was let in.
    pub visits: Vec<Seen<bool>>,
    /// Generations that a mirror told, by repository.
    pub generations: Vec<Seen<(usize, u64)>>,
    /// What was wrong at once, whatever else happened.
    pub findings: Vec<String>,
}

/// Takes records from all clients.
#[derive(Debug)]
pub struct History {
    begun: Instant,
    records: Mutex<Records>,
    counts: Mutex<BTreeMap<String, u64>>,
}

impl History {
    /// An empty one, which begins now.
    pub fn new() -> Self {
        Self { begun: Instant::now(), records: Mutex::default(), counts: Mutex::default() }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        self.begun.elapsed()
    }

    /// When something was.
    pub fn moment_of(&self, instant: Instant) -> Moment {
        instant.duration_since(self.begun)
    }

    /// A change is about to be asked for; its number, to be used once for [`History::end`].
    pub fn ask(&self, change: RefChange) -> usize {
        let now = self.now();
        let mut records = self.records.lock();
        records.ref_changes.push(Asked { change, asked: now, ended: now, ending: Ending::Open });
        records.ref_changes.len() - 1
    }

    /// How a change ended that was asked for.
    pub fn end(&self, number: usize, ending: Ending) {
        let now = self.now();
        let mut records = self.records.lock();
        let asked = &mut records.ref_changes[number];
        (asked.ended, asked.ending) = (now, ending);
    }

    /// Notes anything else.
    pub fn note(&self, note: impl FnOnce(&mut Records)) {
        note(&mut self.records.lock());
    }

    /// Notes what is wrong whatever else happened.
    pub fn find(&self, finding: String) {
        self.note(|records| records.findings.push(finding));
    }

    /// Counts what was done.
    pub fn count(&self, what: &str) {
        *self.counts.lock().entry(what.to_owned()).or_default() += 1;
    }

    /// Takes everything since the last time; no change may be under way.
    pub fn take(&self) -> Records {
        std::mem::take(&mut self.records.lock())
    }

    /// How often what was done, since the beginning.
    pub fn counts(&self) -> BTreeMap<String, u64> {
        self.counts.lock().clone()
    }
}
