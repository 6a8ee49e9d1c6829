//! What a request shows of who has sent it, read once for its counts and for its line in the log.
//!
//! Nothing is proved by it: whether the credentials are right is seen from the answer.

use heliostat_auth::Credentials;
use poem::Request;
use poem::http::header;

use super::request_counters::CredentialKind;

/// How an `Authorization` header begins.
const SCHEMES: [(&str, CredentialKind); 3] =
    [("basic", CredentialKind::Basic), ("bearer", CredentialKind::Bearer), ("jwt", CredentialKind::Jwt)];

/// What other Git servers take for "the user name is a token".
const NAME_IS_TOKEN: &str = "x-oauth-basic";

/// What is shown. A user name alone shows nothing, as it is no attempt to log in: clients send it before they ask for the
/// password.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct ShownCredentials {
    /// As what they are counted, also if they are malformed.
    pub kind: Option<CredentialKind>,
    /// The scheme of the header.
    pub scheme: Option<&'static str>,
    /// The user name in it unless that may be a secret: some servers take a token in its place, with an empty password or a
    /// certain one.
    pub name: Option<String>,
}

impl ShownCredentials {
    /// Those of this request.
    pub fn of(request: &Request) -> Self {
        let Some(authorization) = request.headers().get(header::AUTHORIZATION) else {
            let mut parameters = request.uri().query().unwrap_or_default().split('&');
            let is_signed = parameters.any(|parameter| parameter.starts_with("jwt="));
            return Self { kind: is_signed.then_some(CredentialKind::Jwt), ..Self::default() };
        };
        let read = authorization.to_str().ok().map(|text| Credentials::parse(Some(text), None));
        let (scheme, name) = match read {
            Some(Ok(credentials)) if credentials.lack_the_password() => return Self::default(),
            Some(Ok(Credentials::Basic { username, password })) => {
                let is_name = !username.is_empty() && password.expose() != NAME_IS_TOKEN;
                (Some("Basic"), is_name.then_some(username))
            }
            Some(Ok(Credentials::Bearer(_))) => (Some("Bearer"), None),
            Some(Ok(Credentials::Jwt(_))) => (Some("JWT"), None),
            Some(Ok(Credentials::None) | Err(_)) => (Some("unknown"), None),
            None => (None, None),
        };
        Self { kind: Some(kind_of(authorization.as_bytes())), scheme, name }
    }
}

fn kind_of(authorization: &[u8]) -> CredentialKind {
    let scheme = authorization.trim_ascii_start().split(|byte| *byte == b' ').next().unwrap_or_default();
    let known = SCHEMES.iter().find(|(name, _)| scheme.eq_ignore_ascii_case(name.as_bytes()));
    known.map_or(CredentialKind::Other, |(_, kind)| *kind)
}

#[cfg(test)]
mod tests {
    use base64::Engine;
    use base64::engine::general_purpose::STANDARD;

    use super::*;

    fn shown(authorization: Option<&str>, query: &str) -> ShownCredentials {
        let builder = Request::builder().uri_str(format!("/scm/prj/x.git/git-upload-pack{query}"));
        ShownCredentials::of(&match authorization {
            Some(value) => builder.header("authorization", value).finish(),
            None => builder.finish(),
        })
    }

    #[test]
    fn a_name_is_shown_unless_it_may_be_a_token() {
        let of = |header: Option<&str>| {
            let shown = shown(header, "");
            (shown.scheme, shown.name)
        };
        let basic = |pair: &str| of(Some(&format!("Basic {}", STANDARD.encode(pair))));
        assert_eq!(basic("ann:secret"), (Some("Basic"), Some("ann".to_owned())));
        assert_eq!(basic("ann:"), (None, None));
        for pair in ["ghp_secret:x-oauth-basic", ":secret"] {
            assert_eq!(basic(pair), (Some("Basic"), None));
        }
        assert_eq!(of(Some("Bearer secret")), (Some("Bearer"), None));
        assert_eq!(of(Some("Digest secret")), (Some("unknown"), None));
        assert_eq!(of(None), (None, None));
    }

    #[test]
    fn credentials_are_told_apart_by_their_scheme() {
        for (authorization, query, kind) in [
            (None, "", None),
            (None, "?jwt=abc", Some(CredentialKind::Jwt)),
            (Some("basic YTpi"), "", Some(CredentialKind::Basic)),
            // "a:" and "a".
            (Some("Basic YTo="), "", None),
            (Some("Basic YQ=="), "", Some(CredentialKind::Basic)),
            (Some("Bearer abc"), "", Some(CredentialKind::Bearer)),
            (Some("JWT abc"), "", Some(CredentialKind::Jwt)),
            (Some("Digest abc"), "", Some(CredentialKind::Other)),
        ] {
            assert_eq!(shown(authorization, query).kind, kind, "{authorization:?}");
        }
    }
}
