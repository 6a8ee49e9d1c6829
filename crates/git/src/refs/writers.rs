//! Which processes of ours write into which repository at the moment, and since when: what is older than all of them was
//! left by one that was killed.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use parking_lot::Mutex;

use crate::refs::SharedRefs;

/// How much older a file may seem than it is: file systems keep time in coarser steps than the clock shows.
const COARSE_TIME: Duration = Duration::from_secs(1);

/// The living writers of a store's repositories.
#[derive(Debug, Default)]
pub(crate) struct Writers(Mutex<Register>);

#[derive(Debug, Default)]
struct Register {
    /// Counts all writers there ever were.
    next: u64,
    /// By repository and number.
    living: HashMap<u64, HashMap<u64, Life>>,
}

#[derive(Debug, Clone, Copy)]
struct Life {
    began: SystemTime,
    /// When it was last given something to read, which it needs to the end before it changes references.
    fed: SystemTime,
}

/// A process that writes references: as long as it lives, their lock files may be its own.
#[derive(Debug)]
pub(crate) struct RefWriter {
    refs: Arc<SharedRefs>,
    repository: u64,
    number: u64,
}

/// Before these moments no living process of ours can have written into a repository.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct OldestWriter {
    /// Objects; `None` when no process writes.
    pub(crate) objects: Option<SystemTime>,
    /// References, and locks on them.
    pub(crate) refs: Option<SystemTime>,
}

impl Writers {
    /// Since when a process writes into this repository.
    pub(crate) fn oldest(&self, repository: u64) -> OldestWriter {
        let register = self.0.lock();
        let living = || register.living.get(&repository).into_iter().flat_map(HashMap::values);
        OldestWriter {
            objects: living().map(|life| life.began).min(),
            refs: living().map(|life| life.fed).min(),
        }
    }

    fn begin(&self, repository: u64) -> u64 {
        let mut register = self.0.lock();
        let number = register.next;
        register.next += 1;
        let now = SystemTime::now();
        register.living.entry(repository).or_default().insert(number, Life { began: now, fed: now });
        number
    }

    fn change(&self, writer: &RefWriter, change: impl FnOnce(&mut HashMap<u64, Life>)) {
        let mut register = self.0.lock();
        if let Some(living) = register.living.get_mut(&writer.repository) {
            change(living);
            if living.is_empty() {
                register.living.remove(&writer.repository);
            }
        }
    }
}

/// Whether a file of this time is older than all that began at that moment. Not while the clock has been turned back
/// meanwhile: then the two tell nothing about each other.
pub(crate) fn is_older(file: SystemTime, began: SystemTime) -> bool {
    began <= SystemTime::now() && file.checked_add(COARSE_TIME).is_some_and(|file| file < began)
}

impl RefWriter {
    pub(crate) fn new(refs: Arc<SharedRefs>, repository: u64) -> Self {
        let number = refs.writers.begin(repository);
        Self { refs, repository, number }
    }

    /// Which repository it writes into, and what shares its references.
    pub(crate) fn target(&self) -> (&SharedRefs, u64) {
        (&self.refs, self.repository)
    }

    /// It is given something more to read: until now it cannot have begun with references.
    pub(crate) fn is_fed(&self) {
        self.refs.writers.change(self, |living| {
            if let Some(life) = living.get_mut(&self.number) {
                life.fed = SystemTime::now();
            }
        });
    }
}

impl Drop for RefWriter {
    fn drop(&mut self) {
        self.refs.writers.change(self, |living| {
            living.remove(&self.number);
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_oldest_living_writer_counts_and_one_that_is_still_fed_has_no_locks() {
        let refs = Arc::new(SharedRefs::new(1_000));
        assert_eq!(refs.writers.oldest(7), OldestWriter::default());
        let slow = RefWriter::new(Arc::clone(&refs), 7);
        let began = refs.writers.oldest(7).objects.expect("one writes");
        let other = RefWriter::new(Arc::clone(&refs), 7);
        slow.is_fed();
        let oldest = refs.writers.oldest(7);
        assert_eq!(oldest.objects, Some(began));
        assert!(oldest.refs.is_some_and(|fed| fed >= began));
        assert_eq!(refs.writers.oldest(8), OldestWriter::default());
        drop((slow, other));
        assert!(refs.writers.0.lock().living.is_empty());
    }

    #[test]
    fn a_file_is_older_only_by_more_than_a_file_system_may_err() {
        let now = SystemTime::now();
        assert!(is_older(now - 2 * COARSE_TIME, now));
        assert!(!is_older(now - COARSE_TIME / 2, now));
        let hour = Duration::from_hours(1);
        assert!(!is_older(now - hour, now + hour), "the clock was turned back");
    }
}
