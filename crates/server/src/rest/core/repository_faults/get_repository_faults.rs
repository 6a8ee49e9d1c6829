//! GET /admin/repository-faults: where records and disk do not agree.

use heliostat_api::ops::{GetRepositoryFaults, GetRepositoryFaultsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetRepositoryFaults for UpstreamHandlers {
    async fn get_repository_faults(&self, call: Call) -> Result<GetRepositoryFaultsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let faults = self.upstream.repositories().faults(permit::admin(&caller)?).await?;
        Ok(GetRepositoryFaultsResponse::Ok(ApiJson(self.wire.repository_faults(&faults))))
    }
}
