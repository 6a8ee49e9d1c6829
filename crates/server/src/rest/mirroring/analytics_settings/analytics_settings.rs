//! GET /analyticsSettings: no usage data is collected, and what time it is here.

use heliostat_api::models::RestAnalyticsSettings;
use heliostat_api::ops::{AnalyticsSettings, AnalyticsSettingsRequest, AnalyticsSettingsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl AnalyticsSettings for UpstreamHandlers {
    async fn analytics_settings(
        &self,
        call: Call,
        request: AnalyticsSettingsRequest,
    ) -> Result<AnalyticsSettingsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let settings = self.upstream.downstream().members.analytics_settings(
            permit::mirror_or_admin(&caller)?,
            request.instance.as_deref(),
            request.other_upstream.as_deref(),
        );
        Ok(AnalyticsSettingsResponse::Ok(ApiJson(RestAnalyticsSettings {
            can_collect_analytics: settings.can_collect_analytics,
            server_time: settings.server_time,
            support_entitlement_number: None,
            runs_twice: settings.runs_twice.then_some(true),
            instance: settings.instance,
            base_url: settings.base_url,
            delivery_error: settings.delivery_error,
        })))
    }
}
