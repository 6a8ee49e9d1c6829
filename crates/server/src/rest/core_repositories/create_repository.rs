//! POST /projects/{projectKey}/repos: an empty repository, ready for the first push.

use heliostat_api::models::RestRepositoryRequest;
use heliostat_api::repositories::CreateRepositoryResponse;
use heliostat_api::{ApiJson, Call};
use heliostat_refusal::Refusal;
use heliostat_upstream::RepositoryCreation;

use crate::problem::Problem;
use crate::rest::upstream_operations::UpstreamOperations;

/// An empty repository, ready for the first push.
pub async fn create_repository(
    role: &UpstreamOperations,
    call: Call,
    project_key: String,
    body: RestRepositoryRequest,
) -> Result<CreateRepositoryResponse, Problem> {
    let caller = role.identify(&call).await?;
    only_git(body.scm_id.as_deref())?;
    let creation = RepositoryCreation {
        name: body.name,
        description: body.description,
        public: body.public.unwrap_or(false),
        forkable: body.forkable.unwrap_or(true),
        default_branch: body.default_branch,
    };
    let repository = role.upstream.create_repository(&caller, &project_key, creation).await?;
    Ok(CreateRepositoryResponse::Created(ApiJson(role.wire.repository(&repository))))
}

fn only_git(scm_id: Option<&str>) -> Result<(), Refusal> {
    match scm_id {
        None | Some("git") => Ok(()),
        Some(other) => {
            Err(Refusal::invalid("scmId", format!("Repositories are kept by git, not by {other:?}.")))
        }
    }
}
