//! GET /users/{userSlug}: the access tokens of a user, without their secrets.

use heliostat_api::access_tokens::GetUserAccessTokensResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request, try_map};

/// The access tokens of a user, without their secrets.
pub async fn get_user_access_tokens(
    role: &UpstreamOperations,
    call: Call,
    user_slug: String,
    start: i64,
    limit: i32,
) -> Result<GetUserAccessTokensResponse, Problem> {
    let caller = role.identify(&call).await?;
    let tokens = role.upstream.access_tokens(&caller, &user_slug, page_request(start, limit)).await?;
    let tokens = try_map(tokens, |token| role.wire.access_token(&token))?;
    Ok(GetUserAccessTokensResponse::Ok(ApiJson(page(tokens))))
}
