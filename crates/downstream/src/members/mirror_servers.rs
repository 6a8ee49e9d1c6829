//! Mirrors that have joined: what is known of them, and how they leave.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::callbacks::OnAddonUninstalledCallback;
use heliostat_api::models::RestAddonUninstalledEvent;
use heliostat_peer::{DetachedTasks, PeerClient};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServer, MirrorServerId, MirrorServerStore, MirrorUpdate, Outbox, Page, PageRequest,
    RepositoryRecords, StoreError,
};
use parking_lot::Mutex;

use super::instances::Instances;
use super::last_seen::LastSeen;
use super::standing::ToldStandings;
use crate::calling::{called_at, descriptor_uri, mirror_base_url, tell, text_of};
use crate::delivery::{Announcer, MirrorDelivery};
use crate::parts::DownstreamParts;
use crate::permit::{Authenticated, MirrorKeeper, MirrorOrAdministrator, SignedInUser, SystemAdministrator};
use crate::text::one_line;

/// Longest mirror id, in bytes.
pub(crate) const MAX_MIRROR_ID_BYTES: usize = 64;
/// Longest product name or version, in characters.
const MAX_PRODUCT_LENGTH: usize = 255;
/// How long a removed mirror may take to take notice of it.
const UNINSTALL_TIMEOUT: Duration = Duration::from_secs(10);

/// What a mirror says about itself after an upgrade or a move; `None` leaves it as it is.
#[derive(Debug, Clone, Default)]
pub struct MirrorUpgrade {
    /// Where it is reached now.
    pub base_url: Option<String>,
    /// Where it describes itself now.
    pub descriptor_uri: Option<String>,
    /// What it runs.
    pub product_type: Option<String>,
    /// Which version of it.
    pub product_version: Option<String>,
}

/// Whether mirrors may collect usage data, and what time it is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AnalyticsSettings {
    /// Always false: nothing is collected.
    pub can_collect_analytics: bool,
    /// Epoch milliseconds.
    pub server_time: i64,
    /// Whether two processes call as the mirror that asks.
    pub runs_twice: bool,
    /// The process that answers, for mirrors.
    pub instance: Option<String>,
    /// The base URL of this server, for mirrors.
    pub base_url: Option<String>,
    /// Why the latest event could not be delivered to the mirror that asks, if it could not.
    pub delivery_error: Option<String>,
}

/// How long it is told that a mirror hears from another process in the name of this server, in milliseconds.
const DOUBLE_TOLD_FOR_MS: i64 = 60_000;

/// The mirrors that have joined.
pub struct Members {
    pub(super) mirrors: MirrorServerStore,
    pub(super) outbox: Outbox,
    /// The projects that a mirror may be told to follow.
    pub(super) repositories: RepositoryRecords,
    client: PeerClient,
    pub(super) announcer: Arc<Announcer>,
    delivery: Arc<MirrorDelivery>,
    tasks: DetachedTasks,
    last_seen: LastSeen,
    instances: Instances,
    /// When a mirror last told that another process sends events in the name of this server.
    double_told_at: Mutex<Option<i64>>,
    pub(super) standings: ToldStandings,
}

impl Members {
    /// The mirrors of a server.
    pub fn new(parts: &DownstreamParts) -> Self {
        let DownstreamParts { store, client, announcer, tasks, .. } = parts.clone();
        let delivery = MirrorDelivery::new(&store, client.clone(), Arc::clone(&announcer));
        Self {
            mirrors: store.mirrors,
            outbox: store.outbox,
            repositories: store.repositories,
            client,
            announcer,
            delivery: Arc::new(delivery),
            tasks,
            last_seen: LastSeen::default(),
            instances: Instances::default(),
            double_told_at: Mutex::default(),
            standings: ToldStandings::default(),
        }
    }

    /// How events get to them.
    pub fn delivery(&self) -> &Arc<MirrorDelivery> {
        &self.delivery
    }

    /// Mirrors that have joined.
    pub async fn mirrors(
        &self,
        _: Authenticated<'_>,
        page: PageRequest,
    ) -> Result<Page<MirrorServer>, Refusal> {
        Ok(self.mirrors.list_mirrors(page).await?)
    }

    /// One mirror.
    pub async fn mirror(&self, _: Authenticated<'_>, id: &str) -> Result<MirrorServer, Refusal> {
        self.record(&MirrorServerId::from(id)).await
    }

    /// Records a new version or address of a mirror.
    pub async fn upgrade(
        &self,
        keeper: &MirrorKeeper,
        upgrade: MirrorUpgrade,
    ) -> Result<MirrorServer, Refusal> {
        let mirror = self.record(keeper.id()).await?;
        let mut update = MirrorUpdate {
            product_type: product("productType", upgrade.product_type.as_deref())?,
            product_version: product("productVersion", upgrade.product_version.as_deref())?,
            ..MirrorUpdate::default()
        };
        if upgrade.base_url.is_some() || upgrade.descriptor_uri.is_some() {
            self.move_addresses(&mirror, &upgrade, &mut update)?;
        }
        match self.mirrors.update_mirror(&mirror.id, update).await {
            Err(StoreError::Conflict { value, .. }) => {
                let message = format!(
                    "Another mirror has the base URL {value}: an administrator of the upstream finds it by heliostat mirror \
                     list, and removes it by heliostat mirror remove."
                );
                Err(Refusal::conflict_in("baseUrl", message))
            }
            result => {
                let now = result?;
                tell_of_move(&mirror, &now);
                Ok(now)
            }
        }
    }

    /// The mirror's addresses move with its base URL, and with where it describes itself.
    fn move_addresses(
        &self,
        mirror: &MirrorServer,
        upgrade: &MirrorUpgrade,
        update: &mut MirrorUpdate,
    ) -> Result<(), Refusal> {
        let base_url = mirror_base_url(
            &self.client,
            "baseUrl",
            upgrade.base_url.as_deref().unwrap_or(&mirror.base_url),
        )?;
        let new_base = text_of(&base_url);
        let descriptor_uri = match &upgrade.descriptor_uri {
            Some(text) => descriptor_uri(&self.client, "addonDescriptorUri", text, &base_url)?.to_string(),
            None => match mirror.descriptor_uri.strip_prefix(&mirror.base_url) {
                Some(path) => format!("{new_base}{path}"),
                None => mirror.descriptor_uri.clone(),
            },
        };
        let called = |base_url: &str, descriptor_uri: &str| {
            called_at(base_url, descriptor_uri).map(|url| text_of(&url)).map_err(Refusal::internal)
        };
        let before = called(&mirror.base_url, &mirror.descriptor_uri)?;
        let now = called(&new_base, &descriptor_uri)?;
        let moved = |url: &str| url.strip_prefix(&before).map(|path| format!("{now}{path}"));
        update.descriptor_uri = Some(descriptor_uri);
        update.events_url = moved(&mirror.events_url);
        update.uninstalled_url = mirror.uninstalled_url.as_deref().and_then(moved);
        update.base_url = Some(new_base);
        Ok(())
    }

    /// Ends a mirror's membership: its secret is worthless at once, and it is told so if it can be reached.
    pub async fn remove_mirror(
        self: &Arc<Self>,
        _: SystemAdministrator<'_>,
        id: &str,
    ) -> Result<(), Refusal> {
        let mirror = self.record(&MirrorServerId::from(id)).await?;
        let members = Arc::clone(self);
        // One that is removed and not told would ask on and on.
        self.tasks.to_the_end(async move { members.forget(mirror).await }).await
    }

    async fn forget(self: &Arc<Self>, mirror: MirrorServer) -> Result<(), Refusal> {
        self.mirrors.delete_mirror(&mirror.id).await?;
        self.delivery.forget(&mirror.id);
        self.last_seen.forget(&mirror.id);
        self.instances.forget(&mirror.id);
        self.standings.forget(&mirror.id);
        tracing::info!(mirror.id = %mirror.id, mirror.name = mirror.name, "removed a mirror");
        let members = Arc::clone(self);
        self.tasks.spawn(async move { members.notify_uninstalled(&mirror).await });
        Ok(())
    }

    async fn notify_uninstalled(&self, mirror: &MirrorServer) {
        let Some(url) = &mirror.uninstalled_url else {
            return;
        };
        let body = RestAddonUninstalledEvent {
            client_key: Some(mirror.client_key.clone()),
            base_url: Some(self.announcer.base_address().to_owned()),
        };
        let callback = OnAddonUninstalledCallback;
        if let Err(error) = tell(&self.client, mirror, url, &callback, &body, UNINSTALL_TIMEOUT).await {
            tracing::warn!(mirror.id = %mirror.id, error = %error, "a removed mirror could not be told");
        }
    }

    /// The mirror that the caller prefers.
    pub async fn preferred_mirror(&self, user: SignedInUser<'_>) -> Result<MirrorServer, Refusal> {
        let none = || Refusal::not_found("preferred mirror", "You have chosen no preferred mirror.");
        let id = self.mirrors.preferred_mirror(user.id()).await?.ok_or_else(none)?;
        self.mirrors.find_mirror(&id).await?.ok_or_else(none)
    }

    /// Chooses the mirror that the caller prefers.
    pub async fn set_preferred_mirror(&self, user: SignedInUser<'_>, id: &str) -> Result<(), Refusal> {
        if id.len() > MAX_MIRROR_ID_BYTES {
            let message = format!("A mirror id has at most {MAX_MIRROR_ID_BYTES} characters.");
            return Err(Refusal::invalid("", message));
        }
        let mirror = self.record(&MirrorServerId::from(id)).await?;
        Ok(self.mirrors.set_preferred_mirror(user.id(), &mirror.id).await?)
    }

    /// Forgets which mirror the caller prefers.
    pub async fn delete_preferred_mirror(&self, user: SignedInUser<'_>) -> Result<(), Refusal> {
        Ok(self.mirrors.delete_preferred_mirror(user.id()).await?)
    }

    /// Analytics settings, for mirrors and administrators. A mirror names the process that calls, and the process that
    /// sends it events where that is not this one.
    pub fn analytics_settings(
        &self,
        caller: MirrorOrAdministrator<'_>,
        instance: Option<&str>,
        other_upstream: Option<&str>,
    ) -> AnalyticsSettings {
        let server_time = self.announcer.now_ms();
        let mirror = caller.caller().mirror_id().map(MirrorServerId::from).zip(instance);
        if let Some((id, _)) = &mirror
            && other_upstream.is_some_and(|other| other != self.announcer.instance())
        {
            self.note_double(id, server_time);
        }
        // Others are told no more than they know how to read.
        let answering = mirror.is_some().then(|| self.announcer.instance().to_owned());
        let base_url = mirror.is_some().then(|| self.announcer.base_address().to_owned());
        let delivery_error = mirror.as_ref().and_then(|(id, _)| self.delivery.record_of(id).last_error);
        let runs_twice =
            mirror.is_some_and(|(id, instance)| self.instances.called(&id, instance, server_time));
        AnalyticsSettings {
            can_collect_analytics: false,
            server_time,
            runs_twice,
            instance: answering,
            base_url,
            delivery_error,
        }
    }

    fn note_double(&self, id: &MirrorServerId, now: i64) {
        let was_told = self.runs_twice();
        *self.double_told_at.lock() = Some(now);
        if !was_told {
            tracing::error!(
                mirror.id = %id,
                "another process sends events in the name of this server: its data directory was copied, and both are used"
            );
        }
    }

    /// Whether another process sends events in the name of this server.
    pub fn runs_twice(&self) -> bool {
        let now = self.announcer.now_ms();
        let is_recent = |at: i64| (0..DOUBLE_TOLD_FOR_MS).contains(&now.saturating_sub(at));
        self.double_told_at.lock().is_some_and(is_recent)
    }

    /// How many mirrors are followed by two processes at the same time.
    pub fn doubled_mirrors(&self) -> usize {
        self.instances.doubled(self.announcer.now_ms())
    }

    /// Notes that a mirror has called; one that is back after a failure is sent at once what it missed.
    pub async fn seen(&self, mirror: &MirrorServer) {
        let now = self.announcer.now_ms();
        let due = self.last_seen.admit(&mirror.id, now) || mirror.last_seen_at.is_none();
        if due && let Err(error) = self.mirrors.touch_mirror(&mirror.id, now).await {
            tracing::warn!(mirror.id = %mirror.id, error = %error, "cannot note that a mirror has called");
        }
        self.delivery.mirror_is_back(&mirror.id, now);
    }

    /// Whether a mirror that never called may be installed again now.
    pub(crate) fn admit_installation(&self, id: &MirrorServerId, now: i64) -> bool {
        self.last_seen.admit_installation(id, now)
    }

    /// What is recorded of a mirror.
    pub(crate) async fn record(&self, id: &MirrorServerId) -> Result<MirrorServer, Refusal> {
        let found = self.mirrors.find_mirror(id).await?;
        found.ok_or_else(|| Refusal::not_found("mirror", format!("The mirror {id} does not exist.")))
    }
}

/// Readers and events go elsewhere from now on than where an administrator has accepted the mirror.
fn tell_of_move(before: &MirrorServer, now: &MirrorServer) {
    if before.base_url == now.base_url && before.events_url == now.events_url {
        return;
    }
    tracing::warn!(
        mirror.id = %now.id,
        mirror.name = now.name,
        base_url = now.base_url,
        events_url = now.events_url,
        former_base_url = before.base_url,
        former_events_url = before.events_url,
        "a mirror has moved"
    );
}

/// A product's name or version; empty is none.
pub(crate) fn product(field: &str, text: Option<&str>) -> Result<Option<String>, Refusal> {
    match text.map(str::trim) {
        None | Some("") => Ok(None),
        Some(text) => one_line(field, text, MAX_PRODUCT_LENGTH).map(Some),
    }
}
