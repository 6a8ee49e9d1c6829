//! What can be asked of an upstream, one function per operation that a mirror uses.

use heliostat_auth::{Credentials, GlobalPermission, RepositoryPermission, Secret, UserIdentity};
use heliostat_peer::CallError;
use heliostat_storage::Generation;
use reqwest::{Method, StatusCode};
use serde_json::{Value, json};

use super::client::{Call, UpstreamClient, is_not_found, nonsense};
use super::json_field::{Field, FieldError};
use super::repository::UpstreamRepository;

/// How many repositories are asked for at once.
const LISTING_PAGE_SIZE: u64 = 1_000;

/// What a mirror tells about itself when it asks to be accepted.
#[derive(Debug, Clone)]
pub(crate) struct RegistrationRequest {
    pub(crate) mirror_name: String,
    pub(crate) base_url: String,
    pub(crate) descriptor_url: String,
    pub(crate) mirror_type: String,
    pub(crate) product_type: String,
    pub(crate) product_version: String,
}

/// What has become of the request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum RequestFate {
    Pending,
    Accepted,
    Rejected,
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
    Synchronized { generation: Generation, sync_type: Option<SyncType> },
    /// It could not get what the upstream has.
    SynchronizationFailed,
}

/// How a mirror came to what it serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SyncType {
    /// It fetched only the refs that it was told of.
    Incremental,
    /// It compared all refs.
    Snapshot,
}

impl SyncType {
    fn as_str(self) -> &'static str {
        match self {
            Self::Incremental => "INCREMENTAL",
            Self::Snapshot => "SNAPSHOT",
        }
    }
}

/// A page of the upstream's repositories.
#[derive(Debug)]
pub(crate) struct RepositoryListing {
    pub(crate) repositories: Vec<UpstreamRepository>,
    pub(crate) next_start: Option<u64>,
}

impl UpstreamClient {
    /// Asks to be accepted as a mirror; repeating it tells what became of the request.
    pub(crate) async fn register(&self, request: &RegistrationRequest) -> Result<RequestFate, CallError> {
        let body = json!({
            "mirrorId": self.server_id(),
            "mirrorName": request.mirror_name,
            "mirrorBaseUrl": request.base_url,
            "addonDescriptorUri": request.descriptor_url,
            "mirrorType": request.mirror_type,
            "productType": request.product_type,
            "productVersion": request.product_version,
        });
        let answer = self.send(Call::new(Method::POST, "/requests").body(body)).await?;
        let state = Field::root(&answer).member("state");
        match state.text().map_err(nonsense("/requests"))? {
            "PENDING" => Ok(RequestFate::Pending),
            "ACCEPTED" => Ok(RequestFate::Accepted),
            "REJECTED" => Ok(RequestFate::Rejected),
            other => Err(nonsense("/requests")(state.wrong(&format!("{other:?} is no state of a request")))),
        }
    }

    /// Tells the upstream of a new address or version.
    pub(crate) async fn upgrade(
        &self,
        request: &RegistrationRequest,
        secret: &Secret,
    ) -> Result<(), CallError> {
        let body = json!({
            "baseUrl": request.base_url,
            "addonDescriptorUri": request.descriptor_url,
            "productType": request.product_type,
            "productVersion": request.product_version,
        });
        let path = format!("/mirrorServers/{}", self.server_id());
        self.send(Call::new(Method::PUT, path).body(body).signed(secret)).await.map(drop)
    }

    /// The upstream's clock; the cheapest call that needs a valid signature.
    pub(crate) async fn server_time_ms(&self, secret: &Secret) -> Result<i64, CallError> {
        let answer = self.send(Call::new(Method::GET, "/analyticsSettings").signed(secret)).await?;
        Field::root(&answer).member("serverTime").integer().map_err(nonsense("/analyticsSettings"))
    }

    /// A page of the repositories of one project, or of all.
    pub(crate) async fn list_repositories(
        &self,
        project_id: Option<&str>,
        start: u64,
        secret: &Secret,
    ) -> Result<RepositoryListing, CallError> {
        let path = match project_id {
            Some(id) => format!("/projects/{id}/repos"),
            None => "/repos".to_owned(),
        };
        let call = Call::new(Method::GET, &path)
            .query("includeDefaultBranch", true)
            .query("limit", LISTING_PAGE_SIZE)
            .query("start", start)
            .signed(secret);
        let answer = self.send(call).await?;
        read_listing(&answer, start).map_err(nonsense(&path))
    }

    /// Whether the upstream has a project with this id.
    pub(crate) async fn has_project(&self, id: &str, secret: &Secret) -> Result<bool, CallError> {
        let call = Call::new(Method::GET, format!("/projects/{id}")).signed(secret);
        match self.send(call).await {
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
        let path = format!("/repos/{external_id}");
        let call = Call::new(Method::GET, &path).query("includeDefaultBranch", true).signed(secret);
        match self.send(call).await {
            Ok(answer) => UpstreamRepository::read(&Field::root(&answer)).map(Some).map_err(nonsense(&path)),
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
        let credentials = match credentials {
            Credentials::Basic { username, password } => {
                json!({ "username": username, "password": password.expose() })
            }
            Credentials::Bearer(token) => json!({ "token": token.expose() }),
            Credentials::None | Credentials::Jwt(_) => return Ok(AuthenticationAnswer::Refused),
        };
        let mut body = json!({ "credentials": credentials });
        if let Some(id) = repository.and_then(|id| id.parse::<i32>().ok()) {
            body["repositoryId"] = json!(id);
        }
        match self.send(Call::new(Method::POST, "/authenticate").body(body).urgent().signed(secret)).await {
            Ok(answer) => {
                read_user(&answer).map(AuthenticationAnswer::Accepted).map_err(nonsense("/authenticate"))
            }
            Err(error) if is_not_found(&error) => Ok(AuthenticationAnswer::RepositoryUnknown),
            // 401 is also the answer to a signature that does not hold, which is not the user's fault.
            Err(CallError::Refused { status, problem, .. })
                if status == StatusCode::UNAUTHORIZED && !is_about_our_signature(&problem.message) =>
            {
                Ok(AuthenticationAnswer::Refused)
            }
            Err(CallError::Refused { status: StatusCode::BAD_REQUEST | StatusCode::FORBIDDEN, .. }) => {
                Ok(AuthenticationAnswer::Refused)
            }
            Err(error) => Err(error),
        }
    }

    /// Tells the upstream how a synchronisation went.
    pub(crate) async fn report(
        &self,
        report: SyncReport,
        local_id: i32,
        external_id: &str,
        secret: &Secret,
    ) -> Result<(), CallError> {
        let mut body = json!({ "mirrorRepoId": local_id, "upstreamRepoId": external_id });
        match report {
            SyncReport::Synchronized { generation, sync_type } => {
                body["type"] = json!("SYNCHRONIZED");
                body["generation"] = json!(generation);
                if let Some(sync_type) = sync_type {
                    body["syncType"] = json!(sync_type.as_str());
                }
            }
            SyncReport::SynchronizationFailed => body["type"] = json!("SYNCHRONIZATION_FAILED"),
        }
        let path = format!("/mirrorServers/{}/events", self.server_id());
        self.send(Call::new(Method::POST, path).body(body).signed(secret)).await.map(drop)
    }
}

/// The upstream tells who was not believed in the text only: the mirror that asked, or the user.
fn is_about_our_signature(message: &str) -> bool {
    message.contains("JWT") || message.contains("mirror")
}

fn read_listing(answer: &Value, start: u64) -> Result<RepositoryListing, FieldError> {
    let page = Field::root(answer);
    let repositories = page
        .member("values")
        .items()?
        .map(|item| UpstreamRepository::read(&item))
        .collect::<Result<_, _>>()?;
    if page.member("isLastPage").flag()? {
        return Ok(RepositoryListing { repositories, next_start: None });
    }
    let next = page.member("nextPageStart");
    match u64::try_from(next.integer()?) {
        // A page that does not lead forward would be asked for without end.
        Ok(next_start) if next_start > start => {
            Ok(RepositoryListing { repositories, next_start: Some(next_start) })
        }
        _ => Err(next.wrong("a page that follows this one is expected")),
    }
}

fn read_user(answer: &Value) -> Result<AccessDecision, FieldError> {
    let user = Field::root(answer);
    let name = user.member("name").text()?;
    let id = user.member("id").integer()?;
    let permissions = user.member("effectivePermissions");
    let text_or_name = |member: &str| {
        user.member(member).optional().map_or(Ok(name), |field| field.text()).map(str::to_owned)
    };
    let names = permissions.texts();
    let global = names.iter().filter_map(|name| name.parse::<GlobalPermission>().ok()).max();
    let permission = names.iter().filter_map(|name| name.parse::<RepositoryPermission>().ok()).max();
    Ok(AccessDecision {
        user: UserIdentity {
            id: i32::try_from(id).map_err(|_| user.member("id").wrong("a 32-bit id is expected"))?,
            name: name.to_owned(),
            slug: text_or_name("slug")?,
            display_name: text_or_name("displayName")?,
            global,
        },
        permission,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_takes_the_highest_permission_of_each_kind() {
        let answer = json!({
            "id": 7, "name": "ada", "slug": "ada", "displayName": "Ada",
            "effectivePermissions": { "global": "ADMIN", "repository": ["REPO_READ", "REPO_WRITE"] }
        });
        let answer = read_user(&answer).expect("a well-formed answer");
        assert_eq!(answer.user.global, Some(GlobalPermission::Admin));
        assert_eq!(answer.permission, Some(RepositoryPermission::Write));
    }

    #[test]
    fn a_page_must_lead_forward() {
        let page =
            |last: bool, next: Value| json!({ "values": [], "isLastPage": last, "nextPageStart": next });
        assert!(read_listing(&page(true, Value::Null), 0).is_ok_and(|listing| listing.next_start.is_none()));
        assert!(read_listing(&page(false, json!(5)), 0).is_ok_and(|listing| listing.next_start == Some(5)));
        assert!(read_listing(&page(false, json!(5)), 5).is_err());
        assert!(read_listing(&json!({ "values": [] }), 0).is_err());
        assert!(read_listing(&json!({}), 0).is_err());
    }
}
