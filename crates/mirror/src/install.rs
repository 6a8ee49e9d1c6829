//! The beginning and the end of the bond, as the upstream announces them.
//!
//! Anybody can post an `installed` event, so it is believed only if it names the upstream that this mirror
//! was configured to follow, and if that very upstream accepts a call signed with the new secret. A mirror
//! that is installed already also wants the event signed with the secret it has, unless the upstream itself
//! no longer accepts that one: then the end of the old bond was missed, and this is the new one.

use heliostat_auth::{Caller, Credentials, Secret};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroringMode, StoreError};

use crate::bond::NewBond;
use crate::identify::RequestFacts;
use crate::mirror::Mirror;
use crate::selection::{Selection, parse_project_ids};
use crate::upstream_client::refuses_our_secret;
use crate::upstream_identity::UpstreamUrl;

/// The shortest shared secret that is accepted, in bytes.
const MIN_SECRET_BYTES: usize = 16;
/// The longest shared secret and client key that are accepted, in bytes.
const MAX_SECRET_BYTES: usize = 2_048;

/// The setting that remembers when the upstream removed this mirror, in epoch milliseconds.
pub(crate) const REMOVED_AT_SETTING: &str = "removed_at";

/// What an upstream says when it installs a mirror.
#[derive(Debug, Clone)]
pub struct InstalledEvent {
    /// How the upstream names itself in its signatures.
    pub client_key: String,
    /// The secret that both sides sign with from now on.
    pub shared_secret: Secret,
    /// The upstream's address.
    pub base_url: Option<String>,
    /// The projects to mirror; all if not given.
    pub project_ids: Option<Vec<String>>,
}

impl Mirror {
    /// Takes an `installed` event.
    pub async fn installed(
        &self,
        upstream_id: &str,
        event: InstalledEvent,
        credentials: &Credentials,
        request: RequestFacts<'_>,
    ) -> Result<(), Refusal> {
        self.require_upstream(upstream_id)?;
        self.check_installed_event(&event)?;
        let selection = initial_selection(event.project_ids.as_deref())?;
        let is_signed = matches!(self.identify(credentials, request).await, Ok(Caller::Upstream { .. }));
        if !is_signed && self.old_secret_is_in_force().await {
            return Err(Refusal::unauthenticated(
                "This mirror is installed already; a second installation must be signed with the present secret.",
            ));
        }
        self.client.server_time_ms(&event.shared_secret).await.map_err(|error| {
            tracing::warn!(error = %error, "an installation was not believed");
            if error.is_outage() {
                return Refusal::unavailable(
                    "The upstream, which must confirm the new secret, cannot be reached.",
                );
            }
            Refusal::unauthenticated("The upstream does not accept a call signed with the new secret.")
        })?;
        let is_fresh = !self.bond.is_installed();
        if is_fresh {
            self.progress.start_over();
        }
        if is_fresh || event.project_ids.is_some() {
            self.select(selection).await?;
        }
        self.hear_installed(NewBond { client_key: event.client_key, secret: event.shared_secret })
            .await
            .map_err(store_refusal)?;
        self.store.delete_setting(REMOVED_AT_SETTING).await.map_err(store_refusal)?;
        self.verdicts.revoke(None);
        self.sweep_signal.wake();
        Ok(())
    }

    /// Takes an `uninstalled` event. The caller has made sure that the upstream signed it.
    pub async fn uninstalled(&self, upstream_id: &str) -> Result<(), Refusal> {
        self.require_upstream(upstream_id)?;
        let now_ms = self.options.clock.now_ms().to_string();
        self.store.set_setting(REMOVED_AT_SETTING, &now_ms).await.map_err(store_refusal)?;
        self.hear_uninstalled().await.map_err(store_refusal)?;
        self.verdicts.revoke(None);
        Ok(())
    }

    fn check_installed_event(&self, event: &InstalledEvent) -> Result<(), Refusal> {
        let secret_bytes = event.shared_secret.expose().len();
        if !(MIN_SECRET_BYTES..=MAX_SECRET_BYTES).contains(&secret_bytes) {
            let message =
                format!("The shared secret must have {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES} bytes.");
            return Err(Refusal::invalid("sharedSecret", message));
        }
        if event.client_key.is_empty() || event.client_key.len() > MAX_SECRET_BYTES {
            let message = format!("The client key must have 1 to {MAX_SECRET_BYTES} bytes.");
            return Err(Refusal::invalid("clientKey", message));
        }
        let named = event.base_url.as_deref().map(UpstreamUrl::parse);
        match named {
            Some(Ok(url)) if url == self.options.upstream_url => Ok(()),
            _ => Err(Refusal::invalid(
                "baseUrl",
                format!("This mirror follows {}.", self.options.upstream_url),
            )),
        }
    }

    /// In doubt, when the upstream does not answer for instance, the old secret counts.
    async fn old_secret_is_in_force(&self) -> bool {
        match self.bond.secret_in_force() {
            None => false,
            Some(secret) => match self.client.server_time_ms(&secret).await {
                Ok(_) => true,
                Err(error) => !refuses_our_secret(&error),
            },
        }
    }
}

fn initial_selection(project_ids: Option<&[String]>) -> Result<Selection, Refusal> {
    Ok(match project_ids {
        None => Selection::default(),
        Some(ids) => {
            Selection { mode: MirroringMode::SelectedProjects, project_ids: parse_project_ids(ids)? }
        }
    })
}

/// A database that does not answer is not the caller's fault, and the call may be repeated.
pub(crate) fn store_refusal(error: StoreError) -> Refusal {
    match error {
        StoreError::Unavailable(_) => {
            tracing::error!(error = &error as &dyn std::error::Error, "the database does not answer");
            Refusal::unavailable("The mirror's database does not answer; try again later.")
        }
        other => Refusal::internal(other),
    }
}
