//! GET /users/{userSlug}/{tokenId}: one access token, without its secret.

use heliostat_api::access_tokens::GetUserAccessTokenResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One access token, without its secret.
pub async fn get_user_access_token(
    role: &UpstreamOperations,
    call: Call,
    user_slug: String,
    token_id: String,
) -> Result<GetUserAccessTokenResponse, Problem> {
    let caller = role.identify(&call).await?;
    let token = role.upstream.access_token(&caller, &user_slug, &token_id).await?;
    Ok(GetUserAccessTokenResponse::Ok(ApiJson(role.wire.access_token(&token)?)))
}
