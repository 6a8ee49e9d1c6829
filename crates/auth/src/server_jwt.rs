//! The signed tokens by which an upstream and its mirrors know each other.
//!
//! A token is `base64url(header).base64url(claims).base64url(signature)`. Exactly one algorithm, HS256, is
//! ever accepted: what the header says is compared with it and selects nothing, so that "none" or a public-key
//! algorithm cannot be smuggled in. The claims name the sender (`iss`), the time (`iat`, `exp`) and the one
//! request the token is good for (`qsh`, see [`crate::query_string_hash`]).
//!
//! Verification takes two steps because the secret depends on the sender: [`UnverifiedToken::parse`] reads who
//! claims to have sent it, [`UnverifiedToken::verify`] checks that with the secret of that sender. The order
//! of the checks matters: signature, then request, then clock. A token that fails at the clock has no other
//! fault, and the error can tell an operator by how much the two clocks differ.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use thiserror::Error;

use crate::Secret;

/// By how much the clocks of two servers may differ, in seconds.
pub const LEEWAY_SECONDS: i64 = 30;
/// How long a token for one call between servers is good, in seconds.
pub const SERVER_TOKEN_LIFETIME_SECONDS: i64 = 180;
/// How long a token for reading one repository with git is good, in seconds.
pub const GIT_TOKEN_LIFETIME_SECONDS: i64 = 600;
/// Longest lifetime that is accepted, in seconds.
pub const MAX_TOKEN_LIFETIME_SECONDS: i64 = 3_600;

const MAX_TOKEN_BYTES: usize = 4 * 1024;
/// A token that expired longer ago than this is an old token rather than a sign of a wrong clock.
const MAX_PLAUSIBLE_SKEW_SECONDS: i64 = 86_400;
const ALGORITHM: &str = "HS256";

/// What a token says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Who signed it: a mirror's server id, or a client key.
    pub iss: String,
    /// When it was made, in epoch seconds.
    pub iat: i64,
    /// When it ends, in epoch seconds.
    pub exp: i64,
    /// The request it is good for.
    pub qsh: String,
}

/// Why a token was not accepted.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TokenError {
    /// Not a token at all, or one with claims missing.
    #[error("it is malformed")]
    Malformed,
    /// Signed with another algorithm than HS256, or with none.
    #[error("its algorithm is not {ALGORITHM}")]
    WrongAlgorithm,
    /// Not signed with the secret of its sender.
    #[error("its signature does not match")]
    WrongSignature,
    /// Made for another request.
    #[error("it was made for another request (qsh)")]
    WrongRequest,
    /// Made to last longer than is accepted.
    #[error("it claims a lifetime of {seconds} s; at most {MAX_TOKEN_LIFETIME_SECONDS} s are accepted")]
    TooLongLived {
        /// Claimed lifetime.
        seconds: i64,
    },
    /// Right in everything except the time, so the two clocks differ.
    #[error(
        "the clocks of the two servers differ by about {} s (the sender's is {}); synchronise them",
        .seconds.abs(), if *.seconds > 0 { "ahead" } else { "behind" }
    )]
    ClockSkew {
        /// The sender's clock minus ours.
        seconds: i64,
    },
    /// Past its end by more than a wrong clock explains.
    #[error("it expired {seconds} s ago")]
    Expired {
        /// Seconds since its end.
        seconds: i64,
    },
}

impl Claims {
    /// Claims for a call made now, good for `lifetime_seconds`.
    pub fn new(
        issuer: impl Into<String>,
        query_hash: impl Into<String>,
        now: i64,
        lifetime_seconds: i64,
    ) -> Self {
        Self {
            iss: issuer.into(),
            iat: now,
            exp: now.saturating_add(lifetime_seconds),
            qsh: query_hash.into(),
        }
    }
}

/// Signs `claims` and returns the token.
pub fn sign(secret: &Secret, claims: &Claims) -> String {
    let header = Header { alg: ALGORITHM.to_owned(), typ: Some("JWT".to_owned()) };
    let signed = format!("{}.{}", encode_json(&header), encode_json(claims));
    let signature = mac(secret, signed.as_bytes()).finalize().into_bytes();
    format!("{signed}.{}", URL_SAFE_NO_PAD.encode(signature))
}

/// A token whose parts have been read and whose signature has not been checked.
#[derive(Debug, Clone)]
pub struct UnverifiedToken {
    signed: String,
    signature: Vec<u8>,
    claims: Claims,
}

impl UnverifiedToken {
    /// Reads the parts of a token.
    pub fn parse(token: &str) -> Result<Self, TokenError> {
        if token.len() > MAX_TOKEN_BYTES {
            return Err(TokenError::Malformed);
        }
        let (signed, signature) = token.rsplit_once('.').ok_or(TokenError::Malformed)?;
        let (header, claims) = signed.split_once('.').ok_or(TokenError::Malformed)?;
        let header: Header = decode_json(header)?;
        if header.alg != ALGORITHM {
            return Err(TokenError::WrongAlgorithm);
        }
        let signature = URL_SAFE_NO_PAD.decode(signature).map_err(|_| TokenError::Malformed)?;
        Ok(Self { signed: signed.to_owned(), signature, claims: decode_json(claims)? })
    }

    /// Who claims to have signed it. Good for looking up a secret and for nothing else.
    pub fn issuer(&self) -> &str {
        &self.claims.iss
    }

    /// Checks the token against the sender's secret, the request at hand and the time in epoch seconds.
    pub fn verify(&self, secret: &Secret, query_hash: &str, now: i64) -> Result<&Claims, TokenError> {
        mac(secret, self.signed.as_bytes())
            .verify_slice(&self.signature)
            .map_err(|_| TokenError::WrongSignature)?;
        if !bool::from(self.claims.qsh.as_bytes().ct_eq(query_hash.as_bytes())) {
            return Err(TokenError::WrongRequest);
        }
        self.verify_time(now)?;
        Ok(&self.claims)
    }

    fn verify_time(&self, now: i64) -> Result<(), TokenError> {
        let Claims { iat, exp, .. } = self.claims;
        let lifetime = exp.saturating_sub(iat);
        if lifetime > MAX_TOKEN_LIFETIME_SECONDS {
            return Err(TokenError::TooLongLived { seconds: lifetime });
        }
        let skew = iat.saturating_sub(now);
        if skew > LEEWAY_SECONDS {
            return Err(TokenError::ClockSkew { seconds: skew });
        }
        let expired_for = now.saturating_sub(exp);
        if expired_for <= LEEWAY_SECONDS {
            return Ok(());
        }
        // Tokens for one call are sent as soon as they are made: an expired one tells of a slow clock. Longer
        // ones are kept by clients, so their end is ordinary.
        if lifetime <= SERVER_TOKEN_LIFETIME_SECONDS && skew >= -MAX_PLAUSIBLE_SKEW_SECONDS {
            Err(TokenError::ClockSkew { seconds: skew })
        } else {
            Err(TokenError::Expired { seconds: expired_for })
        }
    }
}

#[derive(Serialize, Deserialize)]
struct Header {
    alg: String,
    #[serde(default)]
    typ: Option<String>,
}

fn mac(secret: &Secret, message: &[u8]) -> Hmac<Sha256> {
    let mut mac =
        Hmac::<Sha256>::new_from_slice(secret.expose().as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

fn encode_json<T: Serialize>(value: &T) -> String {
    URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).expect("strings and integers always serialise"))
}

fn decode_json<T: for<'de> Deserialize<'de>>(part: &str) -> Result<T, TokenError> {
    let bytes = URL_SAFE_NO_PAD.decode(part).map_err(|_| TokenError::Malformed)?;
    serde_json::from_slice(&bytes).map_err(|_| TokenError::Malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_764_000_000;

    fn secret() -> Secret {
        Secret::new("5f9c0d7d3f9a4a0f")
    }

    fn token_made_at(time: i64, lifetime: i64) -> String {
        sign(&secret(), &Claims::new("B0F5-CS21-45C2-CCK3", "a1b2", time, lifetime))
    }

    fn verify(token: &str, query_hash: &str) -> Result<Claims, TokenError> {
        UnverifiedToken::parse(token)?.verify(&secret(), query_hash, NOW).cloned()
    }

    fn with_header(header: &str) -> String {
        let token = token_made_at(NOW, SERVER_TOKEN_LIFETIME_SECONDS);
        let (_, rest) = token.split_once('.').expect("a token has dots");
        format!("{}.{rest}", URL_SAFE_NO_PAD.encode(header))
    }

    #[test]
    fn a_fresh_token_is_accepted() {
        let claims =
            verify(&token_made_at(NOW, SERVER_TOKEN_LIFETIME_SECONDS), "a1b2").expect("a good token");
        assert_eq!(claims.iss, "B0F5-CS21-45C2-CCK3");
        assert_eq!(claims.exp, NOW + 180);
    }

    #[test]
    fn the_signature_is_what_others_compute() {
        // Computed once with another implementation of HMAC-SHA256 over the same two parts.
        let claims = Claims { iss: "joe".into(), iat: 1, exp: 2, qsh: "q".into() };
        let token = sign(&Secret::new("key"), &claims);
        assert_eq!(
            token,
            "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9.eyJpc3MiOiJqb2UiLCJpYXQiOjEsImV4cCI6MiwicXNoIjoicSJ9.l-N1GdFVz26r6h5xEoKJ3t8TSE3lmC0smWM_V4yrnII"
        );
    }

    #[test]
    fn leeway_covers_small_differences_in_both_directions() {
        let ahead = token_made_at(NOW + LEEWAY_SECONDS, 180);
        let behind = token_made_at(NOW - 180 - LEEWAY_SECONDS, 180);
        assert!(verify(&ahead, "a1b2").is_ok());
        assert!(verify(&behind, "a1b2").is_ok());
    }

    #[test]
    fn skew_is_named_in_seconds() {
        let ahead = verify(&token_made_at(NOW + 95, 180), "a1b2").expect_err("too far ahead");
        assert_eq!(ahead, TokenError::ClockSkew { seconds: 95 });
        assert!(ahead.to_string().contains("about 95 s (the sender's is ahead)"), "{ahead}");
        let behind = verify(&token_made_at(NOW - 300, 180), "a1b2");
        assert_eq!(behind, Err(TokenError::ClockSkew { seconds: -300 }));
    }

    #[test]
    fn old_tokens_are_expired() {
        let link = verify(&token_made_at(NOW - 700, 600), "a1b2");
        assert_eq!(link, Err(TokenError::Expired { seconds: 100 }));
        let ancient = verify(&token_made_at(NOW - 200_000, 180), "a1b2");
        assert_eq!(ancient, Err(TokenError::Expired { seconds: 199_820 }));
    }

    #[test]
    fn endless_tokens_are_refused() {
        let result = verify(&token_made_at(NOW, i64::MAX), "a1b2");
        assert!(matches!(result, Err(TokenError::TooLongLived { .. })), "{result:?}");
        let negative = verify(&token_made_at(i64::MIN, 0), "a1b2");
        assert!(matches!(negative, Err(TokenError::Expired { .. })), "{negative:?}");
    }

    #[test]
    fn another_request_is_refused() {
        assert_eq!(verify(&token_made_at(NOW, 180), "ffff"), Err(TokenError::WrongRequest));
    }

    #[test]
    fn forged_tokens_are_refused() {
        let forged = sign(&Secret::new("guess"), &Claims::new("B0F5-CS21-45C2-CCK3", "a1b2", NOW, 180));
        assert_eq!(verify(&forged, "a1b2"), Err(TokenError::WrongSignature));

        let good = token_made_at(NOW, 180);
        let (signed, _) = good.rsplit_once('.').expect("a token has dots");
        assert_eq!(verify(&format!("{signed}."), "a1b2"), Err(TokenError::WrongSignature));

        let other_claims = encode_json(&Claims::new("AAAA-AAAA-AAAA-AAAA", "a1b2", NOW, 180));
        let parts: Vec<&str> = good.split('.').collect();
        let swapped = format!("{}.{other_claims}.{}", parts[0], parts[2]);
        assert_eq!(verify(&swapped, "a1b2"), Err(TokenError::WrongSignature));
    }

    #[test]
    fn only_one_algorithm_exists() {
        for header in [r#"{"alg":"none"}"#, r#"{"alg":"RS256"}"#, r#"{"alg":"hs256"}"#, r#"{"alg":"HS512"}"#]
        {
            assert_eq!(verify(&with_header(header), "a1b2"), Err(TokenError::WrongAlgorithm), "{header}");
        }
        // The header is signed too, so a re-written but acceptable one does not pass either.
        assert_eq!(verify(&with_header(r#"{"alg":"HS256"}"#), "a1b2"), Err(TokenError::WrongSignature));
    }

    #[test]
    fn garbage_is_malformed() {
        let long = "a".repeat(MAX_TOKEN_BYTES + 1);
        for token in ["", ".", "..", "a.b", "a.b.c", "!.!.!", &long, &with_header("{}"), &with_header("no")] {
            assert_eq!(verify(token, "a1b2"), Err(TokenError::Malformed), "{token}");
        }
        let claimless = format!("{}.{}.AAAA", encode_json(&Header { alg: "HS256".into(), typ: None }), "e30");
        assert_eq!(verify(&claimless, "a1b2"), Err(TokenError::Malformed));
    }
}
