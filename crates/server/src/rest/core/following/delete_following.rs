//! DELETE /projects/{projectKey}/repos/{repositorySlug}/following: it follows nothing any more.

use heliostat_api::Call;
use heliostat_api::ops::{DeleteFollowing, DeleteFollowingRequest, DeleteFollowingResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteFollowing for UpstreamHandlers {
    async fn delete_following(
        &self,
        call: Call,
        request: DeleteFollowingRequest,
    ) -> Result<DeleteFollowingResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        self.upstream.followings().stop_following(&administrator).await?;
        Ok(DeleteFollowingResponse::NoContent)
    }
}
