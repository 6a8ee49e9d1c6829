//! Which fetches that clients wait for run at once: one into a repository, and few over all of them.
//!
//! A client may wait long for a place, because of what else it fetches, and for a repository, because others fetch into it. So
//! a client that waits for the one does not hold the other.

use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use tokio::sync::{Mutex, OwnedMutexGuard};

use crate::process::{ClientKey, FairQueue, Permit, Shares};

/// Fetches for clients at once, over all repositories.
const MAX_FETCHES: usize = 16;

/// How long a fetch goes on that was begun for a reader who has hung up: others may wait for it, and the next one wants the
/// same.
pub const ABANDONED_FETCH_LIMIT: Duration = Duration::from_hours(1);

/// Places for the fetches of all repositories. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct FetchTurns(FairQueue);

/// A repository while no other fetch into it runs, and perhaps a place among all fetches.
#[derive(Debug)]
pub struct FetchTurn {
    _fetching: OwnedMutexGuard<()>,
    place: Option<Permit>,
}

impl Default for FetchTurns {
    fn default() -> Self {
        Self(FairQueue::new(Shares::of_processes(MAX_FETCHES)))
    }
}

impl FetchTurns {
    /// Waits until no other fetch into a repository runs, which is when `fetching` is free. The turn has a place if
    /// there is one at once, or if one was waited for and no fetch is running.
    pub async fn turn(
        &self,
        fetching: &Arc<Mutex<()>>,
        repository: u64,
        client: ClientKey,
        waited_for: Option<Permit>,
    ) -> FetchTurn {
        if waited_for.is_some()
            && let Ok(fetching) = Arc::clone(fetching).try_lock_owned()
        {
            return FetchTurn { _fetching: fetching, place: waited_for };
        }
        drop(waited_for);
        let fetching = Arc::clone(fetching).lock_owned().await;
        FetchTurn { _fetching: fetching, place: self.place(repository, client).now_or_never() }
    }

    /// Waits for a place among all fetches. The caller holds no turn.
    pub async fn place(&self, repository: u64, client: ClientKey) -> Permit {
        self.0.permit(repository, client).await
    }
}

impl FetchTurn {
    /// Whether the other server may be asked now.
    pub fn has_place(&self) -> bool {
        self.place.is_some()
    }
}
