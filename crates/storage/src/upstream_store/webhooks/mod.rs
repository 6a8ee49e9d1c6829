//! What an upstream remembers of webhooks: which there are, what waits for each, and how its last calls ended.

mod deliveries;
mod log;
mod registered;

pub(super) use deliveries::announce_to_webhooks;

use crate::database::Database;

/// Webhooks of repositories, what waits for them, and their logs. Cheap to clone.
#[derive(Clone, Debug)]
pub struct WebhookStore {
    pub(super) database: Database,
}
