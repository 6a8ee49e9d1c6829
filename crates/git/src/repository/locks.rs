//! Locks of repositories: one each, made when it is first asked for.

use std::collections::HashMap;
use std::sync::Arc;

use parking_lot::Mutex;

/// Locks that are not in use are forgotten when there are more than this.
const MAX_IDLE_LOCKS: usize = 1_024;

/// The locks of a store's repositories.
#[derive(Debug, Default)]
pub(crate) struct Locks<L>(Mutex<HashMap<u64, Arc<L>>>);

impl<L: Default> Locks<L> {
    /// The lock of the repository with this number.
    pub(crate) fn of(&self, repository: u64) -> Arc<L> {
        let mut locks = self.0.lock();
        if locks.len() > MAX_IDLE_LOCKS {
            locks.retain(|_, lock| Arc::strong_count(lock) > 1);
        }
        Arc::clone(locks.entry(repository).or_default())
    }
}
