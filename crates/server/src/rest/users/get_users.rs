//! GET /users: the users whose names contain a text, for any signed-in user.

use heliostat_api::users::GetUsersResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// The users whose names contain a text, for any signed-in user.
pub async fn get_users(
    role: &UpstreamOperations,
    call: Call,
    filter: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetUsersResponse, Problem> {
    let caller = role.identify(&call).await?;
    let users = role.upstream.users(&caller, filter.as_deref(), page_request(start, limit)).await?;
    Ok(GetUsersResponse::Ok(ApiJson(page(users.map(|user| role.wire.user(&user))))))
}
