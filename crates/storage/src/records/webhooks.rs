//! Webhooks, what waits to be sent to them, and what became of it.

use std::fmt;

use serde_json::{Map, Value};

use super::redact;
use crate::ids::{InvocationId, RepositoryId, WebhookDeliveryId, WebhookId};
use crate::named_value::named_values;

named_values! {
    /// How a call of a webhook ended.
    InvocationOutcome {
        /// The receiver took the event in.
        Success = "SUCCESS",
        /// The receiver answered that it does not.
        Failure = "FAILURE",
        /// There was no answer that could be read.
        Error = "ERROR",
    }
}

/// An address that is told of what happens to a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Webhook {
    /// Its id.
    pub id: WebhookId,
    /// Whose it is.
    pub repository_id: RepositoryId,
    /// What its owner has chosen.
    pub settings: WebhookSettings,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// Epoch milliseconds.
    pub updated_at: i64,
}

/// What the owner of a webhook chooses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookSettings {
    /// What it is for.
    pub name: String,
    /// Where events are posted.
    pub url: String,
    /// Which events.
    pub events: Vec<String>,
    /// Whether any are.
    pub active: bool,
    /// Whether the receiver's certificate must be valid.
    pub certificate_required: bool,
    /// What only the two sides know.
    pub secrets: WebhookSecrets,
}

/// What only a webhook's owner and its receiver know. They are stored as they are, since they have to be used.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct WebhookSecrets {
    /// What bodies are signed with.
    pub secret: Option<String>,
    /// Who the receiver is to take this server for.
    pub username: Option<String>,
    /// The password that goes with it.
    pub password: Option<String>,
}

impl fmt::Debug for WebhookSecrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WebhookSecrets")
            .field("secret", &redact(self.secret.as_ref()))
            .field("username", &self.username)
            .field("password", &redact(self.password.as_ref()))
            .finish()
    }
}

/// An event that a webhook has not taken in.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WebhookDelivery {
    /// Its place in the order.
    pub id: WebhookDeliveryId,
    /// Whom to tell.
    pub webhook_id: WebhookId,
    /// What happened.
    pub event_key: String,
    /// Names this event to the receiver, at each attempt.
    pub request_id: String,
    /// The text to send.
    pub body: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// How often it was sent in vain.
    pub attempts: i32,
}

/// What becomes of a delivery after an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum DeliveryFate {
    /// It is over, well or not.
    Settled,
    /// It is sent again.
    Repeated {
        /// Epoch milliseconds before which it is not.
        not_before: i64,
    },
}

/// One call of a webhook, as the log keeps it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Invocation {
    /// Its place in the log.
    pub id: InvocationId,
    /// What was sent and what came back.
    pub exchange: Exchange,
}

/// What was sent to a webhook and what came back; bodies may be cut.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Exchange {
    /// What happened.
    pub event_key: String,
    /// Names the event to the receiver, at each attempt.
    pub request_id: String,
    /// The first attempt is 1.
    pub attempt: i32,
    /// Epoch milliseconds.
    pub started_at: i64,
    /// Epoch milliseconds.
    pub finished_at: i64,
    /// Where it was sent.
    pub url: String,
    /// The headers that were sent, without credentials.
    pub request_headers: Map<String, Value>,
    /// The body that was sent.
    pub request_body: String,
    /// How it ended.
    pub outcome: InvocationOutcome,
    /// The status of the answer, if there was one.
    pub status_code: Option<i32>,
    /// The status in words, or why there was none.
    pub description: String,
    /// The headers of the answer, if there was one.
    pub response_headers: Option<Map<String, Value>>,
    /// The body of the answer, if there was one.
    pub response_body: Option<String>,
}

/// How many calls in a webhook's log ended in which way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct InvocationCounts {
    /// Taken in.
    pub successes: i64,
    /// Refused.
    pub failures: i64,
    /// Not answered.
    pub errors: i64,
    /// When the oldest of them began, in epoch milliseconds; absent without any.
    pub since: Option<i64>,
}
