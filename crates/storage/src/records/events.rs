//! Events on their way to the mirrors and to webhooks.

use serde_json::Value;

use crate::ids::{MirrorServerId, OutboxEventId, RepositoryId};

/// Whom an event is for; the two get different bodies.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Audience {
    /// Every enabled mirror.
    Mirrors,
    /// The webhooks of the repository that ask for such events.
    Webhooks,
}

/// Something to announce.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NewEvent {
    /// To whom.
    pub audience: Audience,
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
}

/// A receiver for which something waits: a mirror or a webhook. Its oldest delivery comes first, and says how it waits.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WaitingReceiver<R> {
    /// Who it is.
    pub receiver: R,
    /// How often that delivery has failed.
    pub attempts: i32,
    /// Epoch milliseconds before which it is not tried, by the clock as it was when it failed.
    pub not_before: i64,
}
