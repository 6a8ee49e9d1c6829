//! Where another repository is and with which secret it is asked, without the secret showing anywhere.

use std::fmt;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

/// Longest address or header value we pass on.
const MAX_REMOTE_BYTES: usize = 16 * 1024;

/// The value of an `Authorization` header. Never printed; goes to `git` by environment, not by argument.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretHeader(String);

/// An address or header that cannot be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum InvalidRemote {
    /// The header would break the request.
    #[error("the authorization value is empty, too long or holds a control character")]
    Header,
    /// The address is not one.
    #[error("the repository address is empty, too long, starts with '-' or holds a control character")]
    Address,
}

/// An address that is safe in a process list, and the secret that was part of it or came beside it.
pub(crate) struct Remote {
    pub(crate) address: String,
    pub(crate) authorization: Option<SecretHeader>,
}

impl SecretHeader {
    /// A whole header value, such as `JWT eyJ…` or `Bearer …`.
    pub fn new(value: impl Into<String>) -> Result<Self, InvalidRemote> {
        let value = value.into();
        let is_valid =
            !value.is_empty() && value.len() <= MAX_REMOTE_BYTES && !value.contains(char::is_control);
        if is_valid { Ok(Self(value)) } else { Err(InvalidRemote::Header) }
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

impl Remote {
    /// Takes user name and password out of an HTTP address; a header that was given wins over them.
    pub(crate) fn parse(url: &str, authorization: Option<&SecretHeader>) -> Result<Self, InvalidRemote> {
        let is_invalid = url.is_empty() || url.len() > MAX_REMOTE_BYTES || url.starts_with('-');
        if is_invalid || url.contains(char::is_control) {
            return Err(InvalidRemote::Address);
        }
        let (address, from_url) = match split_user_info(url) {
            Some((address, user_info)) => (address, Some(basic_header(user_info))),
            None => (url.to_owned(), None),
        };
        Ok(Self { address, authorization: authorization.cloned().or(from_url) })
    }
}

/// The address without, and the text of, `user:password` in `https://user:password@host/`.
fn split_user_info(url: &str) -> Option<(String, &str)> {
    let scheme_end = url.find("://")? + 3;
    if !url[..scheme_end].to_ascii_lowercase().starts_with("http") {
        return None;
    }
    let authority_end = url[scheme_end..].find(['/', '?', '#']).map_or(url.len(), |index| scheme_end + index);
    let at = url[scheme_end..authority_end].rfind('@')?;
    let user_info = &url[scheme_end..scheme_end + at];
    Some((format!("{}{}", &url[..scheme_end], &url[scheme_end + at + 1..]), user_info))
}

fn basic_header(user_info: &str) -> SecretHeader {
    let (username, password) = user_info.split_once(':').unwrap_or((user_info, ""));
    SecretHeader::basic(&percent_decoded(username), &percent_decoded(password))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        let escaped = after.get(..2).filter(|_| *first == b'%').and_then(|digits| hex::decode(digits).ok());
        match escaped {
            Some(decoded) => {
                bytes.extend(decoded);
                rest = &after[2..];
            }
            None => {
                bytes.push(*first);
                rest = after;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
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
        assert_eq!(SecretHeader::new("a\r\nHost: b"), Err(InvalidRemote::Header));
        assert_eq!(SecretHeader::new(""), Err(InvalidRemote::Header));
    }

    #[test]
    fn credentials_leave_the_address() {
        let remote = Remote::parse("https://ann:p%40ss@git.example:8443/a/b.git", None).expect("valid");
        assert_eq!(remote.address, "https://git.example:8443/a/b.git");
        assert_eq!(remote.authorization, Some(SecretHeader::basic("ann", "p@ss")));
        let given = SecretHeader::new("JWT x").expect("valid");
        let remote = Remote::parse("http://ann@git.example/", Some(&given)).expect("valid");
        assert_eq!((remote.address.as_str(), remote.authorization), ("http://git.example/", Some(given)));
        for plain in ["/srv/a@b.git", "ssh://git@host/a.git", "git@host:a.git", "https://host/@x"] {
            let remote = Remote::parse(plain, None).expect("valid");
            assert_eq!((remote.address.as_str(), remote.authorization), (plain, None));
        }
        assert!(Remote::parse("--upload-pack=x", None).is_err());
        assert!(Remote::parse("", None).is_err());
    }

    #[test]
    fn credentials_leave_messages() {
        let message = "fatal: unable to access 'https://ann:secret@host/a.git/': see http://host/x @y";
        let clean = "fatal: unable to access 'https://host/a.git/': see http://host/x @y";
        assert_eq!(without_credentials(message), clean);
    }
}
