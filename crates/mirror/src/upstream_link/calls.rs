//! What can be asked of an upstream, one function per operation that a mirror uses.

use std::time::Duration;

use heliostat_api::models::{
    BooleanText, MirrorEventType, MirrorSyncType, MirroringRequestState, PageOfEnrichedRepository,
    RestAnalyticsSettings, RestApplicationUserWithPermissions, RestAuthenticationRequest,
    RestBearerTokenCredentials, RestCredentials, RestLease, RestLeaseRequest, RestMirrorCopies,
    RestMirrorUpgradeRequest, RestMirroringRequestSubmission, RestRepositoryMirrorEvent,
    RestRepositoryMirrorEvents, RestUsernamePasswordCredentials,
};
use heliostat_api::ops::{
    AnalyticsSettingsRequest, AuthenticateRequest, GetAllContentHashesRequest, GetAllReposForProjectRequest,
    GetContentHashByIdRequest, GetProjectByIdRequest, PublishEventRequest, PublishEventsRequest,
    RegisterRequest, TakeLeaseRequest, TellMirrorStandingRequest, UpgradeRequest,
};
use heliostat_auth::{Credentials, GlobalPermission, RepositoryPermission, Secret, UserIdentity};
use heliostat_peer::CallError;
use heliostat_storage::Generation;
use serde_json::Value;
use uuid::Uuid;

use super::client::{URGENT_TIMEOUT, UpstreamClient, is_about_the_clock, is_not_found, refuses_credentials};
use super::repository::{UnfitValue, UpstreamRepository};

/// How many repositories are asked for at once.
const LISTING_PAGE_SIZE: i32 = 1_000;

/// How long it may take to tell of many synchronisations: the upstream stores each.
const REPORTS_TIMEOUT: Duration = Duration::from_secs(60);

/// What is wrong with an old answer that does not repeat the nonce of its question.
const NOT_FRESH: &str = "the answer is older than what the upstream has told before, and may come from a cache: the nonce of \
                         the question is expected";

/// Whether an answer was made for its question.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Freshness {
    Proven,
    Unproven,
}

/// What the upstream has of a repository at a moment.
#[derive(Debug)]
pub(crate) enum RepositoryNow {
    /// This.
    Is(Box<UpstreamRepository>),
    /// It does not prove that its answer is new. Those of earlier versions and of other makes do not.
    Unproven,
    /// Nothing.
    Gone,
}

/// Whose valid credentials are, and what they are good for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AccessDecision {
    pub(crate) user: UserIdentity,
    /// What the user may do in the repository that was asked about.
    pub(crate) permission: Option<RepositoryPermission>,
}

/// What the upstream thinks of a user's credentials.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum AuthenticationAnswer {
    Accepted(AccessDecision),
    Refused,
    /// There is no such repository.
    RepositoryUnknown,
}

/// What a mirror reports about a synchronisation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncReport {
    /// The mirror serves the refs of this generation.
    Synchronized { generation: Generation, sync_type: Option<MirrorSyncType> },
    /// It could not get what the upstream has.
    SynchronizationFailed,
}

/// How the last synchronisation of a repository went.
#[derive(Debug, Clone)]
pub(crate) struct RepositoryReport {
    pub(crate) external_id: String,
    pub(crate) local_id: i32,
    pub(crate) outcome: SyncReport,
    /// The newest order to remove what no ref leads to that was carried out.
    pub(crate) purge: Option<i64>,
}

/// What the upstream says of the processes on either side.
pub(super) struct BeatAnswer {
    /// Whether another process follows under the name of this mirror.
    pub(super) runs_twice: bool,
    /// The process of the upstream that answers. Not every upstream says so.
    pub(super) upstream: Option<String>,
    /// The base URL of the upstream, as it is set there. Not every upstream says so.
    pub(super) base_url: Option<String>,
    /// Why the upstream could not deliver its latest event to this mirror, if it could not.
    pub(super) delivery_error: Option<String>,
}

/// A page of the upstream's repositories.
#[derive(Debug)]
pub(crate) struct RepositoryListing {
    pub(crate) repositories: Vec<UpstreamRepository>,
    pub(crate) next_start: Option<i64>,
}

impl UpstreamClient {
    /// Asks to be accepted as a mirror; repeating it tells what became of the request.
    pub(super) async fn register(
        &self,
        body: RestMirroringRequestSubmission,
    ) -> Result<MirroringRequestState, CallError> {
        Ok(self.call(&RegisterRequest { body }).await?.state)
    }

    /// Tells the upstream of a new address or version.
    pub(super) async fn upgrade(
        &self,
        body: RestMirrorUpgradeRequest,
        secret: &Secret,
    ) -> Result<(), CallError> {
        let mirror_id = self.server_id().to_owned();
        self.call_signed(&UpgradeRequest { mirror_id, body }, secret).await.map(drop)
    }

    /// The upstream's clock; the cheapest call that needs a valid signature.
    pub(crate) async fn server_time_ms(&self, secret: &Secret) -> Result<i64, CallError> {
        let request = AnalyticsSettingsRequest { instance: None, other_upstream: None };
        Ok(self.ask_the_time(&request, secret).await?.server_time)
    }

    /// Takes in by how much the two clocks differ.
    async fn ask_the_time(
        &self,
        request: &AnalyticsSettingsRequest,
        secret: &Secret,
    ) -> Result<RestAnalyticsSettings, CallError> {
        let asked_at = self.now_ms();
        let answer = self.call_urgently(request, secret).await;
        let contact = self.link().contact();
        match &answer {
            Ok(answer) => contact.clock_told(asked_at, answer.server_time, self.now_ms()),
            Err(error) if is_about_the_clock(error) => contact.clock_refused(),
            Err(_) => {}
        }
        answer
    }

    /// Says that this process follows the upstream, and which other one sends events in its name; and hears whether another
    /// one follows under the same name.
    pub(super) async fn beat(
        &self,
        instance: &str,
        other_upstream: Option<String>,
        secret: &Secret,
    ) -> Result<BeatAnswer, CallError> {
        let request = AnalyticsSettingsRequest { instance: Some(instance.to_owned()), other_upstream };
        let answer = self.ask_the_time(&request, secret).await?;
        Ok(BeatAnswer {
            runs_twice: answer.runs_twice == Some(true),
            upstream: answer.instance,
            base_url: answer.base_url,
            delivery_error: answer.delivery_error,
        })
    }

    /// A page of the repositories of one project, or of all.
    pub(crate) async fn list_repositories(
        &self,
        project_id: Option<&str>,
        start: i64,
        secret: &Secret,
    ) -> Result<RepositoryListing, CallError> {
        let (include_default_branch, limit) = (BooleanText::True, LISTING_PAGE_SIZE);
        let page = match project_id {
            Some(id) => {
                let project_id = id.to_owned();
                let request =
                    GetAllReposForProjectRequest { project_id, include_default_branch, start, limit };
                self.call_signed(&request, secret).await?
            }
            None => {
                let request = GetAllContentHashesRequest { include_default_branch, start, limit };
                self.call_signed(&request, secret).await?
            }
        };
        read_listing(page, start).map_err(|unfit| self.malformed(&unfit))
    }

    /// Whether the upstream has a project with this id.
    pub(crate) async fn has_project(&self, id: &str, secret: &Secret) -> Result<bool, CallError> {
        match self.call_signed(&GetProjectByIdRequest { project_id: id.to_owned() }, secret).await {
            Ok(_) => Ok(true),
            Err(error) if is_not_found(&error) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// One repository; `None` if the upstream does not have it.
    pub(crate) async fn repository(
        &self,
        external_id: &str,
        secret: &Secret,
    ) -> Result<Option<UpstreamRepository>, CallError> {
        let answer = self.ask_for_repository(external_id, secret).await?;
        Ok(answer.map(|(repository, _)| repository))
    }

    /// The same. An answer that is older than what was known when it was asked counts only with the nonce of the question: a
    /// cache between the servers may have kept it, and who takes it for the upstream's word believes that the upstream
    /// has lost its past.
    pub(crate) async fn newest_repository(
        &self,
        external_id: &str,
        known: Generation,
        secret: &Secret,
    ) -> Result<Option<UpstreamRepository>, CallError> {
        match self.ask_for_repository(external_id, secret).await? {
            Some((answer, Freshness::Unproven)) if answer.generation < known => {
                Err(self.malformed(&UnfitValue::new("properties.nonce", NOT_FRESH)))
            }
            answer => Ok(answer.map(|(repository, _)| repository)),
        }
    }

    /// What the upstream has of a repository at this moment.
    pub(crate) async fn repository_now(
        &self,
        external_id: &str,
        secret: &Secret,
    ) -> Result<RepositoryNow, CallError> {
        Ok(match self.ask_for_repository(external_id, secret).await? {
            Some((answer, Freshness::Proven)) => RepositoryNow::Is(Box::new(answer)),
            Some((_, Freshness::Unproven)) => RepositoryNow::Unproven,
            None => RepositoryNow::Gone,
        })
    }

    async fn ask_for_repository(
        &self,
        external_id: &str,
        secret: &Secret,
    ) -> Result<Option<(UpstreamRepository, Freshness)>, CallError> {
        let nonce = Uuid::new_v4().to_string();
        let request = GetContentHashByIdRequest {
            repo_id: external_id.to_owned(),
            include_default_branch: true,
            nonce: Some(nonce.clone()),
        };
        match self.call_signed(&request, secret).await {
            Ok(answer) => {
                let is_repeated = answer.properties.nonce.as_ref() == Some(&nonce);
                let freshness = if is_repeated { Freshness::Proven } else { Freshness::Unproven };
                let read = UpstreamRepository::try_from(answer).map_err(|unfit| self.malformed(&unfit))?;
                Ok(Some((read, freshness)))
            }
            Err(error) if is_not_found(&error) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whose credentials these are, and what they may do in a repository if one is named.
    pub(crate) async fn authenticate(
        &self,
        credentials: &Credentials,
        repository: Option<&str>,
        secret: &Secret,
    ) -> Result<AuthenticationAnswer, CallError> {
        let Some(credentials) = credentials_of(credentials) else {
            return Ok(AuthenticationAnswer::Refused);
        };
        let repository_id = repository.and_then(|id| id.parse().ok());
        let body = RestAuthenticationRequest { credentials, repository_id };
        match self.call_urgently(&AuthenticateRequest { body }, secret).await {
            Ok(answer) => {
                let read = read_decision(answer);
                read.map(AuthenticationAnswer::Accepted).map_err(|unfit| self.malformed(&unfit))
            }
            Err(error) if is_not_found(&error) => Ok(AuthenticationAnswer::RepositoryUnknown),
            Err(error) if refuses_credentials(&error) => Ok(AuthenticationAnswer::Refused),
            Err(error) => Err(error),
        }
    }

    /// Takes or renews the lease, so long after the beginning of the last complete comparison; `None` where the upstream
    /// gives none.
    pub(crate) async fn take_lease(
        &self,
        compared_ago: Option<Duration>,
        secret: &Secret,
    ) -> Result<Option<RestLease>, CallError> {
        if !self.asks_a_heliostat() {
            return Ok(None);
        }
        let compared_ago_millis = compared_ago.and_then(|ago| i64::try_from(ago.as_millis()).ok());
        let body = RestLeaseRequest { compared_ago_millis };
        let request = TakeLeaseRequest { mirror_id: self.server_id().to_owned(), body };
        self.call_if_known(&request, secret, URGENT_TIMEOUT).await
    }

    /// Tells the upstream how far this mirror is, and says whether it listens to that.
    pub(crate) async fn tell_standing(
        &self,
        body: RestMirrorCopies,
        secret: &Secret,
    ) -> Result<bool, CallError> {
        let mirror_id = self.server_id().to_owned();
        let request = TellMirrorStandingRequest { mirror_id, body };
        let told = self.call_if_known(&request, secret, URGENT_TIMEOUT).await?;
        Ok(told.is_some())
    }

    /// Tells the upstream how a synchronisation went, and which order to remove what no ref leads to was carried out.
    pub(crate) async fn report(&self, report: RepositoryReport, secret: &Secret) -> Result<(), CallError> {
        let (mirror_id, body) = (self.server_id().to_owned(), report.into());
        self.call_signed(&PublishEventRequest { mirror_id, body }, secret).await
    }

    /// The same of several repositories at once; `false` from an upstream that does not take several.
    pub(crate) async fn report_all(
        &self,
        reports: Vec<RepositoryReport>,
        secret: &Secret,
    ) -> Result<bool, CallError> {
        if !self.asks_a_heliostat() {
            return Ok(false);
        }
        let events = reports.into_iter().map(RestRepositoryMirrorEvent::from).collect();
        let (mirror_id, body) = (self.server_id().to_owned(), RestRepositoryMirrorEvents { events });
        let request = PublishEventsRequest { mirror_id, body };
        Ok(self.call_if_known(&request, secret, REPORTS_TIMEOUT).await?.is_some())
    }
}

impl From<RepositoryReport> for RestRepositoryMirrorEvent {
    fn from(report: RepositoryReport) -> Self {
        let (kind, generation, sync_type) = match report.outcome {
            SyncReport::Synchronized { generation, sync_type } => {
                (MirrorEventType::Synchronized, Some(generation.0), sync_type)
            }
            SyncReport::SynchronizationFailed => (MirrorEventType::SynchronizationFailed, None, None),
        };
        Self {
            kind,
            mirror_repo_id: Some(report.local_id),
            upstream_repo_id: report.external_id,
            generation,
            sync_type,
            purge: report.purge,
        }
    }
}

fn credentials_of(credentials: &Credentials) -> Option<RestCredentials> {
    match credentials {
        Credentials::Basic { username, password } => {
            let (username, password) = (username.clone(), password.expose().to_owned());
            let credentials = RestUsernamePasswordCredentials { username, password };
            Some(RestCredentials::RestUsernamePasswordCredentials(credentials))
        }
        Credentials::Bearer(token) => {
            let credentials = RestBearerTokenCredentials { token: token.expose().to_owned() };
            Some(RestCredentials::RestBearerTokenCredentials(credentials))
        }
        Credentials::None | Credentials::Jwt(_) => None,
    }
}

fn read_listing(page: PageOfEnrichedRepository, start: i64) -> Result<RepositoryListing, UnfitValue> {
    let repositories = page.values.into_iter().map(UpstreamRepository::try_from).collect::<Result<_, _>>()?;
    let next_start = match (page.is_last_page, page.next_page_start) {
        (true, _) => None,
        // A page that does not lead forward would be asked for without end.
        (false, Some(next)) if next > start => Some(next),
        (false, _) => {
            return Err(UnfitValue::new("nextPageStart", "a page that follows this one is expected"));
        }
    };
    Ok(RepositoryListing { repositories, next_start })
}

fn read_decision(answer: RestApplicationUserWithPermissions) -> Result<AccessDecision, UnfitValue> {
    let permissions = texts(answer.effective_permissions.values());
    let global = permissions.iter().filter_map(|name| name.parse::<GlobalPermission>().ok()).max();
    let permission = permissions.iter().filter_map(|name| name.parse::<RepositoryPermission>().ok()).max();
    let user = UserIdentity {
        id: answer.id,
        name: UnfitValue::check_line("name", answer.name)?,
        slug: UnfitValue::check_line("slug", answer.slug)?,
        display_name: UnfitValue::check_line("displayName", answer.display_name)?,
        global,
    };
    Ok(AccessDecision { user, permission })
}

/// Every text in the values, however deep: the members and items of a free-form object.
fn texts<'a>(values: impl Iterator<Item = &'a Value>) -> Vec<&'a str> {
    let mut found = Vec::new();
    let mut open: Vec<&Value> = values.collect();
    while let Some(value) = open.pop() {
        match value {
            Value::String(text) => found.push(text.as_str()),
            Value::Array(items) => open.extend(items),
            Value::Object(members) => open.extend(members.values()),
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_takes_the_highest_permission_of_each_kind() {
        let answer = json!({
            "id": 7, "name": "ada", "slug": "ada", "displayName": "Ada", "active": true, "type": "NORMAL",
            "links": { "self": [] },
            "effectivePermissions": { "global": "ADMIN", "repository": ["REPO_READ", "REPO_WRITE"] }
        });
        let answer = serde_json::from_value(answer).expect("an answer as the contract wants it");
        let decision = read_decision(answer).expect("a well-formed answer");
        assert_eq!(decision.user.global, Some(GlobalPermission::Admin));
        assert_eq!(decision.permission, Some(RepositoryPermission::Write));
    }

    #[test]
    fn a_page_must_lead_forward() {
        let page = |is_last_page, next_page_start| PageOfEnrichedRepository {
            values: Vec::new(),
            size: 0,
            limit: LISTING_PAGE_SIZE,
            start: 0,
            is_last_page,
            next_page_start,
        };
        assert!(read_listing(page(true, None), 0).is_ok_and(|listing| listing.next_start.is_none()));
        assert!(read_listing(page(false, Some(5)), 0).is_ok_and(|listing| listing.next_start == Some(5)));
        assert!(read_listing(page(false, Some(5)), 5).is_err());
        assert!(read_listing(page(false, None), 0).is_err());
    }
}
