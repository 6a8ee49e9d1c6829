//! Who reads a repository at the moment, so that nothing is removed while a reader may still need it.
//!
//! Git finds an object through what it has looked up before, and not every version looks again when a pack is gone:
//! a `pack-objects` that copies a pack whole fails. So every process that works on a repository holds a [`Reader`],
//! and a pack that was replaced is removed only after all who began before it was replaced have ended. Those who
//! began later found its successor first. Readers do not wait for the removal; under constant load it happens all the same,
//! because only the readers of that one moment must end.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// All readers of all repositories. Cloning is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<Mutex<Register>>);

#[derive(Debug, Default)]
struct Register {
    /// Counts all readers there ever were.
    next: u64,
    /// Those that have not ended, by repository.
    open: HashMap<PathBuf, BTreeSet<u64>>,
}

/// A moment between readers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Moment(u64);

/// A process that reads, until it is dropped.
#[derive(Debug)]
pub struct Reader {
    readers: Readers,
    repository: PathBuf,
    number: u64,
}

impl Readers {
    /// Notes that a process begins to read the repository at this path.
    pub fn begin(&self, repository: &Path) -> Reader {
        let mut register = self.lock();
        let number = register.next;
        register.next += 1;
        register.open.entry(repository.to_owned()).or_default().insert(number);
        Reader { readers: self.clone(), repository: repository.to_owned(), number }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment(self.lock().next)
    }

    /// Whether all who began to read this repository before that moment have ended.
    pub fn have_ended(&self, repository: &Path, before: Moment) -> bool {
        let register = self.lock();
        let oldest = register.open.get(repository).and_then(BTreeSet::first);
        oldest.is_none_or(|number| *number >= before.0)
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.0.lock()
    }
}

impl Drop for Reader {
    fn drop(&mut self) {
        let mut register = self.readers.lock();
        if let Some(open) = register.open.get_mut(&self.repository) {
            open.remove(&self.number);
            if open.is_empty() {
                register.open.remove(&self.repository);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_earlier_readers_of_the_same_repository_count() {
        let readers = Readers::default();
        let (one, two) = (Path::new("/one.git"), Path::new("/two.git"));
        let early = readers.begin(one);
        let other = readers.begin(two);
        let moment = readers.now();
        let late = readers.begin(one);
        assert!(!readers.have_ended(one, moment));
        drop(early);
        assert!(readers.have_ended(one, moment));
        assert!(!readers.have_ended(two, moment));
        drop((other, late));
        assert!(readers.lock().open.is_empty());
    }
}
