//! PUT /users/{userSlug}: a new access token; its secret is shown this once.

use heliostat_api::ops::{
    CreateUserAccessToken, CreateUserAccessTokenRequest, CreateUserAccessTokenResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::TokenCreation;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateUserAccessToken for UpstreamHandlers {
    async fn create_user_access_token(
        &self,
        call: Call,
        request: CreateUserAccessTokenRequest,
    ) -> Result<CreateUserAccessTokenResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.name);
        let owner = self.upstream.accounts().owner(&caller, &request.user_slug).await?;
        let permissions = request.body.permissions.unwrap_or_default();
        let creation = TokenCreation {
            name: request.body.name,
            permissions: permissions.iter().map(ToString::to_string).collect(),
            expiry_days: request.body.expiry_days,
        };
        let (token, secret) = self.upstream.accounts().create_access_token(&owner, creation).await?;
        Ok(CreateUserAccessTokenResponse::Ok(ApiJson(self.wire.raw_access_token(&token, &secret)?)))
    }
}
