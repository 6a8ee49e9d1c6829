//! DELETE /projects/{projectKey}/permissions/users: takes a permission for a project away.

use heliostat_api::Call;
use heliostat_api::ops::{
    RevokeProjectUserPermission, RevokeProjectUserPermissionRequest, RevokeProjectUserPermissionResponse,
};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl RevokeProjectUserPermission for UpstreamHandlers {
    async fn revoke_project_user_permission(
        &self,
        call: Call,
        request: RevokeProjectUserPermissionRequest,
    ) -> Result<RevokeProjectUserPermissionResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        self.upstream.accounts().revoke_project_permission(&administrator, &request.name).await?;
        Ok(RevokeProjectUserPermissionResponse::NoContent)
    }
}
