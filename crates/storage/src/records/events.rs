//! Events on their way to the mirrors.

use serde_json::Value;

use crate::ids::{MirrorServerId, OutboxEventId, RepositoryId};

/// Something to announce to every enabled mirror.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// What happened, such as "repo:refs_changed".
    pub event_key: String,
    /// Which repository it concerns, if it concerns one.
    pub repository_id: Option<RepositoryId>,
    /// The body to deliver.
    pub body: Value,
    /// Epoch milliseconds.
    pub created_at: i64,
}

/// An event that one mirror has not yet acknowledged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OutboxEvent {
    /// Its place in the order.
    pub id: OutboxEventId,
    /// Whom to tell.
    pub mirror_id: MirrorServerId,
    /// Which repository it concerns, if it concerns one.
    pub repository_id: Option<RepositoryId>,
    /// What happened.
    pub event_key: String,
    /// The body to deliver.
    pub body: Value,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// How often delivery has failed.
    pub attempts: i32,
    /// Epoch milliseconds before which delivery is not tried.
    pub not_before: i64,
}
