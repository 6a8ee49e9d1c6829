//! PUT /projects/{projectKey}/repos/{repositorySlug}/permissions/users: grants a permission for a repository.

use heliostat_api::Call;
use heliostat_api::ops::{SetPermissionForUser, SetPermissionForUserRequest, SetPermissionForUserResponse};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::permission::repository_permission;

impl SetPermissionForUser for UpstreamHandlers {
    async fn set_permission_for_user(
        &self,
        call: Call,
        request: SetPermissionForUserRequest,
    ) -> Result<SetPermissionForUserResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let permission = repository_permission(request.permission);
        self.upstream.accounts().set_repository_permission(&administrator, &request.name, permission).await?;
        Ok(SetPermissionForUserResponse::NoContent)
    }
}
