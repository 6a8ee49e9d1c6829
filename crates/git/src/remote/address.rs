//! Where another repository is, and the secret that may be part of its address.

use percent_encoding::percent_decode_str;
use thiserror::Error;

use crate::process::SecretHeader;

/// Longest address that is passed on.
const MAX_ADDRESS_BYTES: usize = 16 * 1024;

/// An address that cannot be passed on.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("the repository address is empty, too long, starts with '-' or holds a control character")]
pub struct InvalidAddress;

/// An address that is safe in a process list, and the secret that was part of it or came beside it.
pub(crate) struct Remote {
    pub(crate) address: String,
    pub(crate) authorization: Option<SecretHeader>,
}

impl Remote {
    /// Takes user name and password out of an HTTP address; a header that was given wins over them.
    pub(crate) fn parse(url: &str, authorization: Option<&SecretHeader>) -> Result<Self, InvalidAddress> {
        let is_invalid = url.is_empty() || url.len() > MAX_ADDRESS_BYTES || url.starts_with('-');
        if is_invalid || url.contains(char::is_control) {
            return Err(InvalidAddress);
        }
        let (address, from_url) = match split_user_info(url) {
            Some((address, user_info)) => (address, Some(basic_header(user_info))),
            None => (url.to_owned(), None),
        };
        Ok(Self { address, authorization: authorization.cloned().or(from_url) })
    }

    /// The same, but leaves in the address a user name that has no password there.
    pub(crate) fn with_name(url: &str) -> Result<Self, InvalidAddress> {
        let remote = Self::parse(url, None)?;
        match split_user_info(url) {
            Some((_, user_info)) if !user_info.contains(':') => {
                Ok(Self { address: url.to_owned(), authorization: None })
            }
            _ => Ok(remote),
        }
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
    percent_decode_str(text).decode_utf8_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn credentials_leave_the_address() {
        let remote = Remote::parse("https://ann:p%40ss@git.example:8443/a/b.git", None).expect("valid");
        assert_eq!(remote.address, "https://git.example:8443/a/b.git");
        assert_eq!(remote.authorization, Some(SecretHeader::basic("ann", "p@ss")));
        let given = SecretHeader::new("JWT x").expect("valid");
        let remote = Remote::parse("http://ann@git.example/", Some(&given)).expect("valid");
        assert_eq!((remote.address.as_str(), remote.authorization), ("http://git.example/", Some(given)));
        let named = Remote::with_name("http://ann@git.example/").expect("valid");
        assert_eq!((named.address.as_str(), named.authorization), ("http://ann@git.example/", None));
        let whole = Remote::with_name("http://ann:pw@git.example/").expect("valid");
        assert_eq!(whole.authorization, Some(SecretHeader::basic("ann", "pw")));
        assert_eq!(whole.address, "http://git.example/");
        for plain in ["/srv/a@b.git", "ssh://git@host/a.git", "git@host:a.git", "https://host/@x"] {
            let remote = Remote::parse(plain, None).expect("valid");
            assert_eq!((remote.address.as_str(), remote.authorization), (plain, None));
        }
        assert!(Remote::parse("--upload-pack=x", None).is_err());
        assert!(Remote::parse("", None).is_err());
    }
}
