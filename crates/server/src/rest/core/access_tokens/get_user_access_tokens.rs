//! GET /users/{userSlug}: the access tokens of a user, without their secrets.

use heliostat_api::ops::{GetUserAccessTokens, GetUserAccessTokensRequest, GetUserAccessTokensResponse};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request, try_map};

impl GetUserAccessTokens for UpstreamHandlers {
    async fn get_user_access_tokens(
        &self,
        call: Call,
        request: GetUserAccessTokensRequest,
    ) -> Result<GetUserAccessTokensResponse, Problem> {
        let caller = self.identify(&call).await?;
        let owner = self.upstream.accounts().owner(&caller, &request.user_slug).await?;
        let tokens = self
            .upstream
            .accounts()
            .access_tokens(&owner, page_request(request.start, request.limit))
            .await?;
        let tokens = try_map(tokens, |token| self.wire.access_token(&token))?;
        Ok(GetUserAccessTokensResponse::Ok(ApiJson(page(tokens))))
    }
}
