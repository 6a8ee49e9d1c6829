//! One log line per request, under an id that the client learns from `X-Request-Id`.
//!
//! The query is left out: it can carry a signed token.

use std::time::Instant;

use poem::http::{HeaderName, HeaderValue};
use poem::{Endpoint, IntoResponse, Middleware, Request, Response, Result};
use tracing::Instrument;
use uuid::Uuid;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The middleware.
#[derive(Clone, Copy)]
pub struct RequestLog;

impl<E: Endpoint> Middleware<E> for RequestLog {
    type Output = RequestLogEndpoint<E>;

    fn transform(&self, endpoint: E) -> Self::Output {
        RequestLogEndpoint { endpoint }
    }
}

/// A logging endpoint.
pub struct RequestLogEndpoint<E> {
    endpoint: E,
}

impl<E: Endpoint> Endpoint for RequestLogEndpoint<E> {
    type Output = Response;

    async fn call(&self, request: Request) -> Result<Response> {
        let id = Uuid::new_v4().simple().to_string();
        let started = Instant::now();
        let span = tracing::info_span!(
            "request",
            request.id = id,
            http.method = request.method().as_str(),
            http.path = request.uri().path()
        );
        let mut response = self.endpoint.call(request).instrument(span.clone()).await?.into_response();
        if let Ok(id) = HeaderValue::from_str(&id) {
            response.headers_mut().insert(REQUEST_ID, id);
        }
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        span.in_scope(|| {
            tracing::debug!(http.status = response.status().as_u16(), duration_ms, "answered a request");
        });
        Ok(response)
    }
}
