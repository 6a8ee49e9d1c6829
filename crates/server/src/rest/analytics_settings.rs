//! GET /analyticsSettings: no usage data is collected, and what time it is here.

use heliostat_api::models::RestAnalyticsSettings;
use heliostat_api::upstream::AnalyticsSettingsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// No usage data is collected, and what time it is here.
pub async fn analytics_settings(
    role: &UpstreamOperations,
    call: Call,
) -> Result<AnalyticsSettingsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let settings = role.upstream.analytics_settings(&caller)?;
    Ok(AnalyticsSettingsResponse::Ok(ApiJson(RestAnalyticsSettings {
        can_collect_analytics: settings.can_collect_analytics,
        server_time: settings.server_time,
        support_entitlement_number: None,
    })))
}
