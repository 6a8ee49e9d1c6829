//! PUT /projects/{projectKey}/repos/{repositorySlug}/following: what it follows from now on.

use heliostat_api::ops::{SetFollowing, SetFollowingRequest, SetFollowingResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;
use crate::wire::following::{fields, following};

impl SetFollowing for UpstreamHandlers {
    async fn set_following(
        &self,
        call: Call,
        request: SetFollowingRequest,
    ) -> Result<SetFollowingResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about_address(&request.body.url);
        let repositories = self.upstream.repositories();
        let administrator =
            repositories.administrator(&caller, &request.project_key, &request.repository_slug).await?;
        let set = self.upstream.followings().follow(&administrator, fields(request.body)).await?;
        Ok(SetFollowingResponse::Ok(ApiJson(following(set))))
    }
}
