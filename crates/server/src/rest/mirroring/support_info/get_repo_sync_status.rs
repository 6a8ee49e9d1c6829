//! GET /supportInfo/repoSyncStatus: how the copy of each repository stands, in pages.

use heliostat_api::ops::{GetRepoSyncStatus, GetRepoSyncStatusRequest, GetRepoSyncStatusResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::page::{page, page_request, try_map};
use crate::wire::synchronization_status;

impl GetRepoSyncStatus for MirrorHandlers {
    async fn get_repo_sync_status(
        &self,
        call: Call,
        request: GetRepoSyncStatusRequest,
    ) -> Result<GetRepoSyncStatusResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let records =
            self.mirror.support_info.records(&administrator, page_request(request.start, request.limit));
        let states = try_map(records, |record| synchronization_status(&record))?;
        Ok(GetRepoSyncStatusResponse::Ok(ApiJson(page(states))))
    }
}
