//! How the upstream calls a mirror: bounded in time and size, without redirects, only where the address rules allow.

use std::time::Duration;

use heliostat_auth::SERVER_TOKEN_LIFETIME_SECONDS;
use heliostat_storage::MirrorServer;
use reqwest::{Method, StatusCode};
use serde_json::Value;
use thiserror::Error;
use url::Url;

use crate::address_rules::{AddressRefused, AddressRules};
use crate::clock::Clock;
use crate::outgoing_http::{self, Cause, read_at_most};
use crate::signed_links::token_for;

/// How much of an error's body is looked at for its reason, in bytes.
const MAX_ERROR_BODY_BYTES: usize = 4 * 1024;
/// How much of a reason is passed on, in characters.
const MAX_REASON_LENGTH: usize = 300;

/// Calls mirrors; one per process, cheap to clone.
#[derive(Clone)]
pub(crate) struct MirrorClient {
    http: reqwest::Client,
    rules: AddressRules,
    clock: Clock,
}

/// Why a call to a mirror did not succeed.
#[derive(Debug, Error)]
pub(crate) enum CallError {
    #[error(transparent)]
    AddressRefused(#[from] AddressRefused),
    #[error("{0} is not an address of this mirror")]
    ForeignAddress(String),
    #[error("{url} cannot be reached: {reason}")]
    Unreachable { url: String, reason: String },
    #[error("{url} answered {status}{}{reason}", if .reason.is_empty() { "" } else { ": " })]
    Refused { url: String, status: StatusCode, reason: String },
    #[error("{url} answered more than {limit} bytes")]
    TooLarge { url: String, limit: usize },
}

/// Something to send to a mirror, signed.
pub(crate) struct SignedCall<'a> {
    pub(crate) method: Method,
    pub(crate) url: &'a str,
    pub(crate) event_key: Option<&'a str>,
    pub(crate) body: &'a Value,
    pub(crate) timeout: Duration,
}

impl MirrorClient {
    pub(crate) fn new(rules: AddressRules, clock: Clock) -> Result<Self, reqwest::Error> {
        Ok(Self { http: outgoing_http::client(rules).build()?, rules, clock })
    }

    /// Checks as much of an address as can be checked without resolving it.
    pub(crate) fn check_address(&self, url: &Url) -> Result<(), AddressRefused> {
        self.rules.check_literal(url)
    }

    /// Fetches a small document, without credentials.
    pub(crate) async fn get(&self, url: &Url, limit: usize, timeout: Duration) -> Result<Vec<u8>, CallError> {
        self.rules.check_literal(url)?;
        // The timeout covers the body as well.
        let request = self.http.get(url.clone()).header("Accept", "application/json").timeout(timeout);
        let response = request.send().await.map_err(|error| unreachable(url, &error))?;
        let status = response.status();
        if status != StatusCode::OK {
            return Err(CallError::Refused { url: url.to_string(), status, reason: String::new() });
        }
        let (body, complete) =
            read_at_most(response, limit).await.map_err(|error| unreachable(url, &error))?;
        if complete { Ok(body) } else { Err(CallError::TooLarge { url: url.to_string(), limit }) }
    }

    /// Sends something in the name of this upstream. Any 2xx is a success.
    pub(crate) async fn send(&self, mirror: &MirrorServer, call: SignedCall<'_>) -> Result<(), CallError> {
        let foreign = || CallError::ForeignAddress(call.url.to_owned());
        let url = Url::parse(call.url).map_err(|_| foreign())?;
        self.rules.check_literal(&url)?;
        let now = self.clock.now_seconds();
        let token = token_for(mirror, call.method.as_str(), &url, now, SERVER_TOKEN_LIFETIME_SECONDS);
        let authorization = format!("JWT {}", token.ok_or_else(foreign)?);
        let mut request = self.http.request(call.method, url.clone()).timeout(call.timeout);
        request = request.header("Authorization", authorization).header("Accept", "application/json");
        if let Some(event_key) = call.event_key {
            request = request.header("X-Event-Key", event_key);
        }
        let response = request.json(call.body).send().await.map_err(|error| unreachable(&url, &error))?;
        let status = response.status();
        if status.is_success() {
            return Ok(());
        }
        let reason = match read_at_most(response, MAX_ERROR_BODY_BYTES).await {
            Ok((body, true)) => reason_in(&body),
            _ => String::new(),
        };
        Err(CallError::Refused { url: url.to_string(), status, reason })
    }
}

impl CallError {
    /// True if the same call would be refused again, because the mirror does not like what it says.
    pub(crate) fn is_final(&self) -> bool {
        matches!(self, Self::Refused { status, .. } if outgoing_http::refuses_content(*status))
    }
}

fn unreachable(url: &Url, error: &reqwest::Error) -> CallError {
    match outgoing_http::cause_of(error) {
        Cause::AddressRefused(refused) => CallError::AddressRefused(refused),
        Cause::Other(reason) => CallError::Unreachable { url: url.to_string(), reason },
    }
}

/// The first message of an error body.
fn reason_in(body: &[u8]) -> String {
    let value: Value = serde_json::from_slice(body).unwrap_or_default();
    let message = value["errors"][0]["message"].as_str().unwrap_or_default();
    message.chars().filter(|character| !character.is_control()).take(MAX_REASON_LENGTH).collect()
}
