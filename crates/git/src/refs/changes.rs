//! The feed of changes of references: each is announced here, once, and what acts upon changes subscribes.
//!
//! ```text
//! a process that may change references ends ──▶ what is in memory is stale ──▶ `changed`
//! the references were read from the disk    ──▶ they are in memory         ──▶ `loaded`
//! the repository is found gone, or broken   ──▶ they are forgotten         ──▶ `gone`
//! something looks like damage               ──▶ nothing is proven yet      ──▶ `suspected`
//! ```
//!
//! Nothing below calls up: what prewarms, keeps house or delivers is not known here.

use std::fmt::Debug;
use std::sync::{Arc, Weak};

use heliostat_git_wire::RefSnapshot;
use parking_lot::RwLock;

use crate::process::Fault;
use crate::refs::{RefCache, RefWriter, Writers};

/// Acts upon what happens to the references of a store's repositories. It is called where the change happens, so it
/// only notes what is to be done, or starts it.
pub trait RefListener: Debug + Send + Sync {
    /// References or `HEAD` of this repository may have changed. What was in memory is already marked as stale.
    fn changed(&self, _repository: u64) {}

    /// These were read from the disk a moment ago. They may be the same as before.
    fn loaded(&self, _repository: u64, _refs: &RefSnapshot) {}

    /// The repository is not there any more, or not whole: nothing that is known of it holds.
    fn gone(&self, _repository: u64) {}

    /// An operation on the repository met something that looks like damage. Those who look after repositories examine
    /// it, see [`Repository::examine`](crate::Repository::examine); for others it means nothing.
    fn suspected(&self, _repository: u64, _fault: &Fault) {}
}

/// Everybody who has subscribed.
#[derive(Debug, Default)]
pub(crate) struct RefChanges {
    listeners: RwLock<Vec<Weak<dyn RefListener>>>,
}

/// What the repositories of a store share about their references.
#[derive(Debug)]
pub(crate) struct SharedRefs {
    pub(crate) cache: RefCache,
    pub(crate) changes: RefChanges,
    pub(crate) writers: Writers,
}

/// A change of references or of `HEAD` that is under way: when it is dropped, it is announced.
#[derive(Debug)]
pub(crate) struct ChangeUnderWay {
    writer: RefWriter,
}

impl RefChanges {
    /// Tells this listener from now on, as long as it lives.
    pub(crate) fn subscribe(&self, listener: Weak<dyn RefListener>) {
        let mut listeners = self.listeners.write();
        listeners.retain(|listener| listener.strong_count() > 0);
        listeners.push(listener);
    }

    pub(crate) fn loaded(&self, repository: u64, refs: &RefSnapshot) {
        self.tell(|listener| listener.loaded(repository, refs));
    }

    pub(crate) fn suspected(&self, repository: u64, fault: &Fault) {
        self.tell(|listener| listener.suspected(repository, fault));
    }

    fn changed(&self, repository: u64) {
        self.tell(|listener| listener.changed(repository));
    }

    fn gone(&self, repository: u64) {
        self.tell(|listener| listener.gone(repository));
    }

    /// Outside the lock: a listener may read references, which tells of them.
    fn tell(&self, news: impl Fn(&dyn RefListener)) {
        let listeners: Vec<_> = self.listeners.read().iter().filter_map(Weak::upgrade).collect();
        listeners.iter().for_each(|listener| news(&**listener));
    }
}

impl SharedRefs {
    pub(crate) fn new(memory_bytes: u64) -> Self {
        Self {
            cache: RefCache::new(memory_bytes),
            changes: RefChanges::default(),
            writers: Writers::default(),
        }
    }

    /// Forgets a repository that is not there any more, or not whole.
    pub(crate) fn forget(&self, repository: u64) {
        self.cache.forget(repository);
        self.changes.gone(repository);
    }
}

impl ChangeUnderWay {
    pub(crate) fn new(refs: Arc<SharedRefs>, repository: u64) -> Self {
        Self { writer: RefWriter::new(refs, repository) }
    }

    /// The process that makes it.
    pub(crate) fn writer(&self) -> &RefWriter {
        &self.writer
    }
}

impl Drop for ChangeUnderWay {
    fn drop(&mut self) {
        let (refs, repository) = self.writer.target();
        refs.cache.mark(repository);
        refs.changes.changed(repository);
    }
}

#[cfg(test)]
mod tests {
    use parking_lot::Mutex;

    use super::*;

    #[derive(Debug, Default)]
    struct Told(Mutex<Vec<String>>);

    impl RefListener for Told {
        fn changed(&self, repository: u64) {
            self.0.lock().push(format!("changed {repository}"));
        }

        fn loaded(&self, repository: u64, refs: &RefSnapshot) {
            self.0.lock().push(format!("loaded {repository}: {}", refs.len()));
        }

        fn gone(&self, repository: u64) {
            self.0.lock().push(format!("gone {repository}"));
        }
    }

    #[test]
    fn each_change_is_announced_once_while_a_listener_lives() {
        let shared = Arc::new(SharedRefs::new(1_000));
        let told = Arc::new(Told::default());
        let listener: Arc<dyn RefListener> = told.clone();
        shared.changes.subscribe(Arc::downgrade(&listener));
        drop(ChangeUnderWay::new(Arc::clone(&shared), 7));
        shared.changes.loaded(7, &RefSnapshot::empty());
        shared.forget(7);
        assert_eq!(told.0.lock().drain(..).collect::<Vec<_>>(), ["changed 7", "loaded 7: 0", "gone 7"]);
        drop((listener, told));
        drop(ChangeUnderWay::new(Arc::clone(&shared), 7));
        shared.changes.subscribe(Arc::downgrade(&(Arc::new(Told::default()) as Arc<dyn RefListener>)));
        assert_eq!(shared.changes.listeners.read().len(), 1);
    }
}
