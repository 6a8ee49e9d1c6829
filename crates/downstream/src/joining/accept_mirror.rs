//! Letting a mirror in: introduction, secret, installation; and back to pending if any of it fails.
//!
//! 1. The descriptor is fetched from the address that the administrator was shown, within the address rules.
//! 2. The mirror is stored with a fresh secret and the projects that were chosen for it. From now on its signatures are
//!    accepted, because it checks the secret by calling back before it accepts the next step.
//! 3. The mirror is told both at once (`addon/installed`).
//! 4. If the mirror does not agree, it is removed again and the request is open as before.
//!
//! A crash between the second and third step leaves a mirror that was never told. It keeps asking, and
//! [`Joining::install_again_if_never_seen`] tells it.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::callbacks::OnAddonInstalledCallback;
use heliostat_api::models::{MirrorMode, RestAddonInstalledEvent, RestUpstreamSettings};
use heliostat_auth::shared_secret;
use heliostat_peer::{Call, PRODUCT_TYPE};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServer, MirrorServerId, MirroringRequest, NewMirror, ProjectId, RequestState, StoreError,
};
use reqwest::Method;
use url::Url;

use super::addon_descriptor::{Introduction, MAX_DESCRIPTOR_BYTES, read_introduction};
use super::requests::Joining;
use crate::calling::{called_at, internal_url, tell, text_of};
use crate::permit::SystemAdministrator;

/// How long fetching a descriptor may take: the machine of a mirror that has just started may be busy.
const DESCRIPTOR_TIMEOUT: Duration = Duration::from_secs(20);
/// How long a mirror may take to check and store its secret.
const INSTALL_TIMEOUT: Duration = Duration::from_secs(30);
/// Most projects that one acceptance can name.
const MAX_SELECTED_PROJECTS: usize = 10_000;
/// An installation of this process is repeated after this time at the earliest.
const INSTALL_AGAIN_AFTER_MS: i64 = 60_000;

/// What an administrator has seen of a request, and decides for its mirror.
#[derive(Debug, Clone, Default)]
pub struct Acceptance {
    /// The base URL with which the request was shown.
    pub seen_base_url: Option<String>,
    /// The address with which it was shown as that where this server calls the mirror, if that is another one.
    pub seen_internal_url: Option<String>,
    /// The projects that the mirror follows at first; all if none are named.
    pub projects: Option<Vec<String>>,
}

impl Joining {
    /// Accepts a request, if it is the one that was seen. Its addresses never change, so what is asked here holds to the
    /// end.
    pub async fn accept(
        self: &Arc<Self>,
        administrator: SystemAdministrator<'_>,
        request_id: &str,
        acceptance: Acceptance,
    ) -> Result<MirrorServer, Refusal> {
        let request = self.request(administrator, request_id).await?;
        let Acceptance { seen_base_url, seen_internal_url, projects } = acceptance;
        if let Some(seen) = seen_base_url.filter(|seen| !is_address(seen, &request.base_url)) {
            let message = format!(
                "The mirror of this request has the base URL {}, not {seen}; look at the request again.",
                request.base_url
            );
            return Err(Refusal::conflict_in("mirrorBaseUrl", message));
        }
        same_internal_url(&request, seen_internal_url.as_deref())?;
        if request.state != RequestState::Pending {
            let message = format!("The request is {} already.", request.state.as_str().to_lowercase());
            return Err(Refusal::conflict(message));
        }
        let projects = match projects {
            Some(ids) if !ids.is_empty() => Some(self.existing_projects(ids).await?),
            _ => None,
        };
        let joining = Arc::clone(self);
        self.tasks.to_the_end(async move { joining.accept_to_the_end(&request, projects).await }).await
    }

    async fn accept_to_the_end(
        &self,
        request: &MirroringRequest,
        projects: Option<Vec<String>>,
    ) -> Result<MirrorServer, Refusal> {
        let introduction = self.fetch_introduction(&request.base_url, &request.descriptor_uri).await?;
        let new_mirror = NewMirror {
            events_url: introduction.events_url.clone(),
            uninstalled_url: introduction.uninstalled_url.clone(),
            shared_secret: shared_secret().expose().to_owned(),
            client_key: self.client_key.clone(),
            addon_key: introduction.key.clone(),
            chosen_projects: projects,
            accepted_at: self.announcer.now_ms(),
        };
        let inserted = self.mirrors.insert_mirror(request.id, new_mirror).await;
        let mirror = inserted.map_err(|error| match error {
            StoreError::NotFound { .. } => Refusal::conflict("The request was deleted in the meantime."),
            StoreError::InUse { .. } => Refusal::conflict("The request is accepted already."),
            other => other.into(),
        })?;
        match self.install(&mirror, &introduction).await {
            Ok(()) => {
                tracing::info!(mirror.id = %mirror.id, mirror.name = mirror.name, "accepted a mirror");
                // What was deleted lately waits for it.
                self.announcer.announced();
                self.members.record(&mirror.id).await
            }
            Err(reason) => {
                self.mirrors.revert_acceptance(&mirror.id, self.announcer.now_ms()).await?;
                Err(reason)
            }
        }
    }

    /// Tells a mirror that was accepted its secret once more, if it has never used it.
    pub(super) async fn install_again_if_never_seen(
        self: &Arc<Self>,
        id: &MirrorServerId,
    ) -> Result<(), Refusal> {
        let mirror = self.mirrors.find_mirror(id).await?;
        let Some(mirror) = mirror.filter(|mirror| mirror.last_seen_at.is_none()) else {
            return Ok(());
        };
        let now = self.announcer.now_ms();
        // One from the future was accepted before the clock was set back.
        let is_new = (0..INSTALL_AGAIN_AFTER_MS).contains(&now.saturating_sub(mirror.created_at));
        let may_be_under_way = is_new && mirror.created_at >= self.started_at;
        if may_be_under_way || !self.members.admit_installation(id, now) {
            return Ok(());
        }
        let joining = Arc::clone(self);
        self.tasks.spawn(async move {
            let installed = async {
                let introduction =
                    joining.fetch_introduction(&mirror.base_url, &mirror.descriptor_uri).await?;
                joining.install(&mirror, &introduction).await
            };
            if let Err(error) = installed.await {
                tracing::warn!(mirror.id = %mirror.id, error = %error, "cannot install a mirror again");
            }
        });
        Ok(())
    }

    async fn fetch_introduction(
        &self,
        base_url: &str,
        descriptor_uri: &str,
    ) -> Result<Introduction, Refusal> {
        let called = called_at(base_url, descriptor_uri).map_err(Refusal::internal)?;
        let descriptor_uri = Url::parse(descriptor_uri).map_err(Refusal::internal)?;
        let call = Call::new(Method::GET, descriptor_uri)
            .timeout(DESCRIPTOR_TIMEOUT)
            .max_answer_bytes(MAX_DESCRIPTOR_BYTES);
        let fetched = self.client.fetch(call).await;
        let json = fetched.map_err(|error| {
            Refusal::conflict(format!(
                "The mirror's descriptor cannot be fetched: {error}. The mirror must run, and be reached at {} (its \
                 --internal-url, or else its --base-url) from this server.",
                text_of(&called)
            ))
        })?;
        read_introduction(&json, &called).map_err(|reason| {
            Refusal::conflict(format!("The mirror's descriptor is not acceptable: {reason}."))
        })
    }

    async fn install(&self, mirror: &MirrorServer, introduction: &Introduction) -> Result<(), Refusal> {
        let base_url = self.announcer.base_address();
        let body = RestAddonInstalledEvent {
            key: Some(introduction.key.clone()),
            client_key: mirror.client_key.clone(),
            shared_secret: mirror.shared_secret.clone(),
            base_url: Some(base_url.to_owned()),
            api_base_url: Some(base_url.to_owned()),
            event_type: Some("installed".to_owned()),
            // Mirrors know by it that this server waits until they have checked the secret.
            product_type: Some(PRODUCT_TYPE.to_owned()),
            settings: Some(settings_of(mirror)),
            ..RestAddonInstalledEvent::default()
        };
        let (client, url) = (&self.client, &introduction.installed_url);
        let told = tell(client, mirror, url, &OnAddonInstalledCallback, &body, INSTALL_TIMEOUT).await;
        told.map_err(|error| Refusal::conflict(format!("The mirror could not be installed: {error}.")))
    }

    async fn existing_projects(&self, mut ids: Vec<String>) -> Result<Vec<String>, Refusal> {
        if ids.len() > MAX_SELECTED_PROJECTS {
            let message = format!("At most {MAX_SELECTED_PROJECTS} projects can be named.");
            return Err(Refusal::invalid("projectIds", message));
        }
        ids.sort_unstable();
        ids.dedup();
        for id in &ids {
            let unknown = || Refusal::invalid("projectIds", format!("The project {id} does not exist."));
            let id: ProjectId = id.parse().map_err(|_| unknown())?;
            self.repositories.find_project(id).await?.ok_or_else(unknown)?;
        }
        Ok(ids)
    }
}

/// Refuses an acceptance that does not name the address at which the mirror is called, where that is not its base URL: its
/// secret is sent there, so who accepts must have seen it.
fn same_internal_url(request: &MirroringRequest, seen: Option<&str>) -> Result<(), Refusal> {
    let message = match (internal_url(&request.base_url, &request.descriptor_uri), seen) {
        (None, None) => return Ok(()),
        (Some(internal), Some(seen)) if is_address(seen, &internal) => return Ok(()),
        (Some(internal), Some(seen)) => {
            format!(
                "This server would call the mirror of this request at {internal}, not at {seen}; look at the request \
                 again."
            )
        }
        (Some(internal), None) => format!(
            "This server would call the mirror of this request at {internal}, and not at its base URL {}: look at the request, \
             and name that address as mirrorInternalUrl to accept it.",
            request.base_url
        ),
        (None, Some(seen)) => format!(
            "This server would call the mirror of this request at its base URL {}, not at {seen}; look at the request again.",
            request.base_url
        ),
    };
    Err(Refusal::conflict_in("mirrorInternalUrl", message))
}

/// Whether a text is a spelling of a mirror's base URL.
fn is_address(text: &str, base_url: &str) -> bool {
    Url::parse(text.trim()).is_ok_and(|url| text_of(&url) == base_url)
}

/// What was chosen for a mirror when it was accepted.
fn settings_of(mirror: &MirrorServer) -> RestUpstreamSettings {
    match &mirror.chosen_projects {
        None => RestUpstreamSettings { mode: MirrorMode::AllProjects, project_ids: Vec::new() },
        Some(ids) => RestUpstreamSettings { mode: MirrorMode::SelectedProjects, project_ids: ids.clone() },
    }
}
