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
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        self.upstream.accounts().revoke_repository_permission(&administrator, &request.name).await?;
        Ok(RevokeRepositoryUserPermissionResponse::NoContent)
    }
}
