//! DELETE /admin/users: deletes an account with its permissions and tokens.

use heliostat_api::users::DeleteUserResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// Deletes an account with its permissions and tokens.
pub async fn delete_user(
    role: &UpstreamOperations,
    call: Call,
    name: String,
) -> Result<DeleteUserResponse, Problem> {
    let caller = role.identify(&call).await?;
    let user = role.upstream.delete_user(&caller, &name).await?;
    Ok(DeleteUserResponse::Ok(ApiJson(role.wire.detailed_user(&user))))
}
