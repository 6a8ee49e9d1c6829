//! GET /projects/{projectKey}/permissions/users: who has a permission for a project.

use heliostat_api::ops::{
    GetProjectUserPermissions, GetProjectUserPermissionsRequest, GetProjectUserPermissionsResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request, try_map};

impl GetProjectUserPermissions for UpstreamHandlers {
    async fn get_project_user_permissions(
        &self,
        call: Call,
        request: GetProjectUserPermissionsRequest,
    ) -> Result<GetProjectUserPermissionsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        let filter = request.filter.as_deref();
        let permitted = self
            .upstream
            .accounts()
            .project_permissions(&administrator, filter, page_request(request.start, request.limit))
            .await?;
        let permitted = try_map(permitted, |permitted| self.wire.permitted_user(&permitted))?;
        Ok(GetProjectUserPermissionsResponse::Ok(ApiJson(page(permitted))))
    }
}
