//! What the parts of being followed are made of.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::{DetachedTasks, PeerClient};
use heliostat_storage::UpstreamStore;

use crate::delivery::Announcer;

/// What the parts are made of.
#[derive(Clone)]
pub struct DownstreamParts {
    /// What is remembered.
    pub store: UpstreamStore,
    /// Calls mirrors.
    pub client: PeerClient,
    /// How this server names itself in what it signs.
    pub client_key: String,
    /// What events have in common, and the signal that some were stored.
    pub announcer: Arc<Announcer>,
    /// Work that outlives its request.
    pub tasks: DetachedTasks,
    /// How long a mirror's request waits for a decision.
    pub request_lifetime: Duration,
}
