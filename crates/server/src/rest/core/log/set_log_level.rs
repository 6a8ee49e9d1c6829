//! PUT /logs/level: how much this server logs from now on.

use heliostat_api::ops::{SetLogLevel, SetLogLevelRequest, SetLogLevelResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_refusal::Refusal;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::log_level::{ControlsLog, LogLevel};
use crate::rest::{MirrorHandlers, OriginHandlers, UpstreamHandlers};

impl SetLogLevel for UpstreamHandlers {
    async fn set_log_level(
        &self,
        call: Call,
        request: SetLogLevelRequest,
    ) -> Result<SetLogLevelResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = permit::sys_admin(&caller)?;
        set(&self.log_level, &administrator, request)
    }
}

impl SetLogLevel for MirrorHandlers {
    async fn set_log_level(
        &self,
        call: Call,
        request: SetLogLevelRequest,
    ) -> Result<SetLogLevelResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        set(&self.log_level, &administrator, request)
    }
}

impl SetLogLevel for OriginHandlers {
    async fn set_log_level(
        &self,
        call: Call,
        request: SetLogLevelRequest,
    ) -> Result<SetLogLevelResponse, Problem> {
        let operator = self.operator(&call)?;
        set(&self.log_level, &operator, request)
    }
}

fn set(
    log_level: &LogLevel,
    permission: &impl ControlsLog,
    request: SetLogLevelRequest,
) -> Result<SetLogLevelResponse, Problem> {
    request_record::about(&request.body.level);
    log_level
        .set(permission, &request.body.level)
        .map_err(|error| Refusal::invalid("level", format!("{error}.")))?;
    Ok(SetLogLevelResponse::Ok(ApiJson(request.body)))
}
