//! POST /servedRepos/ensure: answers when the commits and refs that are named can be fetched here.

use std::time::Duration;

use heliostat_api::ops::{
    EnsureServedRepository, EnsureServedRepositoryRequest, EnsureServedRepositoryResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::Awaited;
use heliostat_refusal::Refusal;
use tokio::time::Instant;

use crate::client_keys::key_of_caller;
use crate::http::problem::Problem;
use crate::http::rest_places;
use crate::rest::MirrorHandlers;

/// How long to wait unless the caller says.
const DEFAULT_WAIT_SECONDS: i32 = 30;

impl EnsureServedRepository for MirrorHandlers {
    async fn ensure_served_repository(
        &self,
        call: Call,
        request: EnsureServedRepositoryRequest,
    ) -> Result<EnsureServedRepositoryResponse, Problem> {
        let credentials = self.credentials(&call)?;
        let caller = self.identify(&call).await?;
        let wanted = &request.body;
        let (key, slug) = self.mirror.link.url().read_name(&wanted.repository).ok_or_else(|| {
            let message = "The path of a repository is needed, as in /scm/prj/my-repo.git, or its URL.";
            Refusal::invalid("repository", message)
        })?;
        let lookups = &self.mirror.lookups;
        let reader = lookups.reader_by_path(key, slug, &caller, &credentials, call.peer).await?;
        let all = Awaited::read_all(
            wanted.commits.as_deref().unwrap_or_default(),
            wanted.refs.as_deref().unwrap_or_default(),
        )?;
        rest_places::go_on_without();
        let client = key_of_caller(&caller, call.peer);
        let deadline = Instant::now() + time_to_wait(wanted.wait);
        for awaited in &all {
            let rest = deadline.saturating_duration_since(Instant::now());
            self.mirror.arrivals.wait(&reader, awaited, rest, client).await?;
        }
        // As it is now, and if it may still be seen.
        let reader = lookups.reader_by_path(key, slug, &caller, &credentials, call.peer).await?;
        let repository = self.wire.served_repository(&lookups.mirrored_repository(&reader));
        Ok(EnsureServedRepositoryResponse::Ok(ApiJson(repository)))
    }
}

/// The contract has refused negative and very large numbers before.
fn time_to_wait(seconds: Option<i32>) -> Duration {
    Duration::from_secs(u64::try_from(seconds.unwrap_or(DEFAULT_WAIT_SECONDS)).unwrap_or(0))
}
