//! GET /mirrorRepos/{externalRepositoryId}: one repository as it is here, for its readers.

use heliostat_api::mirror::GetMirroredRepository1Response;
use heliostat_api::{ApiJson, Call};

use crate::problem::Problem;
use crate::rest::mirror_operations::MirrorOperations;

pub async fn get_mirrored_repository_1(
    role: &MirrorOperations,
    call: Call,
    external_repository_id: String,
) -> Result<GetMirroredRepository1Response, Problem> {
    let upstream_id = role.mirror.followed_upstream()?;
    let credentials = role.credentials(&call)?;
    let caller = role.identify(&call).await?;
    let repository =
        role.mirror.mirrored_repository(upstream_id, &external_repository_id, &caller, &credentials).await?;
    Ok(GetMirroredRepository1Response::Ok(ApiJson(role.wire.mirrored_repository(&repository))))
}
