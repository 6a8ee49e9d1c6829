//! Who reads the packs of a repository at the moment, so that none is removed while a reader may still need it.
//!
//! Git finds an object through what it has looked up before, and not every version looks again when a pack is gone:
//! a `pack-objects` that copies a pack whole fails. So each process that may do so holds a [`Reader`]. It holds up the
//! packs that it may have found, and no others:
//!
//! ```text
//!   reader      began ────── settled ─────────────────── ended
//!   pack        came somewhere ...... replaced ......... removed
//! ```
//!
//! - One who began after a pack was replaced has found its successor first.
//! - One who has settled knows where each of its objects lies: a pack that came later is of no use to it.
//!
//! So no reader waits for a removal, and a reader who takes hours holds up what was there when it settled, but nothing
//! of what comes and goes afterwards.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use parking_lot::{Mutex, MutexGuard};

/// All readers of all repositories. Cloning is cheap and shares them.
#[derive(Debug, Clone, Default)]
pub struct Readers(Arc<Mutex<Register>>);

#[derive(Debug, Default)]
struct Register {
    /// Counts whenever a reader begins or settles.
    next: u64,
    /// Those that have not ended, by repository and number, and when they have settled.
    open: HashMap<PathBuf, BTreeMap<u64, Option<u64>>>,
}

/// A moment between readers. The default is before all of them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord)]
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
        let number = register.count();
        register.open.entry(repository.to_owned()).or_default().insert(number, None);
        Reader { readers: self.clone(), repository: repository.to_owned(), number }
    }

    /// Now.
    pub fn now(&self) -> Moment {
        Moment(self.lock().next)
    }

    /// Whether any process reads this repository.
    pub fn are_any(&self, repository: &Path) -> bool {
        self.lock().open.contains_key(repository)
    }

    /// Whether a reader may still need a pack of this repository that was not there before `came`, and that another has
    /// replaced since `replaced`.
    pub fn may_need(&self, repository: &Path, came: Moment, replaced: Moment) -> bool {
        let register = self.lock();
        let Some(open) = register.open.get(repository) else { return false };
        open.range(..replaced.0).any(|(_, settled)| settled.is_none_or(|settled| settled >= came.0))
    }

    fn lock(&self) -> MutexGuard<'_, Register> {
        self.0.lock()
    }
}

impl Register {
    fn count(&mut self) -> u64 {
        let number = self.next;
        self.next += 1;
        number
    }
}

impl Reader {
    /// Notes that it looks for no more objects: it knows where all that it needs lie.
    pub fn settle(&self) {
        let mut register = self.readers.lock();
        let now = register.count();
        let slot = register.open.get_mut(&self.repository).and_then(|open| open.get_mut(&self.number));
        if let Some(settled) = slot {
            settled.get_or_insert(now);
        }
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
        let replaced = readers.now();
        let late = readers.begin(one);
        let may_need = |path: &Path| readers.may_need(path, Moment::default(), replaced);
        assert!(may_need(one));
        drop(early);
        assert!(!may_need(one) && readers.are_any(one));
        assert!(may_need(two));
        drop((other, late));
        assert!(!readers.are_any(one) && readers.lock().open.is_empty());
    }

    #[test]
    fn one_who_has_settled_needs_nothing_that_came_later() {
        let readers = Readers::default();
        let path = Path::new("/one.git");
        let slow = readers.begin(path);
        let came = readers.now();
        let may_need = |came| readers.may_need(path, came, readers.now());
        assert!(may_need(came));
        slow.settle();
        assert!(may_need(came), "it may have come before");
        let came_later = readers.now();
        slow.settle();
        assert!(!may_need(came_later) && may_need(came), "it settles once");
        drop(slow);
        assert!(!may_need(came));
    }
}
