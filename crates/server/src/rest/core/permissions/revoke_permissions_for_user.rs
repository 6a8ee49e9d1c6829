//! DELETE /admin/permissions/users: takes the permission for the whole server away.

use heliostat_api::Call;
use heliostat_api::ops::{
    RevokePermissionsForUser, RevokePermissionsForUserRequest, RevokePermissionsForUserResponse,
};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl RevokePermissionsForUser for UpstreamHandlers {
    async fn revoke_permissions_for_user(
        &self,
        call: Call,
        request: RevokePermissionsForUserRequest,
    ) -> Result<RevokePermissionsForUserResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream.accounts().revoke_global_permission(permit::admin(&caller)?, &request.name).await?;
        Ok(RevokePermissionsForUserResponse::NoContent)
    }
}
