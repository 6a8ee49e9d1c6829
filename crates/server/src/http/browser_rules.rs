//! What a browser is told of every answer: to take it for what it says it is, to name this server to no other, to keep no
//! page of it, to show none inside a page of another site, and, where the operator wants it, to come by https alone.

use std::time::Duration;

use poem::http::{HeaderMap, HeaderName, HeaderValue, header};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};

/// What pages may not do at least. A page that says more about itself says it, too, for it replaces this.
const PAGE_POLICY: HeaderValue = HeaderValue::from_static(
    "frame-ancestors 'none'; base-uri 'none'; form-action 'none'; object-src 'none'",
);

/// The middleware.
#[derive(Debug, Clone)]
pub struct BrowserRules {
    https_only: Option<HeaderValue>,
}

impl BrowserRules {
    /// With how long after each answer a browser is to come by https alone, if that is wanted.
    pub fn new(https_only_for: Option<Duration>) -> Self {
        let https_only = https_only_for.map(|time| {
            HeaderValue::try_from(format!("max-age={}", time.as_secs())).expect("letters and digits")
        });
        Self { https_only }
    }
}

impl<E: Endpoint> Middleware<E> for BrowserRules {
    type Output = BrowserRulesEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        BrowserRulesEndpoint { endpoint, rules: self.clone() }
    }
}

/// An endpoint whose answers carry the rules.
pub struct BrowserRulesEndpoint<E> {
    endpoint: E,
    rules: BrowserRules,
}

impl<E: Endpoint> Endpoint for BrowserRulesEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let mut response = self.endpoint.call(request).await?.into_response();
        let headers = response.headers_mut();
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
        if let Some(https_only) = &self.rules.https_only {
            headers.insert(header::STRICT_TRANSPORT_SECURITY, https_only.clone());
        }
        if is_page(headers) {
            set_unless_there(headers, header::CONTENT_SECURITY_POLICY, PAGE_POLICY);
            set_unless_there(headers, header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            // For browsers that do not know `frame-ancestors`.
            headers.insert(header::X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        }
        Ok(response)
    }
}

fn is_page(headers: &HeaderMap) -> bool {
    let media_type = headers.get(header::CONTENT_TYPE).map(HeaderValue::as_bytes).unwrap_or_default();
    media_type.to_ascii_lowercase().starts_with(b"text/html")
}

fn set_unless_there(headers: &mut HeaderMap, name: HeaderName, value: HeaderValue) {
    headers.entry(name).or_insert(value);
}
