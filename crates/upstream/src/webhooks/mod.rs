//! Webhooks: settings, the events that they get, and the delivery with its log.

mod deliver_webhooks;
mod delivery_counts;
mod registered;
mod webhook_client;
mod webhook_events;
mod webhook_settings;

pub(crate) use deliver_webhooks::WebhookDelivery;
pub use delivery_counts::WebhookCounters;
pub use registered::{InvocationHistory, WebhookTest, Webhooks};
pub(crate) use webhook_client::{USER_AGENT, WebhookClient};
pub(crate) use webhook_events::{MAX_CHANGES_PER_WEBHOOK_EVENT, MIRROR_SYNCHRONIZED, WebhookEvents};
pub use webhook_settings::{WebhookCredentials, WebhookFields};
