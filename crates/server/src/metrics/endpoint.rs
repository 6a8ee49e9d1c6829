//! The route: checks who asks, takes the metrics of the moment, writes them.

use std::sync::Arc;

use heliostat_api::Call;
use poem::endpoint::make;
use poem::http::header;
use poem::{Request, Response, RouteMethod, get};

use super::access::{self, MetricsToken};
use super::snapshot::Metrics;
use crate::http::problem::Problem;

const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// `GET /metrics`; `take` gives the metrics of the moment.
pub fn metrics<Taking>(
    token: Option<MetricsToken>,
    take: impl Fn() -> Taking + Send + Sync + 'static,
) -> RouteMethod
where
    Taking: Future<Output = Metrics> + Send,
{
    let shared = Arc::new((token, take));
    get(make(move |request: Request| {
        let shared = Arc::clone(&shared);
        async move {
            let (token, take) = shared.as_ref();
            match access::check_operator(&Call::of(&request), token.as_ref()) {
                Ok(()) => Response::builder()
                    .header(header::CONTENT_TYPE, CONTENT_TYPE)
                    .header(header::CACHE_CONTROL, "no-store")
                    .body(take().await.text()),
                Err(refusal) => Problem::from(refusal).response(),
            }
        }
    }))
}
