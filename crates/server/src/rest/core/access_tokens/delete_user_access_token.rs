//! DELETE /users/{userSlug}/{tokenId}: makes an access token worthless.

use heliostat_api::Call;
use heliostat_api::ops::{
    DeleteUserAccessToken, DeleteUserAccessTokenRequest, DeleteUserAccessTokenResponse,
};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl DeleteUserAccessToken for UpstreamHandlers {
    async fn delete_user_access_token(
        &self,
        call: Call,
        request: DeleteUserAccessTokenRequest,
    ) -> Result<DeleteUserAccessTokenResponse, Problem> {
        let caller = self.identify(&call).await?;
        let owner = self.upstream.accounts().owner(&caller, &request.user_slug).await?;
        self.upstream.accounts().delete_access_token(&owner, &request.token_id).await?;
        Ok(DeleteUserAccessTokenResponse::NoContent)
    }
}
