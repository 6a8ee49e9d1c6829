//! One POST to the receiver of a webhook, and the record of what came back.

use std::time::Duration;

use heliostat_auth::{Secret, body_signature};
use heliostat_peer::http::{self, Destinations, NoAnswer, read_at_most};
use heliostat_peer::{AddressRefused, Clock};
use heliostat_storage::{Exchange, InvocationOutcome, WebhookSettings};
use reqwest::header::HeaderMap;
use reqwest::{Response, StatusCode};
use serde_json::{Map, Value};
use tokio::sync::Semaphore;
use url::Url;

/// How this server names itself to receivers of webhooks and to mirrors.
pub(crate) const USER_AGENT: &str = concat!("heliostat-upstream/", env!("CARGO_PKG_VERSION"));

/// How long a receiver may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);
/// How much of a body the log keeps, and how much of an answer is read, in bytes.
const MAX_LOGGED_BODY_BYTES: usize = 32 * 1024;
/// How many headers of an answer the log keeps.
const MAX_LOGGED_HEADERS: usize = 50;
/// How much of such a header the log keeps, in characters.
const MAX_LOGGED_HEADER_LENGTH: usize = 512;
/// Tests that run at the same time; others wait.
const PARALLEL_TESTS: usize = 8;

const JSON: &str = "application/json; charset=utf-8";
/// Headers of an answer that may be secrets of the receiver.
const UNLOGGED_HEADERS: [&str; 3] = ["set-cookie", "authorization", "www-authenticate"];

/// Calls the receivers of webhooks.
pub(crate) struct WebhookClient {
    certain: reqwest::Client,
    trusting: reqwest::Client,
    destinations: Destinations,
    clock: Clock,
    tests: Semaphore,
}

/// What is sent, and to whom.
#[derive(Clone, Copy)]
pub(crate) struct Message<'a> {
    pub(crate) settings: &'a WebhookSettings,
    pub(crate) event_key: &'a str,
    pub(crate) request_id: &'a str,
    pub(crate) attempt: i32,
    pub(crate) body: &'a str,
}

impl WebhookClient {
    pub(crate) fn new(destinations: Destinations, clock: Clock) -> Result<Self, reqwest::Error> {
        Ok(Self {
            certain: http::client(USER_AGENT, &destinations).timeout(ANSWER_TIMEOUT).build()?,
            trusting: http::client(USER_AGENT, &destinations)
                .timeout(ANSWER_TIMEOUT)
                .tls_danger_accept_invalid_certs(true)
                .build()?,
            destinations,
            clock,
            tests: Semaphore::new(PARALLEL_TESTS),
        })
    }

    /// Checks as much of an address as can be checked without resolving it.
    pub(crate) fn check_address(&self, url: &Url) -> Result<(), AddressRefused> {
        self.destinations.check_literal(url)
    }

    /// Sends a test, as soon as fewer others run than may.
    pub(crate) async fn post_test(&self, message: Message<'_>) -> Exchange {
        let _permit = self.tests.acquire().await;
        self.post(message).await
    }

    /// Sends an event.
    pub(crate) async fn post(&self, message: Message<'_>) -> Exchange {
        let started_at = self.clock.now_ms();
        let headers = headers_of(message);
        let answer = self.send(message, &headers).await;
        let mut exchange = Exchange {
            event_key: message.event_key.to_owned(),
            request_id: message.request_id.to_owned(),
            attempt: message.attempt,
            started_at,
            finished_at: started_at,
            url: message.settings.url.clone(),
            request_headers: headers
                .iter()
                .map(|(name, value)| ((*name).into(), value.as_str().into()))
                .collect(),
            request_body: cut(message.body.to_owned()),
            outcome: InvocationOutcome::Error,
            status_code: None,
            description: String::new(),
            response_headers: None,
            response_body: None,
        };
        match answer {
            Ok(response) => describe_answer(&mut exchange, response).await,
            Err(reason) => exchange.description = format!("{} cannot be reached: {reason}", exchange.url),
        }
        exchange.finished_at = self.clock.now_ms().max(started_at);
        exchange
    }

    async fn send(&self, message: Message<'_>, headers: &[(&str, String)]) -> Result<Response, String> {
        let settings = message.settings;
        let url = Url::parse(&settings.url).map_err(|error| error.to_string())?;
        self.destinations.check_literal(&url).map_err(|refused| refused.to_string())?;
        let client = if settings.certificate_required { &self.certain } else { &self.trusting };
        let mut request = client.post(url).body(message.body.to_owned());
        for (name, value) in headers {
            request = request.header(*name, value);
        }
        if let Some(username) = &settings.secrets.username {
            request = request.basic_auth(username, settings.secrets.password.as_ref());
        }
        request.send().await.map_err(|error| match http::cause_of(&error) {
            NoAnswer::AddressRefused(refused) => refused.to_string(),
            NoAnswer::Other(reason) => reason,
        })
    }
}

/// Whether the same bytes would be refused again, so that sending them again is in vain.
pub(crate) fn is_final(exchange: &Exchange) -> bool {
    exchange
        .status_code
        .and_then(|status| u16::try_from(status).ok())
        .and_then(|status| StatusCode::from_u16(status).ok())
        .is_some_and(http::refuses_content)
}

/// The headers of a message, without credentials.
fn headers_of(message: Message<'_>) -> Vec<(&'static str, String)> {
    let mut headers = vec![
        ("Content-Type", JSON.to_owned()),
        ("User-Agent", USER_AGENT.to_owned()),
        ("X-Event-Key", message.event_key.to_owned()),
        ("X-Request-Id", message.request_id.to_owned()),
    ];
    if let Some(secret) = &message.settings.secrets.secret {
        let signature = body_signature(&Secret::new(secret.as_str()), message.body.as_bytes());
        headers.push(("X-Hub-Signature", signature));
    }
    headers
}

async fn describe_answer(exchange: &mut Exchange, response: Response) {
    let status = response.status();
    exchange.outcome =
        if status.is_success() { InvocationOutcome::Success } else { InvocationOutcome::Failure };
    exchange.status_code = Some(i32::from(status.as_u16()));
    exchange.description = status.to_string();
    exchange.response_headers = Some(logged_headers(response.headers()));
    // The status has decided; a body that breaks off changes nothing.
    let body = read_at_most(response, MAX_LOGGED_BODY_BYTES).await.map(|(body, _)| body).unwrap_or_default();
    exchange.response_body = Some(cut(String::from_utf8_lossy(&body).into_owned()));
}

fn logged_headers(headers: &HeaderMap) -> Map<String, Value> {
    let shown = headers.iter().filter(|(name, _)| !UNLOGGED_HEADERS.contains(&name.as_str()));
    let text = |value: &[u8]| {
        let text: String = String::from_utf8_lossy(value).chars().take(MAX_LOGGED_HEADER_LENGTH).collect();
        Value::from(text.replace('\0', "\u{fffd}"))
    };
    shown.take(MAX_LOGGED_HEADERS).map(|(name, value)| (name.to_string(), text(value.as_bytes()))).collect()
}

/// As much of a text as the log keeps. The databases do not take a NUL.
fn cut(text: String) -> String {
    let mut text = if text.contains('\0') { text.replace('\0', "\u{fffd}") } else { text };
    if text.len() > MAX_LOGGED_BODY_BYTES {
        let end = (0..=MAX_LOGGED_BODY_BYTES).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
        text.truncate(end);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_texts_are_cut_between_characters() {
        assert_eq!(cut("a\0b".into()), "a\u{fffd}b");
        let long = cut(format!("a{}", "ä".repeat(MAX_LOGGED_BODY_BYTES)));
        assert_eq!(long.len(), MAX_LOGGED_BODY_BYTES - 1);
        assert_eq!(cut("short".into()), "short");
    }
}
