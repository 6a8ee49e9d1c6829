//! POST /admin/repository-faults/adopt: takes over a repository that has no record.

use heliostat_api::ops::{AdoptRepository, AdoptRepositoryRequest, AdoptRepositoryResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_refusal::Refusal;
use heliostat_storage::RepositoryId;
use heliostat_upstream::{RepositoryAdoption, permit};

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl AdoptRepository for UpstreamHandlers {
    async fn adopt_repository(
        &self,
        call: Call,
        request: AdoptRepositoryRequest,
    ) -> Result<AdoptRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        let wanted = &request.body;
        request_record::about(&format!("{} as {}/{}", wanted.number, wanted.project_key, wanted.name));
        let administrator = permit::admin(&caller)?;
        let repositories = self.upstream.repositories();
        let project = repositories.project_administrator(&caller, &request.body.project_key).await?;
        let number = i32::try_from(request.body.number)
            .map_err(|_| Refusal::invalid("number", "No repository has such a number."))?;
        let adoption = RepositoryAdoption { number: RepositoryId(number), name: request.body.name };
        let repository = repositories.adopt_repository(administrator, &project, adoption).await?;
        Ok(AdoptRepositoryResponse::Created(ApiJson(self.wire.repository(&repository))))
    }
}
