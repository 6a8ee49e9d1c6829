//! The route: checks who asks, takes the metrics of the moment, writes them.

use std::sync::Arc;

use poem::endpoint::make_sync;
use poem::http::header;
use poem::{Request, Response, RouteMethod, get};

use super::access::{self, MetricsToken};
use super::snapshot::Metrics;
use crate::http::problem::Problem;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`; `take` gives the metrics of the moment.
pub fn metrics(
    token: Option<MetricsToken>,
    take: impl Fn() -> Metrics + Send + Sync + 'static,
) -> RouteMethod {
    let token = Arc::new(token);
    get(make_sync(move |request: Request| {
        let peer = request.remote_addr().as_socket_addr().map(|address| address.ip());
        match access::check(peer, request.headers(), token.as_ref().as_ref()) {
            Ok(()) => Response::builder()
                .header(header::CONTENT_TYPE, CONTENT_TYPE)
                .header(header::CACHE_CONTROL, "no-store")
                .body(take().text()),
            Err(refusal) => Problem::from(refusal).response(),
        }
    }))
}
