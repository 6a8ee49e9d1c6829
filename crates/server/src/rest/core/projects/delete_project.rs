//! DELETE /projects/{projectKey}: deletes a project without repositories.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteProject, DeleteProjectRequest, DeleteProjectResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteProject for UpstreamHandlers {
    async fn delete_project(
        &self,
        call: Call,
        request: DeleteProjectRequest,
    ) -> Result<DeleteProjectResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        self.upstream.repositories().delete_project(&administrator).await?;
        Ok(DeleteProjectResponse::NoContent)
    }
}
