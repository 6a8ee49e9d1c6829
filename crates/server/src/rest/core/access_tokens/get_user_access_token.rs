//! GET /users/{userSlug}/{tokenId}: one access token, without its secret.

use heliostat_api::ops::{GetUserAccessToken, GetUserAccessTokenRequest, GetUserAccessTokenResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl GetUserAccessToken for UpstreamHandlers {
    async fn get_user_access_token(
        &self,
        call: Call,
        request: GetUserAccessTokenRequest,
    ) -> Result<GetUserAccessTokenResponse, Problem> {
        let caller = self.identify(&call).await?;
        let owner = self.upstream.accounts().owner(&caller, &request.user_slug).await?;
        let token = self.upstream.accounts().access_token(&owner, &request.token_id).await?;
        Ok(GetUserAccessTokenResponse::Ok(ApiJson(self.wire.access_token(&token)?)))
    }
}
