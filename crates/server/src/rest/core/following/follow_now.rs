//! POST /projects/{projectKey}/repos/{repositorySlug}/following/now: its source is looked at now.

use heliostat_api::ops::{FollowNow, FollowNowRequest, FollowNowResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::following::following;

impl FollowNow for UpstreamHandlers {
    async fn follow_now(&self, call: Call, request: FollowNowRequest) -> Result<FollowNowResponse, Problem> {
        let caller = self.identify(&call).await?;
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        let asked = self.upstream.followings().follow_now(&administrator).await?;
        Ok(FollowNowResponse::Accepted(ApiJson(following(asked))))
    }
}
