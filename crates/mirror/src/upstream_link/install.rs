//! The beginning and the end of the link, as the upstream announces them.
//!
//! Anyone can post an `installed` event, so it is believed only if it names the upstream that this mirror
//! was configured to follow, and if that very upstream accepts a call signed with the new secret. A mirror
//! that is installed already also wants the event signed with the secret it has, unless the upstream itself
//! no longer accepts that one: then the end of the old link was missed, and this is the new one.
//!
//! The end is believed only when that upstream refuses the secret. A copy of its database, started elsewhere, holds the
//! same secrets and signs as it does.

use heliostat_auth::Secret;
use heliostat_peer::{CallError, PRODUCT_TYPE};
use heliostat_refusal::Refusal;
use heliostat_storage::{StoreError, UpstreamSettings};

use super::client::{UpstreamClient, is_about_the_clock, refuses_our_signature};
use super::identity::UpstreamUrl;
use super::link::UpstreamLink;

/// The shortest shared secret that is accepted, in bytes.
const MIN_SECRET_BYTES: usize = 16;
/// The longest shared secret and client key that are accepted, in bytes.
const MAX_SECRET_BYTES: usize = 2_048;

/// The setting that remembers who made the upstream that has installed this mirror.
const MAKE_SETTING: &str = "upstream_make";

/// The setting that remembers when the upstream removed this mirror, in epoch milliseconds.
const REMOVED_AT_SETTING: &str = "removed_at";

/// What an upstream says when it installs a mirror.
#[derive(Debug, Clone)]
pub struct InstalledEvent {
    /// How the upstream names itself in its signatures.
    pub client_key: String,
    /// The secret that both sides sign with from now on.
    pub shared_secret: Secret,
    /// The upstream's address.
    pub base_url: Option<String>,
    /// What a mirror begins with; everything if the upstream says nothing.
    pub settings: Option<UpstreamSettings>,
    /// Who made the upstream.
    pub make: UpstreamMake,
}

/// Who made an upstream, as far as it matters to its mirrors.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UpstreamMake {
    /// It knows mirrors by their server id, and waits until they have checked what it tells them.
    Heliostat,
    /// It knows mirrors by the key of their add-on. It tells them of an installation before that is in force.
    Other,
}

impl UpstreamMake {
    /// Reads it off the product that the upstream calls itself.
    pub fn of_product(product_type: Option<&str>) -> Self {
        match product_type {
            None | Some(PRODUCT_TYPE) => Self::Heliostat,
            Some(_) => Self::Other,
        }
    }

    /// The name under which it is remembered.
    fn as_str(self) -> &'static str {
        match self {
            Self::Heliostat => "heliostat",
            Self::Other => "other",
        }
    }
}

/// An installation that the upstream itself has confirmed.
pub(crate) struct ConfirmedInstallation {
    client_key: String,
    secret: Secret,
    make: UpstreamMake,
}

impl UpstreamLink {
    /// Finds out whether an `installed` event is to be believed. `is_signed` says whether it was signed with the
    /// present secret.
    pub(crate) async fn confirm_installation(
        &self,
        client: &UpstreamClient,
        event: InstalledEvent,
        is_signed: bool,
    ) -> Result<ConfirmedInstallation, Refusal> {
        self.check_secrets(&event)?;
        let client = &client.of_make(event.make);
        if let Err(refusal) = self.check_address(&event) {
            self.note_refusal(client, &event, &refusal).await;
            return Err(refusal);
        }
        if !is_signed && self.old_secret_is_in_force(client).await {
            return Err(Refusal::unauthenticated(
                "This mirror is installed already; a second installation must be signed with the present secret.",
            ));
        }
        client.server_time_ms(&event.shared_secret).await.map_err(|error| {
            tracing::warn!(error = %error, "an installation was not believed");
            if let CallError::Refused { problem, .. } = &error
                && is_about_the_clock(&error)
            {
                return Refusal::server_clock(format!(
                    "The upstream {} does not accept a call of this mirror: {}",
                    self.url(),
                    problem.message
                ));
            }
            if error.is_outage() {
                return Refusal::unavailable(
                    "The upstream, which must confirm the new secret, cannot be reached.",
                );
            }
            Refusal::unauthenticated("The upstream does not accept a call signed with the new secret.")
        })?;
        let InstalledEvent { client_key, shared_secret: secret, make, .. } = event;
        Ok(ConfirmedInstallation { client_key, secret, make })
    }

    /// The link holds from here on, and begins with these settings if there are any.
    pub(crate) async fn install(
        &self,
        client: &UpstreamClient,
        confirmed: ConfirmedInstallation,
        settings: Option<UpstreamSettings>,
    ) -> Result<(), StoreError> {
        self.store().set_setting(MAKE_SETTING, confirmed.make.as_str()).await?;
        client.set_make(confirmed.make);
        self.apply_installed(confirmed.client_key, &confirmed.secret, settings).await?;
        self.installation_refused(None);
        self.forget_end().await
    }

    /// Who made the upstream that has installed this mirror.
    pub(crate) async fn make_of_upstream(&self) -> Result<UpstreamMake, StoreError> {
        let make = self.store().get_setting(MAKE_SETTING).await?;
        let is_other = make.as_deref() == Some(UpstreamMake::Other.as_str());
        Ok(if is_other { UpstreamMake::Other } else { UpstreamMake::Heliostat })
    }

    /// Whether the upstream has ended the link: the one that this mirror follows, at its own address.
    pub(crate) async fn confirm_end(&self, client: &UpstreamClient) -> Result<(), Refusal> {
        let Some(secret) = self.secret() else { return Ok(()) };
        match client.server_time_ms(&secret).await {
            Err(error) if refuses_our_signature(&error) => Ok(()),
            Err(error) => Err(Refusal::unavailable(format!(
                "The upstream {} must confirm that it has removed this mirror, and does not: {error}.",
                self.url()
            ))),
            Ok(_) => Err(Refusal::conflict(format!(
                "The upstream {} still accepts this mirror. A copy of it, which holds the same secrets, cannot remove it.",
                self.url()
            ))),
        }
    }

    /// The upstream has ended the link. The caller has made sure that the upstream says so itself.
    pub(crate) async fn uninstall(&self) -> Result<(), StoreError> {
        self.store().set_setting(REMOVED_AT_SETTING, &self.clock().now_ms().to_string()).await?;
        self.apply_uninstalled().await
    }

    /// When the upstream ended the link, in epoch milliseconds.
    pub(crate) async fn ended_at(&self) -> Result<Option<i64>, StoreError> {
        let ended_at = self.store().get_setting(REMOVED_AT_SETTING).await?;
        Ok(ended_at.map(|ended_at| ended_at.parse().unwrap_or(0)))
    }

    /// Nothing that follows from the end of the link is left to be done.
    pub(crate) async fn forget_end(&self) -> Result<(), StoreError> {
        self.store().delete_setting(REMOVED_AT_SETTING).await
    }

    /// Refuses what can never be believed.
    pub(crate) fn check_installed_event(&self, event: &InstalledEvent) -> Result<(), Refusal> {
        self.check_secrets(event)?;
        self.check_address(event)
    }

    fn check_secrets(&self, event: &InstalledEvent) -> Result<(), Refusal> {
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
        Ok(())
    }

    /// Whether the upstream calls itself as this mirror knows it.
    fn check_address(&self, event: &InstalledEvent) -> Result<(), Refusal> {
        let named = event.base_url.as_deref().map(UpstreamUrl::parse);
        match named {
            Some(Ok(url)) if self.addresses().has(&url) => Ok(()),
            _ => {
                let told = event.base_url.as_deref().unwrap_or("nothing");
                let message = format!(
                    "This mirror follows {}, and the upstream calls itself {told}: give both the same address, the mirror by \
                     --upstream and the upstream by --base-url; or tell the mirror by --upstream-public-url that this is the \
                     address for people.",
                    self.url()
                );
                Err(Refusal::invalid("baseUrl", message))
            }
        }
    }

    /// Remembers why this mirror does not join, for its administrators, if the upstream itself has sent the event: what
    /// others claim is ignored.
    async fn note_refusal(&self, client: &UpstreamClient, event: &InstalledEvent, refusal: &Refusal) {
        if client.server_time_ms(&event.shared_secret).await.is_ok() {
            let reason = format!(
                "the upstream has accepted this mirror, which could not join it: {refusal} Its request has to be accepted once more \
                 then"
            );
            self.installation_refused(Some(reason));
        }
    }

    /// In doubt, when the upstream does not answer for instance, the old secret counts.
    async fn old_secret_is_in_force(&self, client: &UpstreamClient) -> bool {
        match self.secret().filter(|_| self.is_installed()) {
            None => false,
            Some(secret) => match client.server_time_ms(&secret).await {
                Ok(_) => true,
                Err(error) => !refuses_our_signature(&error),
            },
        }
    }
}
