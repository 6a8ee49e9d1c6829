//! Operations on webhooks of repositories and on their delivery log.

mod create_webhook;
mod delete_webhook;
mod find_webhooks;
mod get_latest_invocation;
mod get_statistics;
mod get_webhook;
mod list_invocations;
mod test_webhook;
mod update_webhook;

pub use create_webhook::create_webhook;
pub use delete_webhook::delete_webhook;
pub use find_webhooks::{WebhooksInQuery, find_webhooks};
pub use get_latest_invocation::get_latest_invocation;
pub use get_statistics::get_statistics;
pub use get_webhook::get_webhook;
pub use list_invocations::{InvocationsInQuery, list_invocations};
pub use test_webhook::{TestInQuery, test_webhook};
pub use update_webhook::update_webhook;
