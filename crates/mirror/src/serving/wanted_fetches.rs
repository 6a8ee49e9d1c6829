//! Fetches of what readers want and no reference here leads to: few at once, and to their end, also when a reader hangs up.

use heliostat_git::{ABANDONED_FETCH_LIMIT, ClientKey, FetchTurn, FetchTurns, Permit};
use heliostat_peer::DetachedTasks;
use tokio_util::sync::CancellationToken;

use crate::inventory::Entry;

/// What the fetches into all repositories share. Cheap to clone.
#[derive(Clone)]
pub(crate) struct WantedFetches {
    turns: FetchTurns,
    tasks: DetachedTasks,
    stop: CancellationToken,
}

impl WantedFetches {
    /// With the token, those end that no reader waits for.
    pub(crate) fn new(tasks: DetachedTasks, stop: CancellationToken) -> Self {
        Self { turns: FetchTurns::default(), tasks, stop }
    }

    /// Waits until no other fetch into a repository runs; what was waited for before is a place among all fetches.
    pub(super) async fn turn(
        &self,
        entry: &Entry,
        client: ClientKey,
        waited_for: Option<Permit>,
    ) -> FetchTurn {
        self.turns.turn(&entry.fetching, entry.disk_id(), client, waited_for).await
    }

    /// Waits for a place among all fetches. The caller holds no turn.
    pub(super) async fn place(&self, entry: &Entry, client: ClientKey) -> Permit {
        self.turns.place(entry.disk_id(), client).await
    }

    /// Lets a fetch go on to its end, also when its reader does not wait for it any more, but then not for ever. `None` if it was
    /// given up.
    pub(super) async fn to_the_end<T: Send + 'static>(
        &self,
        fetch: impl Future<Output = T> + Send + 'static,
    ) -> Option<T> {
        self.tasks.to_the_end_within(ABANDONED_FETCH_LIMIT, &self.stop, fetch).await
    }
}
