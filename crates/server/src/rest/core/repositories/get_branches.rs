//! GET /projects/{projectKey}/repos/{repositorySlug}/branches: the branches, by name or by age.

use heliostat_api::models;
use heliostat_api::ops::{GetBranches, GetBranchesRequest, GetBranchesResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_upstream::{BranchOrder, BranchQuery};

use crate::client_keys::key_of_caller;
use crate::http::problem::Problem;
use crate::rest::UpstreamHandlers;
use crate::wire::page::{page, page_request};

impl GetBranches for UpstreamHandlers {
    async fn get_branches(
        &self,
        call: Call,
        request: GetBranchesRequest,
    ) -> Result<GetBranchesResponse, Problem> {
        let caller = self.identify(&call).await?;
        let reader = self
            .upstream
            .repositories()
            .reader(&caller, &request.project_key, &request.repository_slug)
            .await?;
        let query = BranchQuery {
            text: request.filter_text.unwrap_or_default(),
            order: match request.order_by {
                Some(models::BranchOrder::Modification) => {
                    BranchOrder::Youngest { client: key_of_caller(&caller, call.peer) }
                }
                Some(models::BranchOrder::Alphabetical) | None => BranchOrder::Name,
            },
            boost_matches: request.boost_matches.eq_ignore_ascii_case("true"),
        };
        let branches = self
            .upstream
            .repositories()
            .branches(&reader, query, page_request(request.start, request.limit))
            .await?;
        Ok(GetBranchesResponse::Ok(ApiJson(page(branches.map(|branch| self.wire.branch(&branch))))))
    }
}
