//! GET /projects: the projects that the caller may see.

use heliostat_api::models::ProjectPermission;
use heliostat_api::projects::GetProjectsResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;
use crate::wire::page::{page, page_request};
use crate::wire::permission::project_permission;

/// The projects that the caller may see.
pub async fn get_projects(
    role: &UpstreamOperations,
    call: Call,
    name: Option<String>,
    permission: Option<ProjectPermission>,
    start: i64,
    limit: i32,
) -> Result<GetProjectsResponse, Problem> {
    let caller = role.identify(&call).await?;
    let (name, wanted) = (name.as_deref(), page_request(start, limit));
    let projects = match permission {
        None => role.upstream.projects(&caller, name, wanted).await?,
        Some(needed) => {
            let needed = project_permission(needed);
            role.upstream.projects_with_permission(&caller, needed, name, wanted).await?
        }
    };
    Ok(GetProjectsResponse::Ok(ApiJson(page(projects.map(|project| role.wire.project(&project))))))
}
