//! What a client has shown of who it is, only for the server that it is meant for.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::HeaderValue;
use sha2::Sha256;
use thiserror::Error;

/// Longest `Authorization` header that is passed on. Tokens of one or two KiB are usual.
pub const MAX_AUTHORIZATION_BYTES: usize = 16 * 1024;

/// The value of an `Authorization` header, or none. Nothing shows it, and it is stored nowhere.
#[derive(Clone)]
pub struct Credentials(Option<String>);

/// A header that is not passed on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error(
    "the Authorization header is empty, longer than {MAX_AUTHORIZATION_BYTES} bytes, or holds other than printable ASCII"
)]
pub struct InvalidCredentials;

impl Credentials {
    /// Nothing was shown.
    pub fn anonymous() -> Self {
        Self(None)
    }

    /// The header as it came, of whatever scheme.
    pub fn from_header(value: Option<&[u8]>) -> Result<Self, InvalidCredentials> {
        let Some(value) = value else { return Ok(Self::anonymous()) };
        let value = value.trim_ascii();
        let is_printable = value.iter().all(|byte| matches!(byte, b' '..=b'~'));
        if value.is_empty() || value.len() > MAX_AUTHORIZATION_BYTES || !is_printable {
            return Err(InvalidCredentials);
        }
        String::from_utf8(value.to_vec()).map(|value| Self(Some(value))).map_err(|_| InvalidCredentials)
    }

    /// A user name and a password or token, as every Git server takes them.
    pub fn basic(username: &str, password: &str) -> Result<Self, InvalidCredentials> {
        let encoded = STANDARD.encode(format!("{username}:{password}"));
        Self::from_header(Some(format!("Basic {encoded}").as_bytes()))
    }

    /// A token that is sent as it is.
    pub fn bearer(token: &str) -> Result<Self, InvalidCredentials> {
        Self::from_header(Some(format!("Bearer {token}").as_bytes()))
    }

    /// Whether nothing was shown.
    pub fn is_anonymous(&self) -> bool {
        self.0.is_none()
    }

    /// Whether there is a user name and no password: what Git sends of an address with a name in it before it asks for the
    /// password. Some servers take a token so, and who has one shows nothing else.
    pub fn lack_the_password(&self) -> bool {
        let pair = self.0.as_ref().and_then(|value| {
            let (scheme, pair) = value.split_once(' ')?;
            scheme.eq_ignore_ascii_case("basic").then(|| STANDARD.decode(pair.trim()).ok()).flatten()
        });
        pair.is_some_and(|pair| pair.iter().position(|byte| *byte == b':') == Some(pair.len() - 1))
    }

    /// What stands for these credentials where they must not be: they cannot be found from it without the key, and two
    /// are equal only for equal headers.
    pub fn fingerprint(&self, key: &[u8; 32]) -> [u8; 32] {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key of any length is taken");
        match &self.0 {
            None => mac.update(b"anonymous"),
            Some(value) => {
                mac.update(b"authorization\0");
                mac.update(value.as_bytes());
            }
        }
        mac.finalize().into_bytes().into()
    }

    /// The header's value, for a request to the server that it is meant for.
    pub(crate) fn header(&self) -> Option<&str> {
        self.0.as_deref()
    }

    /// The same for a request over HTTP.
    pub(crate) fn header_value(&self) -> Option<HeaderValue> {
        let mut value = HeaderValue::from_str(self.header()?).expect("it is printable ASCII");
        value.set_sensitive(true);
        Some(value)
    }
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_anonymous() { "Credentials(none)" } else { "Credentials(..)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_break_a_request_is_no_header() {
        let longest = format!("Bearer {}", "x".repeat(MAX_AUTHORIZATION_BYTES - "Bearer ".len()));
        for value in ["Basic YW5uOnNlY3JldA==", "Bearer ghs_123_eyJ.a-b", longest.as_str()] {
            let credentials = Credentials::from_header(Some(value.as_bytes())).expect(value);
            assert_eq!(credentials.header(), Some(value));
        }
        let too_long = format!("{longest}x");
        for value in ["", "  ", "Basic a\r\nHost: b", "Basic \u{e4}", too_long.as_str()] {
            assert!(Credentials::from_header(Some(value.as_bytes())).is_err(), "{value:?}");
        }
        assert!(Credentials::from_header(None).expect("none").is_anonymous());
    }

    #[test]
    fn a_name_alone_is_told_from_a_password() {
        for (name, password, expected) in
            [("ann", "", true), ("", "", true), ("ann", "a:", false), ("", "a", false)]
        {
            let credentials = Credentials::basic(name, password).expect("valid");
            assert_eq!(credentials.lack_the_password(), expected, "{name}:{password}");
        }
        assert!(!Credentials::bearer("YTo=").expect("valid").lack_the_password());
        assert!(!Credentials::anonymous().lack_the_password());
    }

    #[test]
    fn a_secret_does_not_show() {
        let secret = Credentials::basic("ann", "secret").expect("valid");
        assert_eq!(format!("{secret:?}"), "Credentials(..)");
        assert_eq!(secret.header(), Some("Basic YW5uOnNlY3JldA=="));
    }

    #[test]
    fn a_fingerprint_depends_on_key_and_header() {
        let (ann, bob) = (Credentials::basic("ann", "x"), Credentials::basic("bob", "x"));
        let (ann, bob) = (ann.expect("valid"), bob.expect("valid"));
        let again = Credentials::basic("ann", "x").expect("valid");
        assert_eq!(ann.fingerprint(&[1; 32]), again.fingerprint(&[1; 32]));
        let others = [bob.fingerprint(&[1; 32]), ann.fingerprint(&[2; 32])];
        let anonymous = Credentials::anonymous().fingerprint(&[1; 32]);
        assert!(!others.contains(&ann.fingerprint(&[1; 32])) && anonymous != ann.fingerprint(&[1; 32]));
    }
}
