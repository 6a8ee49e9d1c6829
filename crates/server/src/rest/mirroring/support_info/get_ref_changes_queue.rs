//! GET /supportInfo/refChangesQueue: what waits for a synchronisation, oldest first.

use heliostat_api::models::RestRefSyncQueue;
use heliostat_api::ops::{GetRefChangesQueue, GetRefChangesQueueResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::synchronization_request;

/// How much of the queue is shown; its length is told apart.
const MAX_QUEUE_ITEMS_SHOWN: usize = 1_000;

impl GetRefChangesQueue for MirrorHandlers {
    async fn get_ref_changes_queue(&self, call: Call) -> Result<GetRefChangesQueueResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let waiting = self.mirror.support_info.waiting_syncs(&administrator);
        let values = waiting.iter().take(MAX_QUEUE_ITEMS_SHOWN).map(synchronization_request).collect();
        Ok(GetRefChangesQueueResponse::Ok(ApiJson(RestRefSyncQueue { values })))
    }
}
