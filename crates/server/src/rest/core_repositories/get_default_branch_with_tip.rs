//! GET /projects/{projectKey}/repos/{repositorySlug}/branches/default: the default branch, where libraries look for it.

use heliostat_api::repositories::GetDefaultBranchWithTipResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// The default branch and where it points.
pub async fn get_default_branch_with_tip(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    repository_slug: String,
) -> Result<GetDefaultBranchWithTipResponse, Problem> {
    let caller = role.identify(&call).await?;
    let branch = role.upstream.default_branch_with_tip(&caller, &project_key, &repository_slug).await?;
    Ok(GetDefaultBranchWithTipResponse::Ok(ApiJson(role.wire.branch(&branch))))
}
