//! DELETE /projects/{projectKey}/repos/{repositorySlug}/permissions/users: takes a permission for a repository away.

use heliostat_api::Call;
use heliostat_api::ops::{
    RevokeRepositoryUserPermission, RevokeRepositoryUserPermissionRequest,
    RevokeRepositoryUserPermissionResponse,
};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;

impl RevokeRepositoryUserPermission for UpstreamHandlers {
    async fn revoke_repository_user_permission(
        &self,
        call: Call,
        request: RevokeRepositoryUserPermissionRequest,
    ) -> Result<RevokeRepositoryUserPermissionResponse, Problem> {
        let caller = self.identify(&call).await?;
        self.upstream
            .revoke_repository_permission(
                &caller,
                &request.project_key,
                &request.repository_slug,
                &request.name,
            )
            .await?;
        Ok(RevokeRepositoryUserPermissionResponse::NoContent)
    }
}
