//! GET /supportInfo/refChangesQueue/count: how much waits, as a bare number.

use heliostat_api::ops::{GetRefChangesQueueCount, GetRefChangesQueueCountResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;

impl GetRefChangesQueueCount for MirrorHandlers {
    async fn get_ref_changes_queue_count(
        &self,
        call: Call,
    ) -> Result<GetRefChangesQueueCountResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let count =
            i32::try_from(self.mirror.support_info.waiting_syncs(&administrator).len()).unwrap_or(i32::MAX);
        Ok(GetRefChangesQueueCountResponse::Ok(ApiJson(count)))
    }
}
