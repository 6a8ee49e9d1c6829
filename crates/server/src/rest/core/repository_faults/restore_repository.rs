//! POST /admin/repository-faults/restore: brings back what a mirror has of a repository.

use heliostat_api::ops::{RestoreRepository, RestoreRepositoryRequest, RestoreRepositoryResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_git::SecretHeader;
use heliostat_refusal::Refusal;
use heliostat_upstream::{RepositoryRestoration, permit};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl RestoreRepository for UpstreamHandlers {
    async fn restore_repository(
        &self,
        call: Call,
        request: RestoreRepositoryRequest,
    ) -> Result<RestoreRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&format!("{}/{}", request.body.project_key, request.body.repository_slug));
        let administrator = permit::admin(&caller)?;
        let header = SecretHeader::new(call.authorization.unwrap_or_default());
        let restoration = RepositoryRestoration {
            project_key: request.body.project_key,
            slug: request.body.repository_slug,
            mirror: request.body.mirror,
            authorization: header.map_err(|error| Refusal::invalid_request(error.to_string()))?,
            agreed_hash: request.body.content_hash,
        };
        let outcome = self.upstream.repositories().restore_repository(administrator, restoration).await?;
        Ok(RestoreRepositoryResponse::Ok(ApiJson(self.wire.repository_restoration(&outcome))))
    }
}
