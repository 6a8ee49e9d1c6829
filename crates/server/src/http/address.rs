//! What comes before routing: an address is read in its plain spelling, the context path is taken off, and API version
//! `1.0` is read as `latest`.
//!
//! Clients encode characters that need it not, and join a base URL that ends with a slash with a path that begins with
//! one. Signatures cover the address as the client sent it, so only the routed address changes; poem keeps the original
//! one.

use std::borrow::Cow;

use poem::http::Uri;
use poem::{Endpoint, Middleware, Request, Response, Result};

use crate::http::problem::Problem;

/// The middleware; `context_path` is empty or starts with a slash and ends without one.
#[derive(Clone)]
pub struct Address {
    /// The path part of the base URL.
    pub context_path: String,
}

impl<E: Endpoint<Output = Response>> Middleware<E> for Address {
    type Output = AddressEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        AddressEndpoint { endpoint, context_path: plainly_spelled(&self.context_path).into_owned() }
    }
}

/// The endpoint below a context path.
pub struct AddressEndpoint<E> {
    endpoint: E,
    context_path: String,
}

impl<E: Endpoint<Output = Response>> Endpoint for AddressEndpoint<E> {
    type Output = Response;

    async fn call(&self, mut request: Request) -> Result<Response> {
        let path = request.uri().path();
        let plain = plainly_spelled(path);
        let Some(routed) = routed_path(&plain, &self.context_path) else {
            return Ok(Problem::outside_context_path(path, &self.context_path).response());
        };
        if routed != path {
            let routed = routed.into_owned();
            let query = request.uri().query().map(|query| format!("?{query}")).unwrap_or_default();
            let Ok(uri) = format!("{routed}{query}").parse::<Uri>() else {
                return Ok(Problem::unknown_path(&routed).response());
            };
            *request.uri_mut() = uri;
        }
        self.endpoint.call(request).await
    }
}

/// The path that is routed for one that was sent, or `None` when it lies outside the context path.
pub fn routed(path: &str, context_path: &str) -> Option<String> {
    let plain = plainly_spelled(path);
    routed_path(&plain, &plainly_spelled(context_path)).map(Cow::into_owned)
}

/// The path with letters, digits and `-._~` as themselves: encoded or not, they are the same address (RFC 3986, 6.2.2.2).
fn plainly_spelled(path: &str) -> Cow<'_, str> {
    if !path.contains('%') {
        return path.into();
    }
    let mut parts = path.split('%');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        match unreserved(part) {
            Some(character) => {
                plain.push(character);
                plain.push_str(&part[2..]);
            }
            None => {
                plain.push('%');
                plain.push_str(part);
            }
        }
    }
    plain.into()
}

/// The character that two hex digits stand for, if it is one that needs no encoding.
fn unreserved(encoded: &str) -> Option<char> {
    let digits = encoded.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
    let character = char::from(u8::from_str_radix(digits, 16).ok()?);
    (character.is_ascii_alphanumeric() || "-._~".contains(character)).then_some(character)
}

/// The path that is routed, or `None` when it lies outside the context path.
fn routed_path<'a>(path: &'a str, context_path: &str) -> Option<Cow<'a, str>> {
    let below = with_one_slash_first(path).strip_prefix(context_path)?;
    let below = match below {
        "" => "/",
        below if below.starts_with('/') => with_one_slash_first(below),
        _ => return None,
    };
    if below.starts_with("/scm/") && below.contains("//") {
        return Some(with_single_slashes(below).into());
    }
    let mut segments = below.splitn(4, '/');
    let (_, rest, module, versioned) = (segments.next(), segments.next(), segments.next(), segments.next());
    if let (Some("rest"), Some(module), Some(versioned)) = (rest, module, versioned)
        && let Some(operation) = versioned.strip_prefix("1.0/")
    {
        return Some(format!("/rest/{module}/latest/{operation}").into());
    }
    Some(below.into())
}

/// The path without the slash that the base URL before it ended with.
fn with_one_slash_first(path: &str) -> &str {
    let slashes = path.bytes().take_while(|byte| *byte == b'/').count();
    &path[slashes.saturating_sub(1)..]
}

/// No name of a project or a repository is empty, so nothing is lost. Git appends its part to whatever it was given.
fn with_single_slashes(path: &str) -> String {
    path.chars().fold(String::with_capacity(path.len()), |mut single, character| {
        if character != '/' || !single.ends_with('/') {
            single.push(character);
        }
        single
    })
}

#[cfg(test)]
mod tests {
    use super::{plainly_spelled, routed_path};

    #[test]
    fn version_and_context_path_are_resolved() {
        let routed = |path, context| routed_path(path, context);
        assert_eq!(routed("/rest/api/1.0/projects", "").as_deref(), Some("/rest/api/latest/projects"));
        assert_eq!(routed("/rest/api/latest/projects", "").as_deref(), Some("/rest/api/latest/projects"));
        assert_eq!(
            routed("/git/rest/mirroring/1.0/repos", "/git").as_deref(),
            Some("/rest/mirroring/latest/repos")
        );
        assert_eq!(routed("/git", "/git").as_deref(), Some("/"));
        assert_eq!(routed("/github", "/git"), None);
        assert_eq!(routed("/rest", "/git"), None);
        assert_eq!(routed("/scm/a/1.0/x", "").as_deref(), Some("/scm/a/1.0/x"));
    }

    #[test]
    fn what_needs_no_encoding_is_the_same_encoded() {
        assert_eq!(plainly_spelled("/scm/%70rj/my%2Drepo%5F1%2ex.git"), "/scm/prj/my-repo_1.x.git");
        assert_eq!(plainly_spelled("/scm/%7Eada/r.git"), "/scm/~ada/r.git");
        // What separates or has to be encoded stays, and so does what is no encoding; nothing is decoded twice.
        for other in ["/a%2Fb", "/a%2fb", "/%FF", "/%2570", "/%", "/%7", "/%zz", "/%+7", "/%é", "/plain"] {
            assert_eq!(plainly_spelled(other), other);
        }
    }

    #[test]
    fn slashes_are_doubled_by_base_urls_that_end_with_one() {
        let routed = |path, context| routed_path(path, context).map(String::from);
        let address = Some("/scm/prj/r.git/info/refs".to_owned());
        for path in ["//scm/prj/r.git/info/refs", "/scm//prj///r.git//info/refs"] {
            assert_eq!(routed(path, ""), address, "{path}");
        }
        for path in ["/git//scm/prj/r.git/info/refs", "//git/scm/prj/r.git//info/refs"] {
            assert_eq!(routed(path, "/git"), address, "{path}");
        }
        assert_eq!(routed("//rest/api/1.0/projects", "").as_deref(), Some("/rest/api/latest/projects"));
        // Within an address of REST an empty part is a value that is missing.
        assert_eq!(
            routed("/rest/api/latest/projects//repos", "").as_deref(),
            Some("/rest/api/latest/projects//repos")
        );
    }
}
