//! The parts of being followed, assembled.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;

use crate::delivery::deliver;
use crate::joining::Joining;
use crate::members::{Members, MirroredRepositories};
use crate::origin::Origin;
use crate::parts::DownstreamParts;

/// Everything about the mirrors that follow a server.
pub struct Downstream<O> {
    /// Mirrors that ask to join.
    pub joining: Arc<Joining>,
    /// Mirrors that have joined.
    pub members: Arc<Members>,
    /// What they have of this server's repositories.
    pub repositories: MirroredRepositories<O>,
}

impl<O: Origin> Downstream<O> {
    /// The parts for a server that is followed.
    pub fn new(parts: DownstreamParts, members: Arc<Members>, origin: Arc<O>) -> Self {
        let announcer = Arc::clone(&parts.announcer);
        let repositories = MirroredRepositories::new(&parts.store, announcer, Arc::clone(&members), origin);
        let joining = Arc::new(Joining::new(parts, Arc::clone(&members)));
        Self { joining, members, repositories }
    }

    /// Brings events to mirrors, and forgets old requests of others, until `stop` is cancelled.
    pub async fn run(&self, stop: CancellationToken) {
        let requests = Arc::clone(&self.joining).keep_requests_fresh(stop.clone());
        tokio::join!(deliver(Arc::clone(self.members.delivery()), stop), requests);
    }
}
