//! GET /users/{userSlug}: one user, for any signed-in user.

use heliostat_api::users::GetUserResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// One user, for any signed-in user.
pub async fn get_user(
    role: &UpstreamOperations,
    call: Call,
    user_slug: String,
) -> Result<GetUserResponse, Problem> {
    let caller = role.identify(&call).await?;
    let user = role.upstream.user(&caller, &user_slug).await?;
    Ok(GetUserResponse::Ok(ApiJson(role.wire.user(&user))))
}
