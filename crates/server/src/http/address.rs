//! What comes before routing: the context path is taken off, and API version `1.0` is read as `latest`.
//!
//! Signatures cover the address as the client sent it, so only the routed address changes; poem keeps the
//! original one.

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
        AddressEndpoint { endpoint, context_path: self.context_path.clone() }
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
        let Some(routed) = routed_path(path, &self.context_path) else {
            return Ok(Problem::unknown_path(path).response());
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

/// The path that is routed, or `None` when it lies outside the context path.
fn routed_path<'a>(path: &'a str, context_path: &str) -> Option<Cow<'a, str>> {
    let below = path.strip_prefix(context_path)?;
    let below = match below {
        "" => "/",
        below if below.starts_with('/') => below,
        _ => return None,
    };
    let mut segments = below.splitn(4, '/');
    let (_, rest, module, versioned) = (segments.next(), segments.next(), segments.next(), segments.next());
    if let (Some("rest"), Some(module), Some(versioned)) = (rest, module, versioned)
        && let Some(operation) = versioned.strip_prefix("1.0/")
    {
        return Some(format!("/rest/{module}/latest/{operation}").into());
    }
    Some(below.into())
}

#[cfg(test)]
mod tests {
    use super::routed_path;

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
}
