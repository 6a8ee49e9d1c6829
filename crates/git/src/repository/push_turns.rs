//! Keeping the last step of a push apart from the moment at which folders are synced.
//!
//! In its last step, git moves the objects of a push into their place and its references right after. If another push
//! had the folders of references synced in between, a power failure could leave a reference without its objects. So
//! the last bytes of a push are held back while folders are synced, and folders are synced when the pushes that are in
//! their last step have ended: all of them at once, which is also what makes many pushes cheap.
//!
//! In the same step git looks whether all that the new references need is there. So it is kept apart, too, from the
//! moment at which objects are removed that no reference leads to (`removals.rs`).

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use tokio::sync::{OwnedRwLockReadGuard, OwnedRwLockWriteGuard, RwLock};

use crate::process::Durability;
use crate::repository::Repository;

/// How long one waits for pushes in their last step. It takes longer only when objects by the million are indexed.
const MAX_WAIT: Duration = Duration::from_secs(2);

/// A push, which ends its last step when this is dropped.
#[derive(Debug)]
pub(crate) struct PushTurn {
    /// Closed while folders are synced, where they are, and while objects are removed.
    gates: Vec<Arc<RwLock<()>>>,
    in_last_step: Mutex<Vec<OwnedRwLockReadGuard<()>>>,
}

impl PushTurn {
    /// Waits while a gate is closed; its last step has begun then.
    pub(crate) async fn begin_last_step(&self) {
        for gate in &self.gates {
            let guard = Arc::clone(gate).read_owned().await;
            self.in_last_step.lock().push(guard);
        }
    }
}

impl Repository {
    /// To be held by the process that takes a push.
    pub(crate) fn push_turn(&self) -> Arc<PushTurn> {
        let is_strict = self.git().durability() == Durability::Strict;
        let gates = is_strict.then(|| self.push_gate()).into_iter().chain([self.removals().gate()]);
        Arc::new(PushTurn { gates: gates.collect(), in_last_step: Mutex::default() })
    }

    /// Waits until no push is in its last step, and keeps others from theirs.
    pub(super) async fn no_push_in_last_step(&self) -> Option<OwnedRwLockWriteGuard<()>> {
        let alone = tokio::time::timeout(MAX_WAIT, self.push_gate().write_owned()).await;
        alone
            .inspect_err(|_| {
                tracing::info!(repository.path = %self.path().display(), "syncing beside a push that takes long");
            })
            .ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn folders_are_synced_when_no_push_is_in_its_last_step() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let git = workshop.git.clone().with_durability(Durability::Strict, repository.path());
        let strict = Repository::at(git, repository.path().to_owned());
        let [early, late] = [(), ()].map(|()| strict.push_turn());
        early.begin_last_step().await;
        let mut syncing = Box::pin(strict.no_push_in_last_step());
        assert!(futures_util::poll!(&mut syncing).is_pending());
        assert!(futures_util::poll!(Box::pin(late.begin_last_step())).is_pending());
        drop(early);
        let alone = syncing.await.expect("no push is left");
        let _gate = repository.push_gate().write_owned().await;
        let relaxed = repository.push_turn();
        assert!(
            futures_util::poll!(Box::pin(relaxed.begin_last_step())).is_ready(),
            "no folder is synced for it"
        );
        assert!(futures_util::poll!(Box::pin(late.begin_last_step())).is_pending());
        drop(alone);
        late.begin_last_step().await;
    }
}
