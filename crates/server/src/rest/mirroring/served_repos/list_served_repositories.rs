//! GET /servedRepos: what can be read from this mirror, for those who run it.

use heliostat_api::ops::{
    ListServedRepositories, ListServedRepositoriesRequest, ListServedRepositoriesResponse,
};
use heliostat_api::{ApiJson, Call};

use crate::http::problem::Problem;
use crate::rest::{MirrorHandlers, OriginHandlers};
use crate::wire::page::{page, page_request};
use crate::wire::served_repository::repositories_of_origin;

impl ListServedRepositories for MirrorHandlers {
    async fn list_served_repositories(
        &self,
        call: Call,
        request: ListServedRepositoriesRequest,
    ) -> Result<ListServedRepositoriesResponse, Problem> {
        let administrator = self.administrator(&call).await?;
        let served = self.mirror.lookups.served_repositories(&administrator);
        let served = self.wire.served_repositories(&served, page_request(request.start, request.limit));
        Ok(ListServedRepositoriesResponse::Ok(ApiJson(page(served))))
    }
}

impl ListServedRepositories for OriginHandlers {
    async fn list_served_repositories(
        &self,
        call: Call,
        request: ListServedRepositoriesRequest,
    ) -> Result<ListServedRepositoriesResponse, Problem> {
        let operator = self.operator(&call)?;
        let wanted = page_request(request.start, request.limit);
        let served = repositories_of_origin(&self.origin, &operator, &self.base_url, wanted);
        Ok(ListServedRepositoriesResponse::Ok(ApiJson(page(served))))
    }
}
