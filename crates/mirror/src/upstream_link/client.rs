//! The calls that a mirror makes to its upstream.
//!
//! Answers are read field by field and checked before anything is believed; a server that answers
//! nonsense, a proxy's error page for instance, is an error and never an empty list.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use heliostat_auth::{Claims, Secret, sign};
use heliostat_peer::http::Destinations;
use heliostat_peer::{CallError, Clock, PeerClient, Signer};
use reqwest::{Method, StatusCode};
use serde_json::Value;
use url::Url;

use super::identity::UpstreamUrl;
use super::json_field::FieldError;

/// How this server names itself to its upstream.
const USER_AGENT: &str = concat!("heliostat-mirror/", env!("CARGO_PKG_VERSION"));

/// How long a call may take while a user waits for the answer.
const URGENT_TIMEOUT: Duration = Duration::from_secs(8);

const REST_BASE: &str = "/rest/mirroring/latest";

/// Whether the upstream no longer knows our signature. A wrong clock is another matter.
pub(crate) fn refuses_our_secret(error: &CallError) -> bool {
    matches!(error, CallError::Refused { status, problem, .. }
        if *status == StatusCode::UNAUTHORIZED && !problem.message.contains("clock"))
}

/// Whether others may well be answered at the same time.
pub(crate) fn is_about_us_alone(error: &CallError) -> bool {
    error.status() == Some(StatusCode::TOO_MANY_REQUESTS)
}

/// Whether the upstream does not have what was asked for.
pub(crate) fn is_not_found(error: &CallError) -> bool {
    error.status() == Some(StatusCode::NOT_FOUND)
}

/// A connection pool to one upstream, and the name under which calls are signed.
#[derive(Debug, Clone)]
pub(crate) struct UpstreamClient {
    client: PeerClient,
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
    urgent: bool,
}

impl<'a> Call<'a> {
    /// A call to a path below the REST base.
    pub(crate) fn new(method: Method, path: impl AsRef<str>) -> Self {
        let path = format!("{REST_BASE}{}", path.as_ref());
        Self { method, path, query: String::new(), body: None, secret: None, urgent: false }
    }

    /// Adds a query parameter; the value must need no escaping.
    pub(crate) fn query(mut self, name: &str, value: impl std::fmt::Display) -> Self {
        let separator = if self.query.is_empty() { "?" } else { "&" };
        self.query.push_str(&format!("{separator}{name}={value}"));
        self
    }

    pub(crate) fn body(mut self, body: Value) -> Self {
        self.body = Some(body);
        self
    }

    /// A user waits for the answer.
    pub(crate) fn urgent(mut self) -> Self {
        self.urgent = true;
        self
    }

    pub(crate) fn signed(mut self, secret: &'a Secret) -> Self {
        self.secret = Some(secret);
        self
    }
}

impl UpstreamClient {
    pub(crate) fn new(url: UpstreamUrl, server_id: String, clock: Clock) -> reqwest::Result<Self> {
        let client = PeerClient::new(USER_AGENT, Destinations::Configured, clock.clone())?;
        Ok(Self { client, url, server_id, clock, reachable: Arc::default() })
    }

    pub(crate) fn server_id(&self) -> &str {
        &self.server_id
    }

    /// Whether the upstream answered the latest call, if only to refuse it.
    pub(crate) fn is_reachable(&self) -> bool {
        self.reachable.load(Ordering::Relaxed)
    }

    /// Sends a call and returns the JSON of a successful answer, `null` if it has no body.
    pub(crate) async fn send(&self, call: Call<'_>) -> Result<Value, CallError> {
        let answer = self.answer_to(call).await;
        let is_away = answer.as_ref().is_err_and(|error| error.is_outage() && !is_about_us_alone(error));
        self.reachable.store(!is_away, Ordering::Relaxed);
        answer
    }

    async fn answer_to(&self, call: Call<'_>) -> Result<Value, CallError> {
        let parse = |address: String| match Url::parse(&address) {
            Ok(url) => Ok(url),
            Err(_) => Err(CallError::ForeignAddress(address)),
        };
        let base_url = parse(self.url.to_string())?;
        let url = parse(format!("{}{}{}", self.url, call.path, call.query))?;
        let mut request = heliostat_peer::Call::new(call.method, url);
        if let Some(secret) = call.secret {
            request = request.signed_by(Signer { issuer: &self.server_id, secret, base_url: &base_url });
        }
        if call.urgent {
            request = request.timeout(URGENT_TIMEOUT);
        }
        if let Some(body) = &call.body {
            request = request.body(body);
        }
        self.client.call(request).await
    }

    /// The value of an `Authorization` header that is good for the hashed request.
    pub(crate) fn authorization(&self, secret: &Secret, query_hash: String, lifetime_seconds: i64) -> String {
        let claims =
            Claims::new(self.server_id.as_str(), query_hash, self.clock.now_seconds(), lifetime_seconds);
        format!("JWT {}", sign(secret, &claims))
    }
}

/// Says which part of an answer is not what the contract promises.
pub(crate) fn nonsense(path: &str) -> impl Fn(FieldError) -> CallError {
    move |error| CallError::Malformed { url: path.to_owned(), problem: error.to_string() }
}

#[cfg(test)]
mod tests {
    use heliostat_peer::PeerProblem;

    use super::*;

    #[test]
    fn a_wrong_clock_does_not_look_like_a_revoked_secret() {
        let refused = |message: &str| CallError::Refused {
            url: "http://upstream/".to_owned(),
            status: StatusCode::UNAUTHORIZED,
            problem: PeerProblem { name: None, message: message.to_owned() },
        };
        assert!(refuses_our_secret(&refused("unknown mirror")));
        assert!(!refuses_our_secret(&refused("the clocks of the two servers differ by about 90 s")));
    }
}
