//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}/wait: answers when a commit or a ref is here.

use std::time::Duration;

use heliostat_api::ops::{WaitForRepository, WaitForRepositoryRequest, WaitForRepositoryResponse};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::Awaited;
use heliostat_refusal::Refusal;
use url::form_urlencoded;

use crate::client_keys::key_of_caller;
use crate::http::problem::Problem;
use crate::http::rest_places;
use crate::rest::MirrorHandlers;

/// The query parameters that there are.
const PARAMETERS: [&str; 3] = ["commit", "ref", "timeout"];

/// Of the name of another one, how much is told.
const MAX_TOLD_CHARS: usize = 100;

impl WaitForRepository for MirrorHandlers {
    async fn wait_for_repository(
        &self,
        call: Call,
        request: WaitForRepositoryRequest,
    ) -> Result<WaitForRepositoryResponse, Problem> {
        let credentials = self.credentials(&call)?;
        let caller = self.identify(&call).await?;
        let lookups = &self.mirror.lookups;
        let (upstream_id, id) = (&request.upstream_id, &request.upstream_repo_id);
        let reader = lookups.reader(upstream_id, id, &caller, &credentials, call.peer).await?;
        refuse_unknown_parameters(call.query.as_deref())?;
        let awaited = Awaited::read(request.commit.as_deref(), request.reference.as_deref())?;
        // The contract has refused negative numbers before.
        let timeout = Duration::from_secs(u64::try_from(request.timeout).unwrap_or(0));
        rest_places::go_on_without();
        let client = key_of_caller(&caller, call.peer);
        self.mirror.arrivals.wait(&reader, &[awaited], timeout, client).await?;
        // As it is now, and if it may still be seen.
        let reader = lookups.reader(upstream_id, id, &caller, &credentials, call.peer).await?;
        let repository = lookups.mirrored_repository(&reader);
        Ok(WaitForRepositoryResponse::Ok(ApiJson(self.wire.mirrored_repository(&repository))))
    }
}

/// Without the commit that it means by a misspelt parameter, a build would begin at once, and on an old state.
fn refuse_unknown_parameters(query: Option<&str>) -> Result<(), Refusal> {
    let given = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let mut names = given.map(|(name, _)| name.into_owned());
    let Some(unknown) = names.find(|name| !PARAMETERS.contains(&name.as_str())) else { return Ok(()) };
    let told: String = unknown.chars().take(MAX_TOLD_CHARS).collect();
    let message = format!("There is no query parameter {told:?} here; there are {}.", PARAMETERS.join(", "));
    Err(Refusal::invalid(told, message))
}
