//! POST /mirrorServers/{mirrorId}/lease: a mirror takes the right to answer readers by itself.

use std::time::Duration;

use heliostat_api::models::RestLease;
use heliostat_api::ops::{TakeLease, TakeLeaseRequest, TakeLeaseResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl TakeLease for UpstreamHandlers {
    async fn take_lease(&self, call: Call, request: TakeLeaseRequest) -> Result<TakeLeaseResponse, Problem> {
        let caller = self.identify(&call).await?;
        let mirror = permit::this_mirror(&caller, &request.mirror_id)?;
        let compared_ago = request.body.compared_ago_millis.and_then(|millis| u64::try_from(millis).ok());
        let compared_ago = compared_ago.map(Duration::from_millis);
        let lease = self.upstream.downstream().members.take_lease(&mirror, compared_ago).await?;
        let duration_millis = i64::try_from(lease.duration.as_millis()).unwrap_or(i64::MAX);
        Ok(TakeLeaseResponse::Ok(ApiJson(RestLease { granted: lease.granted, duration_millis })))
    }
}
