//! Who may read the metrics: this machine, or with a token every client that has it, from anywhere.

use std::net::IpAddr;

use heliostat_auth::{Credentials, Secret};
use heliostat_refusal::Refusal;
use poem::http::{HeaderMap, HeaderName, header};

/// Shorter tokens could be guessed, in bytes.
const MIN_TOKEN_BYTES: usize = 16;
/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 512;

/// Headers by which a proxy says that it asks for another client. Without this rule a proxy on the same machine would
/// make all its clients local.
const FORWARDED: [HeaderName; 3] =
    [header::FORWARDED, HeaderName::from_static("x-forwarded-for"), HeaderName::from_static("x-real-ip")];

/// The token that `/metrics` asks for.
#[derive(Debug, Clone)]
pub struct MetricsToken(Secret);

/// A token that cannot be one.
#[derive(Debug, thiserror::Error)]
#[error("it must have {MIN_TOKEN_BYTES} to {MAX_TOKEN_BYTES} letters, digits and signs, without spaces")]
pub struct InvalidMetricsToken;

impl MetricsToken {
    /// Checks that a token can travel in a header and is not guessed easily.
    pub fn new(token: impl Into<String>) -> Result<Self, InvalidMetricsToken> {
        let token = token.into();
        let has_length = (MIN_TOKEN_BYTES..=MAX_TOKEN_BYTES).contains(&token.len());
        if has_length && token.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(Self(Secret::new(token)))
        } else {
            Err(InvalidMetricsToken)
        }
    }
}

/// Lets a client that may read the metrics pass; `peer` is the other end of the connection.
pub fn check(peer: Option<IpAddr>, headers: &HeaderMap, token: Option<&MetricsToken>) -> Result<(), Refusal> {
    let Some(MetricsToken(expected)) = token else {
        return if is_local(peer, headers) { Ok(()) } else { Err(not_shown_here()) };
    };
    let sent = headers.get(header::AUTHORIZATION).and_then(|value| value.to_str().ok());
    match Credentials::parse(sent, None)? {
        Credentials::Bearer(sent) if sent == *expected => Ok(()),
        _ => Err(Refusal::unauthenticated("The metrics token is needed, as a Bearer token.")),
    }
}

fn is_local(peer: Option<IpAddr>, headers: &HeaderMap) -> bool {
    let is_loopback = peer.is_some_and(|peer| peer.to_canonical().is_loopback());
    is_loopback && !FORWARDED.iter().any(|header| headers.contains_key(header))
}

fn not_shown_here() -> Refusal {
    Refusal::forbidden(
        "Metrics are shown to the server's own machine only. Start the server with a metrics token to read them from \
         elsewhere.",
    )
}

#[cfg(test)]
mod tests {
    use poem::http::HeaderValue;

    use super::*;

    fn headers(all: &[(HeaderName, &'static str)]) -> HeaderMap {
        all.iter().map(|(name, value)| (name.clone(), HeaderValue::from_static(value))).collect()
    }

    fn shown(peer: &str, sent: &[(HeaderName, &'static str)], token: Option<&MetricsToken>) -> bool {
        check(Some(peer.parse().expect("an address")), &headers(sent), token).is_ok()
    }

    #[test]
    fn without_a_token_only_loopback_may_read() {
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(shown(peer, &[], None), "{peer}");
        }
        for peer in ["192.0.2.1", "10.0.0.1", "2001:db8::1"] {
            assert!(!shown(peer, &[], None), "{peer}");
        }
        assert!(check(None, &HeaderMap::new(), None).is_err());
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        for header in FORWARDED {
            assert!(!shown("127.0.0.1", &[(header.clone(), "192.0.2.1")], None), "{header}");
        }
    }

    #[test]
    fn a_token_is_asked_for_everywhere() {
        let token = MetricsToken::new("0123456789abcdef").expect("long enough");
        let right = (header::AUTHORIZATION, "Bearer 0123456789abcdef");
        let wrong = (header::AUTHORIZATION, "Bearer 0123456789abcdeX");
        assert!(shown("192.0.2.1", &[right], Some(&token)));
        assert!(!shown("127.0.0.1", &[wrong], Some(&token)));
        assert!(!shown("127.0.0.1", &[], Some(&token)));
        assert!(!shown("127.0.0.1", &[(header::AUTHORIZATION, "Basic MDEyMzQ6NTY3ODk=")], Some(&token)));
    }

    #[test]
    fn a_token_is_long_and_fits_a_header() {
        assert!(MetricsToken::new("0123456789abcde").is_err());
        assert!(MetricsToken::new("x".repeat(MAX_TOKEN_BYTES + 1)).is_err());
        assert!(MetricsToken::new("0123456789 abcdef").is_err());
        let shown = format!("{:?}", MetricsToken::new("0123456789abcdef").expect("long enough"));
        assert!(!shown.contains("0123"), "{shown}");
    }
}
