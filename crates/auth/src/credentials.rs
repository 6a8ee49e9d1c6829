//! What a request carries to say who sent it, before it is verified.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use thiserror::Error;

use crate::Secret;

/// Longest `Authorization` value or `jwt` parameter that is looked at, in bytes.
pub const MAX_CREDENTIAL_BYTES: usize = 8 * 1024;

/// Credentials as sent, unverified.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credentials {
    /// Nothing was sent.
    None,
    /// User name with a password, or with an access token in its place.
    Basic {
        /// Login name.
        username: String,
        /// Password or access token.
        password: Secret,
    },
    /// An access token.
    Bearer(Secret),
    /// A token signed by another server.
    Jwt(Secret),
}

/// Why credentials could not be read.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum CredentialsError {
    /// Longer than [`MAX_CREDENTIAL_BYTES`].
    #[error("the credentials are longer than {MAX_CREDENTIAL_BYTES} bytes")]
    TooLong,
    /// A scheme that is not spoken here.
    #[error("the authorization scheme is not supported; Basic, Bearer and JWT are")]
    UnknownScheme,
    /// The value does not have the form of its scheme.
    #[error("the {scheme} credentials are malformed")]
    Malformed {
        /// Name of the scheme.
        scheme: &'static str,
    },
}

impl Credentials {
    /// Reads an `Authorization` header, or the query parameter `jwt` when there is none.
    pub fn parse(authorization: Option<&str>, query_jwt: Option<&str>) -> Result<Self, CredentialsError> {
        let longest = authorization.map_or(0, str::len).max(query_jwt.map_or(0, str::len));
        if longest > MAX_CREDENTIAL_BYTES {
            return Err(CredentialsError::TooLong);
        }
        match (authorization, query_jwt) {
            (Some(header), _) => Self::from_header(header),
            (None, Some("")) => Err(CredentialsError::Malformed { scheme: "JWT" }),
            (None, Some(token)) => Ok(Self::Jwt(Secret::new(token))),
            (None, None) => Ok(Self::None),
        }
    }

    /// Whether there is a user name and no password: what Git sends of an address with a name in it (`https://ann@host/`)
    /// before it asks for the password. No password here is empty.
    pub fn lack_the_password(&self) -> bool {
        matches!(self, Self::Basic { password, .. } if password.expose().is_empty())
    }

    /// The value of the `Authorization` header that says this to another server. A signed token says nothing there: it is
    /// good for one server only.
    pub fn for_another_server(&self) -> Option<Secret> {
        match self {
            Self::Basic { username, password } => {
                let pair = STANDARD.encode(format!("{username}:{}", password.expose()));
                Some(Secret::new(format!("Basic {pair}")))
            }
            Self::Bearer(token) => Some(Secret::new(format!("Bearer {}", token.expose()))),
            Self::None | Self::Jwt(_) => None,
        }
    }

    fn from_header(header: &str) -> Result<Self, CredentialsError> {
        let header = header.trim();
        let (scheme, value) = header.split_once(' ').unwrap_or((header, ""));
        let value = value.trim();
        if scheme.eq_ignore_ascii_case("basic") {
            parse_basic(value).ok_or(CredentialsError::Malformed { scheme: "Basic" })
        } else if scheme.eq_ignore_ascii_case("bearer") {
            token(value).map(Self::Bearer).ok_or(CredentialsError::Malformed { scheme: "Bearer" })
        } else if scheme.eq_ignore_ascii_case("jwt") {
            token(value).map(Self::Jwt).ok_or(CredentialsError::Malformed { scheme: "JWT" })
        } else {
            Err(CredentialsError::UnknownScheme)
        }
    }
}

fn parse_basic(value: &str) -> Option<Credentials> {
    let decoded = String::from_utf8(STANDARD.decode(value).ok()?).ok()?;
    let (username, password) = decoded.split_once(':')?;
    Some(Credentials::Basic { username: username.to_owned(), password: Secret::new(password) })
}

fn token(value: &str) -> Option<Secret> {
    (!value.is_empty() && !value.contains(char::is_whitespace)).then(|| Secret::new(value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn basic_splits_at_the_first_colon() {
        let header = format!("Basic {}", STANDARD.encode("ada:se:cret"));
        let expected = Credentials::Basic { username: "ada".into(), password: Secret::new("se:cret") };
        assert_eq!(Credentials::parse(Some(&header), None), Ok(expected));
    }

    #[test]
    fn a_name_alone_lacks_the_password() {
        let of = |header: &str| Credentials::parse(Some(header), None).map(|read| read.lack_the_password());
        for (pair, expected) in [("ada:", true), (":", true), ("ada:s", false), (":s", false)] {
            assert_eq!(of(&format!("Basic {}", STANDARD.encode(pair))), Ok(expected), "{pair}");
        }
        assert_eq!(of("Bearer abc"), Ok(false));
        assert!(!Credentials::None.lack_the_password());
    }

    #[test]
    fn schemes_are_case_insensitive_and_the_header_wins_over_the_query() {
        let bearer = Credentials::parse(Some("bEaReR abc"), Some("ignored"));
        assert_eq!(bearer, Ok(Credentials::Bearer(Secret::new("abc"))));
        let signed = Credentials::parse(None, Some("a.b.c"));
        assert_eq!(signed, Ok(Credentials::Jwt(Secret::new("a.b.c"))));
        assert_eq!(Credentials::parse(None, None), Ok(Credentials::None));
    }

    #[test]
    fn what_users_show_is_shown_to_another_server_and_signatures_are_not() {
        let basic = format!("Basic {}", STANDARD.encode("ada:se:cret"));
        for header in [basic.as_str(), "Bearer abc"] {
            let credentials = Credentials::parse(Some(header), None).expect("well formed");
            assert_eq!(credentials.for_another_server(), Some(Secret::new(header)));
        }
        for credentials in [Credentials::None, Credentials::Jwt(Secret::new("a.b.c"))] {
            assert_eq!(credentials.for_another_server(), None);
        }
    }

    #[test]
    fn bad_values_are_refused() {
        for header in ["Basic", "Basic !!!", "Basic YWJj", "Bearer", "Bearer a b", "JWT ", "Digest x", ""] {
            assert!(Credentials::parse(Some(header), None).is_err(), "{header:?}");
        }
        let long = format!("Bearer {}", "x".repeat(MAX_CREDENTIAL_BYTES));
        assert_eq!(Credentials::parse(Some(&long), None), Err(CredentialsError::TooLong));
    }

    #[test]
    fn debug_output_shows_no_secret() {
        let header = format!("Basic {}", STANDARD.encode("ada:hunter2"));
        let shown = format!("{:?}", Credentials::parse(Some(&header), None));
        assert!(shown.contains("ada") && !shown.contains("hunter2"), "{shown}");
    }
}
