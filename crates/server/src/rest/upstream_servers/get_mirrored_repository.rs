//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}: one repository as it is here, for signed links and readers.

use heliostat_api::mirror::GetMirroredRepositoryResponse;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirrored_repository(
    role: &MirrorOperations,
    call: Call,
    upstream_id: String,
    upstream_repo_id: String,
) -> Result<GetMirroredRepositoryResponse, Problem> {
    let credentials = role.credentials(&call)?;
    let caller = role.identify(&call).await?;
    let repository =
        role.mirror.mirrored_repository(&upstream_id, &upstream_repo_id, &caller, &credentials).await?;
    Ok(GetMirroredRepositoryResponse::Ok(ApiJson(role.wire.mirrored_repository(&repository))))
}
