//! Who may read the metrics: this machine, or with a token every client that has it, from anywhere.

use heliostat_api::Call;
use heliostat_auth::{Credentials, Secret};
use heliostat_refusal::Refusal;

/// Shorter tokens could be guessed, in bytes.
const MIN_TOKEN_BYTES: usize = 16;
/// Longest token, in bytes.
const MAX_TOKEN_BYTES: usize = 512;

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

/// Lets a client pass that may read the metrics, or what else is for those who run this server.
pub fn check_operator(call: &Call, token: Option<&MetricsToken>) -> Result<(), Refusal> {
    let Some(MetricsToken(expected)) = token else {
        return if is_local(call) { Ok(()) } else { Err(not_shown_here()) };
    };
    match Credentials::parse(call.authorization.as_deref(), None)? {
        Credentials::Bearer(sent) if sent == *expected => Ok(()),
        _ => Err(Refusal::unauthenticated("The metrics token is needed, as a Bearer token.")),
    }
}

/// Whether this machine asks. A proxy on it asks for its clients.
fn is_local(call: &Call) -> bool {
    !call.is_forwarded && call.peer.is_some_and(|peer| peer.to_canonical().is_loopback())
}

fn not_shown_here() -> Refusal {
    Refusal::forbidden(
        "This is shown to loopback only (http://127.0.0.1 on the server's own machine). Start the server with --metrics-token-file, and \
         send the token as Authorization: Bearer, to read it by any other address.",
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(peer: Option<&str>, authorization: Option<&str>) -> Call {
        Call {
            method: "GET".to_owned(),
            path: "/metrics".to_owned(),
            query: None,
            authorization: authorization.map(str::to_owned),
            peer: peer.map(|peer| peer.parse().expect("an address")),
            is_forwarded: false,
        }
    }

    fn shown(peer: &str, authorization: Option<&str>, token: Option<&MetricsToken>) -> bool {
        check_operator(&call(Some(peer), authorization), token).is_ok()
    }

    #[test]
    fn without_a_token_only_loopback_may_read() {
        for peer in ["127.0.0.1", "127.8.8.8", "::1", "::ffff:127.0.0.1"] {
            assert!(shown(peer, None, None), "{peer}");
        }
        for peer in ["192.0.2.1", "10.0.0.1", "2001:db8::1"] {
            assert!(!shown(peer, None, None), "{peer}");
        }
        assert!(check_operator(&call(None, None), None).is_err());
    }

    #[test]
    fn a_proxy_on_this_machine_is_not_this_machine() {
        let forwarded = Call { is_forwarded: true, ..call(Some("127.0.0.1"), None) };
        assert!(check_operator(&forwarded, None).is_err());
    }

    #[test]
    fn a_token_is_asked_for_everywhere() {
        let token = MetricsToken::new("0123456789abcdef").expect("long enough");
        assert!(shown("192.0.2.1", Some("Bearer 0123456789abcdef"), Some(&token)));
        assert!(!shown("127.0.0.1", Some("Bearer 0123456789abcdeX"), Some(&token)));
        assert!(!shown("127.0.0.1", None, Some(&token)));
        assert!(!shown("127.0.0.1", Some("Basic MDEyMzQ6NTY3ODk="), Some(&token)));
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
