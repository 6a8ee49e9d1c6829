//! The route: checks who asks, takes the metrics of the moment, writes them.

use std::sync::Arc;

use heliostat_api::Call;
use poem::endpoint::make;
use poem::http::header;
use poem::{Request, Response, RouteMethod, get};

use super::access::{self, MetricsToken};
use super::classic_text::{TextFormat, classic};
use super::snapshot::Metrics;
use crate::http::problem::Problem;

/// `GET /metrics`; `take` gives the metrics of the moment, `commit` is what the program was built from.
pub fn metrics<Taking>(
    token: Option<MetricsToken>,
    commit: &'static str,
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
            if let Err(refusal) = access::check_operator(&Call::of(&request), token.as_ref()) {
                return Problem::from(refusal).response();
            }
            let format = TextFormat::wanted(request.header(header::ACCEPT));
            let text = Metrics { commit, ..take().await }.text();
            let response = Response::builder()
                .header(header::CONTENT_TYPE, format.content_type())
                .header(header::VARY, "Accept")
                .header(header::CACHE_CONTROL, "no-store");
            response.body(match format {
                TextFormat::OpenMetrics => text,
                TextFormat::Classic => classic(&text),
            })
        }
    }))
}
