//! GET /admin/permissions/users: who has a permission for the whole server, for administrators.

use heliostat_api::ops::{
    GetUsersWithAnyPermission, GetUsersWithAnyPermissionRequest, GetUsersWithAnyPermissionResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request, try_map};

impl GetUsersWithAnyPermission for UpstreamHandlers {
    async fn get_users_with_any_permission(
        &self,
        call: Call,
        request: GetUsersWithAnyPermissionRequest,
    ) -> Result<GetUsersWithAnyPermissionResponse, Problem> {
        let caller = self.identify(&call).await?;
        let filter = request.filter.as_deref();
        let permitted = self
            .upstream
            .accounts()
            .global_permissions(permit::admin(&caller)?, filter, page_request(request.start, request.limit))
            .await?;
        let permitted = try_map(permitted, |permitted| self.wire.permitted_user(&permitted))?;
        Ok(GetUsersWithAnyPermissionResponse::Ok(ApiJson(page(permitted))))
    }
}
