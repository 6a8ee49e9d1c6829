//! DELETE /users/{userSlug}/{tokenId}: makes an access token worthless.

use heliostat_api::Call;
use heliostat_api::access_tokens::DeleteUserAccessTokenResponse;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Makes an access token worthless.
pub async fn delete_user_access_token(
    role: &UpstreamOperations,
    call: Call,
    user_slug: String,
    token_id: String,
) -> Result<DeleteUserAccessTokenResponse, Problem> {
    let caller = role.identify(&call).await?;
    role.upstream.delete_access_token(&caller, &user_slug, &token_id).await?;
    Ok(DeleteUserAccessTokenResponse::NoContent)
}
