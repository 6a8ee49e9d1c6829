//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repoSyncStatus: how the copy of one repository stands.

use heliostat_api::ops::{GetRepoSyncStatus1, GetRepoSyncStatus1Request, GetRepoSyncStatus1Response};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::MirrorHandlers;
use crate::wire::synchronization_status;

impl GetRepoSyncStatus1 for MirrorHandlers {
    async fn get_repo_sync_status_1(
        &self,
        call: Call,
        request: GetRepoSyncStatus1Request,
    ) -> Result<GetRepoSyncStatus1Response, Problem> {
        let administrator = self.administrator(&call).await?;
        let record = self.mirror.support_info.record(
            &administrator,
            &request.project_key,
            &request.repository_slug,
        )?;
        Ok(GetRepoSyncStatus1Response::Ok(ApiJson(synchronization_status(&record)?)))
    }
}
