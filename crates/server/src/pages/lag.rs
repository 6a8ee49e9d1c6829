//! `GET /console/lag` of an upstream: what its mirrors have not taken in yet, for the first page.
//!
//! It is the page's own and not part of the contract; only administrators are answered.

use heliostat_api::Call;
use heliostat_auth::Credentials;
use heliostat_refusal::Refusal;
use heliostat_upstream::permit;
use heliostat_upstream::{MirrorStatus, RequestFacts, Upstream};
use poem::endpoint::make;
use poem::http::header;
use poem::{Endpoint, Request, Response};
use serde::Serialize;

use crate::http::problem::Problem;

#[derive(Serialize)]
struct Lag {
    mirrors: Vec<LagOfMirror>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct LagOfMirror {
    id: String,
    pending_events: u64,
    /// Why the last delivery failed, while deliveries fail.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
}

/// The endpoint.
pub(super) fn lag(upstream: Upstream) -> impl Endpoint<Output = Response> {
    make(move |request| {
        let upstream = upstream.clone();
        async move { answer(&upstream, &request).await.map_err(poem::Error::from) }
    })
}

async fn answer(upstream: &Upstream, request: &Request) -> Result<Response, Problem> {
    let call = Call::of(request);
    let credentials = Credentials::parse(call.authorization.as_deref(), None).map_err(Refusal::from)?;
    let facts = RequestFacts { method: &call.method, path: &call.path, raw_query: call.query.as_deref() };
    let caller = upstream.accounts().identify(credentials, facts).await?;
    let status = upstream.status_for(permit::admin(&caller)?).await?;
    let lag = Lag { mirrors: status.mirrors.into_iter().map(LagOfMirror::of).collect() };
    let text = serde_json::to_vec(&lag).unwrap_or_default();
    Ok(Response::builder()
        .content_type("application/json")
        .header(header::CACHE_CONTROL, "no-store")
        .body(text))
}

impl LagOfMirror {
    fn of(status: MirrorStatus) -> Self {
        LagOfMirror {
            id: status.mirror.id.to_string(),
            pending_events: status.pending_events,
            last_error: status.delivery.last_error,
        }
    }
}
