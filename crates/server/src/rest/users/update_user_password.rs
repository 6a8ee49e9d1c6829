//! PUT /admin/users/credentials: a new password for a user, given twice.

use heliostat_api::Call;
use heliostat_api::models::AdminPasswordUpdate;
use heliostat_api::users::UpdateUserPasswordResponse;
use heliostat_auth::Secret;
use heliostat_refusal::Refusal;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// A new password for a user.
pub async fn update_user_password(
    role: &UpstreamOperations,
    call: Call,
    body: AdminPasswordUpdate,
) -> Result<UpdateUserPasswordResponse, Problem> {
    let caller = role.identify(&call).await?;
    if body.password != body.password_confirm {
        return Err(Refusal::invalid("passwordConfirm", "The two passwords differ.").into());
    }
    role.upstream.set_password(&caller, &body.name, &Secret::new(body.password)).await?;
    Ok(UpdateUserPasswordResponse::NoContent)
}
