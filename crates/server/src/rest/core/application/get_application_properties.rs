//! GET /application-properties: what this server is, for anyone.

use heliostat_api::ops::{GetApplicationProperties, GetApplicationPropertiesResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetApplicationProperties for UpstreamHandlers {
    async fn get_application_properties(
        &self,
        _call: Call,
    ) -> Result<GetApplicationPropertiesResponse, Problem> {
        Ok(GetApplicationPropertiesResponse::Ok(ApiJson(self.wire.application_properties())))
    }
}
