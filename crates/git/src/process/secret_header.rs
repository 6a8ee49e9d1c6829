//! The secret that git sends to another server, without it showing anywhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Longest header value that is passed on.
const MAX_HEADER_BYTES: usize = 16 * 1024;

/// The value of an `Authorization` header. Never printed; goes to `git` by environment, not by argument.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeader(String);

/// A header value that would break the request.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the authorization value is empty, too long or holds a control character")]
pub struct InvalidHeader;

impl SecretHeader {
    /// A whole header value, such as `JWT eyJ…` or `Bearer …`.
    pub fn new(value: impl Into<String>) -> Result<Self, InvalidHeader> {
        let value = value.into();
        let is_valid =
            !value.is_empty() && value.len() <= MAX_HEADER_BYTES && !value.contains(char::is_control);
        if is_valid { Ok(Self(value)) } else { Err(InvalidHeader) }
    }

    /// The header for a user name and a password.
    pub fn basic(username: &str, password: &str) -> Self {
        Self(format!("Basic {}", STANDARD.encode(format!("{username}:{password}"))))
    }

    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretHeader {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretHeader(..)")
    }
}

/// A message with `//user:password@` shortened to `//`, wherever it occurs.
pub(crate) fn without_credentials(message: &str) -> String {
    let mut clean = String::with_capacity(message.len());
    let mut rest = message;
    while let Some(start) = rest.find("://") {
        let (before, after) = rest.split_at(start + 3);
        clean.push_str(before);
        let end =
            after.find(|c: char| c.is_whitespace() || matches!(c, '/' | '\'' | '"')).unwrap_or(after.len());
        rest = after[..end].rfind('@').map_or(after, |at| &after[at + 1..]);
    }
    clean.push_str(rest);
    clean
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_secret_does_not_show() {
        let secret = SecretHeader::new("JWT abc").expect("valid");
        assert_eq!(format!("{secret:?}"), "SecretHeader(..)");
        assert_eq!(SecretHeader::new("a\r\nHost: b"), Err(InvalidHeader));
        assert_eq!(SecretHeader::new(""), Err(InvalidHeader));
    }

    #[test]
    fn credentials_leave_messages() {
        let message = "fatal: unable to access 'https://ann:secret@host/a.git/': see http://host/x @y";
        let clean = "fatal: unable to access 'https://host/a.git/': see http://host/x @y";
        assert_eq!(without_credentials(message), clean);
    }
}
