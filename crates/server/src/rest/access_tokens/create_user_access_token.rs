//! PUT /users/{userSlug}: a new access token; its secret is shown this once.

use heliostat_api::access_tokens::CreateUserAccessTokenResponse;
use heliostat_api::models::RestAccessTokenRequest;
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::TokenCreation;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new access token; its secret is shown this once.
pub async fn create_user_access_token(
    role: &UpstreamOperations,
    call: Call,
    user_slug: String,
    body: RestAccessTokenRequest,
) -> Result<CreateUserAccessTokenResponse, Problem> {
    let caller = role.identify(&call).await?;
    let permissions = body.permissions.unwrap_or_default();
    let creation = TokenCreation {
        name: body.name,
        permissions: permissions.iter().map(ToString::to_string).collect(),
        expiry_days: body.expiry_days,
    };
    let (token, secret) = role.upstream.create_access_token(&caller, &user_slug, creation).await?;
    Ok(CreateUserAccessTokenResponse::Ok(ApiJson(role.wire.raw_access_token(&token, &secret)?)))
}
