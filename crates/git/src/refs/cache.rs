//! The snapshots of references that are held in memory for all repositories of a store.
//!
//! What is held is as good as reading the disk, because every change of ours leaves a mark when it has ended:
//! what is in memory is stale then, and so is whatever is being read at that moment. A stale snapshot is not given
//! to anyone, but it stays for what it knows about objects, until a new one takes its place.

use std::collections::{BTreeMap, HashMap};

use heliostat_git_wire::RefSnapshot;
use parking_lot::{Mutex, MutexGuard};

use crate::refs::ReadRefs;

/// Most memory that snapshots take together, unless an operator decides otherwise.
pub const DEFAULT_REF_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// Snapshots by the number of their repository.
#[derive(Debug)]
pub(crate) struct RefCache {
    limit_bytes: u64,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    held: HashMap<u64, Held>,
    /// The repositories in the order of their last use.
    by_use: BTreeMap<u64, u64>,
    bytes: u64,
    loads: HashMap<u64, Loads>,
    /// Counts everything that happens, so that two events can be put in order.
    now: u64,
}

#[derive(Debug)]
struct Held {
    read: ReadRefs,
    bytes: u64,
    is_stale: bool,
    /// When the load began.
    begun: u64,
    last_use: u64,
}

/// Those who are reading the references of one repository.
#[derive(Debug, Default)]
struct Loads {
    count: usize,
    /// The last mark since the first of them began.
    marked: Option<u64>,
}

/// A task that reads the references of a repository.
#[derive(Debug)]
pub(crate) struct Load<'a> {
    cache: &'a RefCache,
    repository: u64,
}

/// When a reading began.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Begun(u64);

impl RefCache {
    pub(crate) fn new(limit_bytes: u64) -> Self {
        Self { limit_bytes, state: Mutex::default() }
    }

    /// The snapshot of this repository if it is in memory and true.
    pub(crate) fn get(&self, repository: u64) -> Option<RefSnapshot> {
        let mut state = self.lock();
        let State { held, by_use, now, .. } = &mut *state;
        let found = held.get_mut(&repository).filter(|held| !held.is_stale)?;
        *now += 1;
        by_use.remove(&found.last_use);
        by_use.insert(*now, repository);
        found.last_use = *now;
        Some(found.read.snapshot.clone())
    }

    /// The last snapshot of this repository, which need not be true any more.
    pub(crate) fn last_known(&self, repository: u64) -> Option<ReadRefs> {
        self.lock().held.get(&repository).map(|held| held.read.clone())
    }

    /// The references of this repository may have changed.
    pub(crate) fn mark(&self, repository: u64) {
        let mut state = self.lock();
        let now = state.tick();
        if let Some(held) = state.held.get_mut(&repository) {
            held.is_stale = true;
        }
        if let Some(loads) = state.loads.get_mut(&repository) {
            loads.marked = Some(now);
        }
    }

    /// Like [`RefCache::mark`], and what was known is not to be trusted any more.
    pub(crate) fn forget(&self, repository: u64) {
        self.mark(repository);
        let removed = self.lock().remove(repository);
        drop(removed);
    }

    /// Says that a task is going to read the references of this repository.
    pub(crate) fn load(&self, repository: u64) -> Load<'_> {
        self.lock().loads.entry(repository).or_default().count += 1;
        Load { cache: self, repository }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock()
    }
}

impl Default for RefCache {
    fn default() -> Self {
        Self::new(DEFAULT_REF_MEMORY_BYTES)
    }
}

impl State {
    fn tick(&mut self) -> u64 {
        self.now += 1;
        self.now
    }

    /// What is given back is to be dropped outside the lock: a large snapshot takes a while.
    #[must_use]
    fn remove(&mut self, repository: u64) -> Option<Held> {
        let held = self.held.remove(&repository)?;
        self.by_use.remove(&held.last_use);
        self.bytes -= held.bytes;
        Some(held)
    }
}

impl Load<'_> {
    /// To be called immediately before the first byte is read.
    pub(crate) fn begin(&self) -> Begun {
        Begun(self.cache.lock().tick())
    }

    /// Takes what was read into memory, unless it may be older than a change or than what is there.
    pub(crate) fn publish(&self, begun: Begun, read: &ReadRefs) {
        let bytes = read.memory_bytes();
        // Declared before the lock, so that it is dropped after it.
        let mut removed = Vec::new();
        let mut state = self.cache.lock();
        let marked = state.loads.get(&self.repository).and_then(|loads| loads.marked);
        let is_outdated = marked.is_some_and(|marked| marked > begun.0);
        let is_overtaken = state.held.get(&self.repository).is_some_and(|held| held.begun > begun.0);
        if is_outdated || is_overtaken {
            return;
        }
        removed.extend(state.remove(self.repository));
        if bytes > self.cache.limit_bytes {
            tracing::warn!(repository.id = self.repository, bytes, "the references do not fit into memory");
            return;
        }
        let last_use = state.tick();
        let held = Held { read: read.clone(), bytes, is_stale: false, begun: begun.0, last_use };
        state.held.insert(self.repository, held);
        state.by_use.insert(last_use, self.repository);
        state.bytes += bytes;
        while state.bytes > self.cache.limit_bytes {
            let Some(oldest) = state.by_use.values().next().copied() else { return };
            removed.extend(state.remove(oldest));
        }
    }
}

impl Drop for Load<'_> {
    fn drop(&mut self) {
        let mut state = self.cache.lock();
        if let Some(loads) = state.loads.get_mut(&self.repository) {
            loads.count -= 1;
            if loads.count == 0 {
                state.loads.remove(&self.repository);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{ObjectFormat, ObjectId, RefName};

    use super::*;

    fn snapshot(name: &str) -> RefSnapshot {
        let name = RefName::branch(name).expect("valid");
        RefSnapshot::from_entries([(name, ObjectId::zero(ObjectFormat::Sha1))])
    }

    fn read(name: &str) -> ReadRefs {
        ReadRefs::whole(snapshot(name))
    }

    fn publish(cache: &RefCache, repository: u64, read: &ReadRefs) {
        let load = cache.load(repository);
        load.publish(load.begin(), read);
    }

    #[test]
    fn a_mark_hides_what_is_held_until_it_is_read_again() {
        let cache = RefCache::default();
        publish(&cache, 1, &read("a"));
        publish(&cache, 2, &read("a"));
        assert_eq!(cache.get(1), Some(snapshot("a")));
        cache.mark(1);
        assert_eq!(cache.get(1), None);
        assert_eq!(cache.last_known(1).map(|read| read.snapshot), Some(snapshot("a")));
        assert!(cache.get(2).is_some());
        publish(&cache, 1, &read("b"));
        assert_eq!(cache.get(1), Some(snapshot("b")));
        cache.forget(1);
        assert!(cache.last_known(1).is_none());
    }

    #[test]
    fn what_was_begun_before_a_mark_is_never_published() {
        let cache = RefCache::default();
        let early = cache.load(1);
        let begun = early.begin();
        cache.mark(1);
        early.publish(begun, &read("old"));
        assert_eq!(cache.get(1), None);
        let late = cache.load(1);
        late.publish(late.begin(), &read("new"));
        early.publish(begun, &read("old"));
        assert_eq!(cache.get(1), Some(snapshot("new")));
        // A mark of another repository does not count.
        let begun = late.begin();
        cache.mark(2);
        late.publish(begun, &read("newer"));
        assert_eq!(cache.get(1), Some(snapshot("newer")));
        drop((early, late));
        assert!(cache.lock().loads.is_empty());
    }

    #[test]
    fn an_older_reading_does_not_replace_a_newer_one() {
        let cache = RefCache::default();
        let (slow, fast) = (cache.load(1), cache.load(1));
        let begun_first = slow.begin();
        fast.publish(fast.begin(), &read("second"));
        slow.publish(begun_first, &read("first"));
        assert_eq!(cache.get(1), Some(snapshot("second")));
    }

    #[test]
    fn those_used_least_lately_go_when_memory_is_full() {
        let one = read("a").memory_bytes();
        let cache = RefCache::new(2 * one);
        for repository in [1, 2] {
            publish(&cache, repository, &read("a"));
        }
        assert!(cache.get(1).is_some());
        publish(&cache, 3, &read("a"));
        assert!(cache.get(1).is_some() && cache.get(2).is_none() && cache.get(3).is_some());
        let huge =
            RefSnapshot::from_entries((0..100).map(|n| {
                (RefName::branch(&n.to_string()).expect("valid"), ObjectId::zero(ObjectFormat::Sha1))
            }));
        publish(&cache, 4, &ReadRefs::whole(huge));
        assert!(cache.get(4).is_none() && cache.get(1).is_some() && cache.get(3).is_some());
        assert_eq!(cache.lock().bytes, 2 * one);
        assert_eq!(cache.lock().by_use.len(), 2);
    }
}
