//! GET /projects/{projectKey}/repos/{repositorySlug}/permissions/users: who has a permission for a repository.

use heliostat_api::ops::{
    GetRepositoryUserPermissions, GetRepositoryUserPermissionsRequest, GetRepositoryUserPermissionsResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request, try_map};

impl GetRepositoryUserPermissions for UpstreamHandlers {
    async fn get_repository_user_permissions(
        &self,
        call: Call,
        request: GetRepositoryUserPermissionsRequest,
    ) -> Result<GetRepositoryUserPermissionsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator = self
            .upstream
            .repositories()
            .administrator(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let filter = request.filter.as_deref();
        let permitted = self
            .upstream
            .accounts()
            .repository_permissions(&administrator, filter, page_request(request.start, request.limit))
            .await?;
        let permitted = try_map(permitted, |permitted| self.wire.permitted_user(&permitted))?;
        Ok(GetRepositoryUserPermissionsResponse::Ok(ApiJson(page(permitted))))
    }
}
