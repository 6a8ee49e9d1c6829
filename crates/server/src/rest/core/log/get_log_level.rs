//! GET /logs/level: how much this server logs at present.

use heliostat_api::models::RestLogLevel;
use heliostat_api::ops::{GetLogLevel, GetLogLevelResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::log_level::{ControlsLog, LogLevel};
use crate::rest::{MirrorHandlers, OriginHandlers, UpstreamHandlers};

impl GetLogLevel for UpstreamHandlers {
    async fn get_log_level(&self, call: Call) -> Result<GetLogLevelResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = permit::sys_admin(&caller)?;
        Ok(answer(&self.log_level, &administrator))
    }
}

impl GetLogLevel for MirrorHandlers {
    async fn get_log_level(&self, call: Call) -> Result<GetLogLevelResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        Ok(answer(&self.log_level, &administrator))
    }
}

impl GetLogLevel for OriginHandlers {
    async fn get_log_level(&self, call: Call) -> Result<GetLogLevelResponse, Problem> {
        let operator = self.operator(&call)?;
        Ok(answer(&self.log_level, &operator))
    }
}

fn answer(log_level: &LogLevel, permission: &impl ControlsLog) -> GetLogLevelResponse {
    GetLogLevelResponse::Ok(ApiJson(RestLogLevel { level: log_level.now(permission) }))
}
