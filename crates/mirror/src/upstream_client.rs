//! The calls that a mirror makes to its upstream.
//!
//! Answers are read field by field and checked before anything is believed; a server that answers
//! nonsense, a proxy's error page for instance, is an error and never an empty list. Redirects are not
//! followed, because a signature is good for one address only.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heliostat_auth::{Claims, SERVER_TOKEN_LIFETIME_SECONDS, Secret, query_string_hash, sign};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use thiserror::Error;

use crate::clock::Clock;
use crate::json_field::{Field, FieldError};
use crate::upstream_identity::UpstreamUrl;

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const REQUEST_TIMEOUT: Duration = Duration::from_secs(30);
const URGENT_TIMEOUT: Duration = Duration::from_secs(8);

/// The largest answer that is read: a page of a thousand repositories is about two MiB.
const MAX_ANSWER_BYTES: usize = 32 * 1024 * 1024;

/// How much of an error message is kept.
const MAX_MESSAGE_CHARACTERS: usize = 500;

const REST_BASE: &str = "/rest/mirroring/latest";

/// Why a call to the upstream did not bring an answer.
#[derive(Debug, Error)]
pub(crate) enum UpstreamCallError {
    /// No HTTP answer arrived.
    #[error("upstream cannot be reached at {url}")]
    Unreachable {
        url: String,
        #[source]
        error: reqwest::Error,
    },
    /// The upstream has a problem of its own, or a proxy before it has.
    #[error("upstream answered {status}: {message}")]
    Failing { status: StatusCode, message: String },
    /// The upstream understood and said no.
    #[error("upstream answered {status}: {message}")]
    Refused { status: StatusCode, message: String },
    /// The answer is not what the contract promises.
    #[error("upstream answered nonsense to {path}: {problem}")]
    Nonsense { path: String, problem: String },
}

impl UpstreamCallError {
    /// Whether the same call may succeed later without anybody doing anything.
    pub(crate) fn is_outage(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// Whether the upstream no longer knows our signature. A wrong clock is another matter.
    pub(crate) fn refuses_our_secret(&self) -> bool {
        matches!(self, Self::Refused { status, message }
            if *status == StatusCode::UNAUTHORIZED && !message.contains("clock"))
    }

    /// Whether others may well be answered at the same time.
    pub(crate) fn is_about_us_alone(&self) -> bool {
        matches!(self, Self::Failing { status, .. } if *status == StatusCode::TOO_MANY_REQUESTS)
    }

    pub(crate) fn is_not_found(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if *status == StatusCode::NOT_FOUND)
    }

    /// The error with its causes in one line, for `/status`.
    pub(crate) fn in_full(&self) -> String {
        let mut text = self.to_string();
        let mut cause = std::error::Error::source(self);
        while let Some(error) = cause {
            text.push_str(&format!(": {error}"));
            cause = error.source();
        }
        text
    }
}

/// A connection pool to one upstream, and the name under which calls are signed.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamClient {
    http: reqwest::Client,
    url: UpstreamUrl,
    server_id: String,
    clock: Clock,
    /// Whether the latest call was answered; false before the first one.
    reachable: Arc<AtomicBool>,
}

/// A call before it is sent.
pub(crate) struct Call<'a> {
    method: Method,
    path: String,
    query: String,
    body: Option<Value>,
    secret: Option<&'a Secret>,
    timeout: Duration,
}

impl<'a> Call<'a> {
    /// A call to a path below the REST base.
    pub(crate) fn new(method: Method, path: impl AsRef<str>) -> Self {
        let path = format!("{REST_BASE}{}", path.as_ref());
        Self { method, path, query: String::new(), body: None, secret: None, timeout: REQUEST_TIMEOUT }
    }

    /// Adds a query parameter; the value must need no escaping.
    pub(crate) fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let separator = if self.query.is_empty() { "" } else { "&" };
        self.query.push_str(&format!("{separator}{name}={value}"));
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// Somebody waits for the answer.
    pub(crate) fn urgent(mut self) -> Self {
        self.timeout = URGENT_TIMEOUT;
        self
    }

    pub(crate) fn signed(mut self, secret: &'a Secret) -> Self {
        self.secret = Some(secret);
        self
    }
}

impl UpstreamClient {
    pub(crate) fn new(url: UpstreamUrl, server_id: String, clock: Clock) -> reqwest::Result<Self> {
        let http = reqwest::Client::builder()
            .connect_timeout(CONNECT_TIMEOUT)
            .tcp_nodelay(true)
            .redirect(reqwest::redirect::Policy::none())
            .user_agent(concat!("heliostat-mirror/", env!("CARGO_PKG_VERSION")))
            .build()?;
        Ok(Self { http, url, server_id, clock, reachable: Arc::default() })
    }

    pub(crate) fn server_id(&self) -> &str {
        &self.server_id
    }

    /// Whether the upstream answered the latest call, if only to refuse it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// Sends a call and returns the JSON of a successful answer, `null` if it has no body.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Value, UpstreamCallError> {
        let answer = self.answer_to(call).await;
        let is_away = answer.as_ref().is_err_and(|error| error.is_outage() && !error.is_about_us_alone());
        self.reachable.store(!is_away, Ordering::Relaxed);
        answer
    }

    async fn answer_to(&self, call: Call<'_>) -> Result<Value, UpstreamCallError> {
        let path = call.path.clone();
        let (status, body) = self.exchange(call).await?;
        if status.is_success() {
            if body.is_empty() {
                return Ok(Value::Null);
            }
            return serde_json::from_slice(&body)
                .map_err(|error| UpstreamCallError::Nonsense { path, problem: error.to_string() });
        }
        let message = error_message(&body);
        if status.is_client_error() && status != StatusCode::TOO_MANY_REQUESTS {
            Err(UpstreamCallError::Refused { status, message })
        } else {
            Err(UpstreamCallError::Failing { status, message })
        }
    }

    async fn exchange(&self, call: Call<'_>) -> Result<(StatusCode, Vec<u8>), UpstreamCallError> {
        let unreachable = |error: reqwest::Error| UpstreamCallError::Unreachable {
            url: self.url.to_string(),
            error: error.without_url(),
        };
        let separator = if call.query.is_empty() { "" } else { "?" };
        let address = format!("{}{}{separator}{}", self.url, call.path, call.query);
        let mut request = self.http.request(call.method.clone(), address).timeout(call.timeout);
        if let Some(secret) = call.secret {
            let query_hash = query_string_hash(call.method.as_str(), &call.path, Some(&call.query));
            request = request.header(
                "Authorization",
                self.authorization(secret, query_hash, SERVER_TOKEN_LIFETIME_SECONDS),
            );
        }
        if let Some(body) = &call.body {
            request = request.json(body);
        }
        let mut response = request.send().await.map_err(unreachable)?;
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unreachable)? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                let problem = format!("more than {MAX_ANSWER_BYTES} bytes");
                return Err(UpstreamCallError::Nonsense { path: call.path, problem });
            }
            body.extend_from_slice(&chunk);
        }
        Ok((response.status(), body))
    }

    /// The value of an `Authorization` header that is good for the hashed request.
    pub(crate) fn authorization(&self, secret: &Secret, query_hash: String, lifetime_seconds: i64) -> String {
        let claims =
            Claims::new(self.server_id.as_str(), query_hash, self.clock.now_ms() / 1_000, lifetime_seconds);
        format!("JWT {}", sign(secret, &claims))
    }
}

/// Says which part of an answer is not what the contract promises.
pub(crate) fn nonsense(path: &str) -> impl Fn(FieldError) -> UpstreamCallError {
    move |error| UpstreamCallError::Nonsense { path: path.to_owned(), problem: error.to_string() }
}

/// The message of a standard error body, or the beginning of whatever arrived.
fn error_message(body: &[u8]) -> String {
    let message = serde_json::from_slice::<Value>(body).ok().and_then(|body| {
        let errors = Field::root(&body).member("errors");
        let first = errors.items().ok()?.next()?;
        first.member("message").text().ok().map(str::to_owned)
    });
    let message = message.unwrap_or_else(|| String::from_utf8_lossy(body).into_owned());
    let printable = message.chars().map(|c| if c.is_control() { ' ' } else { c });
    let message: String = printable.take(MAX_MESSAGE_CHARACTERS).collect();
    if message.trim().is_empty() { "no reason given".to_owned() } else { message }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_reason_is_found_in_a_standard_error_body() {
        let body = br#"{"errors":[{"context":null,"message":"The name is taken."}]}"#;
        assert_eq!(error_message(body), "The name is taken.");
        assert_eq!(error_message(b"<html>\n"), "<html> ");
        assert_eq!(error_message(b""), "no reason given");
    }

    #[test]
    fn a_wrong_clock_does_not_look_like_a_revoked_secret() {
        let refused = |message: &str| UpstreamCallError::Refused {
            status: StatusCode::UNAUTHORIZED,
            message: message.to_owned(),
        };
        assert!(refused("unknown mirror").refuses_our_secret());
        assert!(!refused("the clocks of the two servers differ by about 90 s").refuses_our_secret());
    }
}
