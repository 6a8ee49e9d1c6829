//! GET /admin/users: all accounts, for administrators.

use heliostat_api::users::GetDetailedUsersResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};

/// All accounts, for administrators.
pub async fn get_detailed_users(
    role: &UpstreamOperations,
    call: Call,
    filter: Option<String>,
    start: i64,
    limit: i32,
) -> Result<GetDetailedUsersResponse, Problem> {
    let caller = role.identify(&call).await?;
    let accounts = role.upstream.accounts(&caller, filter.as_deref(), page_request(start, limit)).await?;
    Ok(GetDetailedUsersResponse::Ok(ApiJson(page(accounts.map(|user| role.wire.detailed_user(&user))))))
}
