//! GET /projects/{projectKey}/repos/{repositorySlug}/following: what it follows, and how that goes.

use heliostat_api::ops::{GetFollowing, GetFollowingRequest, GetFollowingResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::following::following;

impl GetFollowing for UpstreamHandlers {
    async fn get_following(
        &self,
        call: Call,
        request: GetFollowingRequest,
    ) -> Result<GetFollowingResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        let found = self.upstream.followings().following(&administrator).await?;
        Ok(GetFollowingResponse::Ok(ApiJson(following(found))))
    }
}
