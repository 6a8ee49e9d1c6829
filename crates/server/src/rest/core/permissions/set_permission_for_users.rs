//! PUT /admin/permissions/users: grants a permission for the whole server.

use heliostat_api::Call;
use heliostat_api::ops::{
    SetPermissionForUsers, SetPermissionForUsersRequest, SetPermissionForUsersResponse,
};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::permission::global_permission;

impl SetPermissionForUsers for UpstreamHandlers {
    async fn set_permission_for_users(
        &self,
        call: Call,
        request: SetPermissionForUsersRequest,
    ) -> Result<SetPermissionForUsersResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .accounts()
            .set_global_permission(
                permit::grant_global(&caller, global_permission(request.permission))?,
                &request.name,
            )
            .await?;
        Ok(SetPermissionForUsersResponse::NoContent)
    }
}
