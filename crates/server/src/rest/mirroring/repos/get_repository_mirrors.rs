//! GET /repos/{repoId}/mirrors: the mirrors with a link to the repository on each, signed unless asked otherwise.

use heliostat_api::ops::{GetRepositoryMirrors, GetRepositoryMirrorsRequest, GetRepositoryMirrorsResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_downstream::LinkAuthorization;
use heliostat_upstream::permit;

use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetRepositoryMirrors for UpstreamHandlers {
    async fn get_repository_mirrors(
        &self,
        call: Call,
        request: GetRepositoryMirrorsRequest,
    ) -> Result<GetRepositoryMirrorsResponse, Problem> {
        let caller = self.identify(&call).await?;
        let links = if request.pre_authorized { LinkAuthorization::Signed } else { LinkAuthorization::Plain };
        let wanted = page_request(request.start, request.limit);
        let mirrors = self
            .upstream
            .downstream()
            .repositories
            .mirrors_of(permit::authenticated(&caller)?, &request.repo_id, links, wanted)
            .await?;
        let mirrors = mirrors.map(|mirror| self.wire.mirrored_repository_descriptor(mirror));
        Ok(GetRepositoryMirrorsResponse::Ok(ApiJson(page(mirrors))))
    }
}
