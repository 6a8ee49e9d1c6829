//! What an upstream remembers.
//!
//! Each method is one transaction. Those that change what mirrors should know take the events to announce
//! and write them together with the change, one for each enabled mirror and for each webhook that asks for it;
//! an event is never recorded without its change, nor the other way round.

mod accounts;
mod counts;
mod deletions;
mod delivery_queue;
mod followings;
mod mirrors;
mod outbox;
mod ref_changes;
mod repositories;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests;
mod webhooks;

pub use accounts::AccountStore;
pub use followings::FollowingStore;
pub use mirrors::MirrorServerStore;
pub use outbox::Outbox;
pub use repositories::RepositoryRecords;
pub use webhooks::WebhookStore;

use crate::database::Database;

/// What an upstream remembers: one store for each subject, so that a part of the role is handed what it needs and no more.
#[derive(Clone, Debug)]
pub struct UpstreamStore {
    pub(crate) database: Database,
    /// Users, their tokens and their permissions.
    pub accounts: AccountStore,
    /// Projects, their repositories, and the changes of their refs.
    pub repositories: RepositoryRecords,
    /// Mirrors, their requests to join, and what they have.
    pub mirrors: MirrorServerStore,
    /// The events that wait for mirrors.
    pub outbox: Outbox,
    /// What repositories follow.
    pub followings: FollowingStore,
    /// Webhooks, what waits for them, and their logs.
    pub webhooks: WebhookStore,
}

impl UpstreamStore {
    /// The store in a database that was opened for an upstream.
    pub fn new(database: Database) -> Self {
        Self {
            accounts: AccountStore { database: database.clone() },
            repositories: RepositoryRecords { database: database.clone() },
            mirrors: MirrorServerStore { database: database.clone() },
            outbox: Outbox { database: database.clone() },
            followings: FollowingStore { database: database.clone() },
            webhooks: WebhookStore { database: database.clone() },
            database,
        }
    }
}
