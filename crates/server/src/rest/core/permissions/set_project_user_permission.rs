//! PUT /projects/{projectKey}/permissions/users: grants a permission for a project.

use heliostat_api::Call;
use heliostat_api::ops::{
    SetProjectUserPermission, SetProjectUserPermissionRequest, SetProjectUserPermissionResponse,
};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::permission::project_permission;

impl SetProjectUserPermission for UpstreamHandlers {
    async fn set_project_user_permission(
        &self,
        call: Call,
        request: SetProjectUserPermissionRequest,
    ) -> Result<SetProjectUserPermissionResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        self.upstream
            .accounts()
            .set_project_permission(&administrator, &request.name, project_permission(request.permission))
            .await?;
        Ok(SetProjectUserPermissionResponse::NoContent)
    }
}
