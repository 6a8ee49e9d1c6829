//! POST /projects/{projectKey}/repos: an empty repository, ready for the first push.

use heliostat_api::ops::{CreateRepository, CreateRepositoryRequest, CreateRepositoryResponse};
use heliostat_api::{ApiJson, Call, models};
use heliostat_git::ObjectFormat;
use heliostat_refusal::Refusal;
use heliostat_upstream::RepositoryCreation;

use crate::http::problem::Problem;
use crate::http::request_record;
use crate::rest::UpstreamHandlers;

impl CreateRepository for UpstreamHandlers {
    async fn create_repository(
        &self,
        call: Call,
        request: CreateRepositoryRequest,
    ) -> Result<CreateRepositoryResponse, Problem> {
        let caller = self.identify(&call).await?;
        request_record::about(&request.body.name);
        let administrator =
            self.upstream.repositories().project_administrator(&caller, &request.project_key).await?;
        only_git(request.body.scm_id.as_deref())?;
        let creation = RepositoryCreation {
            name: request.body.name,
            description: request.body.description,
            public: request.body.public.unwrap_or(false),
            forkable: request.body.forkable.unwrap_or(true),
            default_branch: request.body.default_branch,
            object_format: object_format(request.body.object_format),
        };
        let repository = self.upstream.repositories().create_repository(&administrator, creation).await?;
        Ok(CreateRepositoryResponse::Created(ApiJson(self.wire.repository(&repository))))
    }
}

fn object_format(asked: Option<models::ObjectFormat>) -> ObjectFormat {
    match asked {
        None | Some(models::ObjectFormat::Sha1) => ObjectFormat::Sha1,
        Some(models::ObjectFormat::Sha256) => ObjectFormat::Sha256,
    }
}

fn only_git(scm_id: Option<&str>) -> Result<(), Refusal> {
    match scm_id {
        None | Some("git") => Ok(()),
        Some(other) => {
            Err(Refusal::invalid("scmId", format!("Repositories are kept by git, not by {other:?}.")))
        }
    }
}
