//! Operations on webhooks of repositories and on their delivery log.

mod create_webhook;
mod delete_webhook;
mod find_webhooks;
mod get_latest_invocation;
mod get_statistics;
mod get_webhook;
mod list_invocations;
mod redeliver_invocation;
mod test_webhook;
mod update_webhook;
