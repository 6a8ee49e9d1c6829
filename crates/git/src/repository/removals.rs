//! Keeping those who let references lead to objects apart from one who removes what no reference leads to.
//!
//! Both look first and act then: the one whether all that a reference needs is there, the other what is needed. If one
//! acted between the other's two steps, a reference could lead to what has just been removed.
//!
//! Removals are counted besides: who has read a whole repository and missed something looks again after one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

/// How long others are held up by one who waits for them to remove something; it tries again later.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// While it is held, nothing is removed that no reference leads to.
#[derive(Debug)]
pub struct NoRemoval {
    _guard: OwnedRwLockReadGuard<()>,
}

/// While it is held, no reference comes to lead to something else.
#[derive(Debug)]
pub struct Removal {
    _guard: OwnedRwLockWriteGuard<()>,
    count: RemovalCount,
}

/// Counts when a removal begins and when it ends.
#[derive(Debug, Clone)]
pub(super) struct RemovalCount(Arc<AtomicU64>);

impl RemovalCount {
    pub(super) fn now(&self) -> u64 {
        self.0.load(Ordering::SeqCst)
    }

    fn add_one(&self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

impl Drop for Removal {
    fn drop(&mut self) {
        self.count.add_one();
    }
}

/// The removals of objects from one repository, and those who keep them off.
#[derive(Debug)]
pub struct Removals {
    /// Open to those who let references lead to objects, or to one who removes objects.
    gate: Arc<RwLock<()>>,
    count: RemovalCount,
}

impl Removals {
    /// Behind this gate, with so many removals begun and ended.
    pub(super) fn new(gate: Arc<RwLock<()>>, count: Arc<AtomicU64>) -> Self {
        Self { gate, count: RemovalCount(count) }
    }

    /// To be held from the look for objects until references lead to them.
    pub async fn hold_off(self) -> NoRemoval {
        NoRemoval { _guard: self.gate.read_owned().await }
    }

    /// To be held from the last look at the references until what they do not lead to is removed; `None` while
    /// references are being changed for longer than others can be held up.
    pub async fn begin(self) -> Option<Removal> {
        let Self { gate, count } = self;
        let guard = tokio::time::timeout(MAX_WAIT, gate.write_owned()).await.ok()?;
        count.add_one();
        Some(Removal { _guard: guard, count })
    }

    /// To be held by one who compares it later.
    pub(super) fn count(self) -> RemovalCount {
        self.count
    }

    /// The gate itself, for those who pass it in their own way.
    pub(super) fn gate(self) -> Arc<RwLock<()>> {
        self.gate
    }
}

#[cfg(test)]
mod tests {
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn a_removal_waits_for_pushes_in_their_last_step_and_keeps_others_from_theirs() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let push = repository.push_turn();
        push.begin_last_step().await;
        let mut removal = Box::pin(repository.removals().begin());
        assert!(futures_util::poll!(&mut removal).is_pending());
        drop(push);
        let count = repository.removals().count();
        let before = count.now();
        let removal = removal.await.expect("no writer is left");
        assert_eq!(count.now(), before + 1);
        let late = repository.push_turn();
        let mut begins = Box::pin(late.begin_last_step());
        assert!(futures_util::poll!(&mut begins).is_pending());
        assert!(futures_util::poll!(Box::pin(repository.removals().hold_off())).is_pending());
        drop(removal);
        assert_eq!(count.now(), before + 2);
        begins.await;
        repository.removals().hold_off().await;
    }
}
