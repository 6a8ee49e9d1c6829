//! What all calls from here to somewhere else have in common: bounded, without redirects, only where the address
//! rules allow.

use std::error::Error;
use std::time::Duration;

use futures_util::StreamExt;
use reqwest::{StatusCode, redirect};

use crate::address_rules::{AddressRefused, AddressRules};

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How this server names itself to those whom it calls.
pub(crate) const USER_AGENT: &str = concat!("heliostat-upstream/", env!("CARGO_PKG_VERSION"));

/// Why there was no answer.
pub(crate) enum Cause {
    /// The name leads to an address that must not be called.
    AddressRefused(AddressRefused),
    /// Anything else, in words.
    Other(String),
}

/// A client to go on with.
pub(crate) fn client(rules: AddressRules) -> reqwest::ClientBuilder {
    reqwest::Client::builder()
        .redirect(redirect::Policy::none())
        .no_proxy()
        .dns_resolver(rules)
        .connect_timeout(CONNECT_TIMEOUT)
        .tcp_nodelay(true)
        .user_agent(USER_AGENT)
}

/// Reads a body up to a limit in bytes, and tells whether that was all of it.
pub(crate) async fn read_at_most(
    response: reqwest::Response,
    limit: usize,
) -> Result<(Vec<u8>, bool), reqwest::Error> {
    let mut body = Vec::new();
    let mut chunks = response.bytes_stream();
    while let Some(chunk) = chunks.next().await {
        let chunk = chunk?;
        let room = limit - body.len();
        if chunk.len() > room {
            body.extend_from_slice(&chunk[..room]);
            return Ok((body, false));
        }
        body.extend_from_slice(&chunk);
    }
    Ok((body, true))
}

/// Whether a status says that the receiver does not like what it is told, so that it would refuse it again.
pub(crate) fn refuses_content(status: StatusCode) -> bool {
    [StatusCode::BAD_REQUEST, StatusCode::PAYLOAD_TOO_LARGE, StatusCode::UNPROCESSABLE_ENTITY]
        .contains(&status)
}

/// The innermost cause of an error, which is the one that says something: "connection refused" and not "error
/// sending request".
pub(crate) fn cause_of(error: &reqwest::Error) -> Cause {
    let mut cause: &dyn Error = error;
    while let Some(source) = cause.source() {
        cause = source;
        if let Some(refused) = cause.downcast_ref::<AddressRefused>() {
            return Cause::AddressRefused(refused.clone());
        }
    }
    Cause::Other(if error.is_timeout() { "it took too long".to_owned() } else { cause.to_string() })
}
