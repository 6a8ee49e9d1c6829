//! POST /servedRepos/ensure: answers when the commits and refs that are named can be fetched here.

use std::time::Duration;

use heliostat_api::models::RestServedRepositoryWanted;
use heliostat_api::ops::{
    EnsureServedRepository, EnsureServedRepositoryRequest, EnsureServedRepositoryResponse,
};
use heliostat_api::{ApiJson, Call};
use heliostat_mirror::{Awaited, UpstreamUrl};
use heliostat_origin::{Awaited as AwaitedOfOrigin, Ensured};
use heliostat_refusal::Refusal;

use crate::client_keys::{key_of_address, key_of_caller};
use crate::http::problem::Problem;
use crate::http::{request_record, rest_places};
use crate::rest::{MirrorHandlers, OriginHandlers};
use crate::wire::not_opened::{not_opened, origin_credentials};
use crate::wire::served_repository::repository_of_origin;

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
        let link = &self.mirror.link;
        let named = self.wire.below_base(&wanted.repository);
        let read_name = |url: &UpstreamUrl| url.read_name(named);
        let name = read_name(link.public_url()).or_else(|| read_name(link.url()));
        let (key, slug) = name.ok_or_else(|| {
            let message = format!(
                "The path of a repository is needed, as in /scm/prj/my-repo.git, or its URL here or at {}.",
                link.public_url()
            );
            Refusal::invalid("repository", message)
        })?;
        request_record::about(&format!("{key}/{slug}"));
        let lookups = &self.mirror.lookups;
        let reader = lookups.reader_by_path(key, slug, &caller, &credentials, call.peer).await?;
        let all = Awaited::read_all(
            wanted.commits.as_deref().unwrap_or_default(),
            wanted.refs.as_deref().unwrap_or_default(),
        )?;
        rest_places::go_on_without();
        let client = key_of_caller(&caller, call.peer);
        self.mirror.arrivals.wait(&reader, &all, time_to_wait(wanted.wait), client).await?;
        // As it is now, and if it may still be seen.
        let reader = lookups.reader_by_path(key, slug, &caller, &credentials, call.peer).await?;
        let repository = self.wire.served_repository(&lookups.mirrored_repository(&reader));
        Ok(EnsureServedRepositoryResponse::Ok(ApiJson(repository)))
    }
}

impl EnsureServedRepository for OriginHandlers {
    async fn ensure_served_repository(
        &self,
        call: Call,
        request: EnsureServedRepositoryRequest,
    ) -> Result<EnsureServedRepositoryResponse, Problem> {
        let credentials = origin_credentials(&call)?;
        let wanted = &request.body;
        let path = self.path_of(&wanted.repository)?;
        let awaited = awaited_of_origin(wanted)?;
        rest_places::go_on_without();
        // Until the origin has shown something, the credentials may be anything.
        let client = key_of_address(call.peer);
        let wait = time_to_wait(wanted.wait);
        let ensured = self.origin.ensure(&path, &credentials, &awaited, wait, client).await;
        let ensured = ensured.map_err(|error| not_opened(error, &self.origin.url_of(&path), &credentials))?;
        if !ensured.is_complete() {
            return Err(Refusal::conflict_in("wait", told(&ensured, wait)).into());
        }
        let repository = repository_of_origin(&self.origin, &self.base_url, &path);
        Ok(EnsureServedRepositoryResponse::Ok(ApiJson(repository)))
    }
}

/// The same as for other mirrors, all at once.
fn awaited_of_origin(wanted: &RestServedRepositoryWanted) -> Result<AwaitedOfOrigin, Refusal> {
    let all = Awaited::read_all(
        wanted.commits.as_deref().unwrap_or_default(),
        wanted.refs.as_deref().unwrap_or_default(),
    )?;
    let mut awaited = AwaitedOfOrigin::default();
    for Awaited { commit, reference } in all {
        awaited.commits.extend(commit);
        awaited.references.extend(reference);
    }
    Ok(awaited)
}

/// What is missing, for people.
fn told(ensured: &Ensured, wait: Duration) -> String {
    let commits = ensured.missing_commits.iter().map(|commit| format!("the commit {commit}"));
    let references = ensured.references.iter().filter(|(_, object)| object.is_none());
    let references = references.map(|(name, _)| format!("the ref {name}"));
    let missing: Vec<String> = commits.chain(references).collect();
    format!("After {} s the origin does not give {}.", wait.as_secs(), missing.join(", "))
}

/// The contract has refused negative and very large numbers before.
fn time_to_wait(seconds: Option<i32>) -> Duration {
    Duration::from_secs(u64::try_from(seconds.unwrap_or(DEFAULT_WAIT_SECONDS)).unwrap_or(0))
}
