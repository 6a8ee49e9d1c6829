//! GET /application-properties: what this server is, for anyone.

use heliostat_api::ApiJson;
use heliostat_api::application::GetApplicationPropertiesResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// What this server is, for anyone.
pub async fn get_application_properties(
    role: &UpstreamOperations,
) -> Result<GetApplicationPropertiesResponse, Problem> {
    Ok(GetApplicationPropertiesResponse::Ok(ApiJson(role.wire.application_properties())))
}
