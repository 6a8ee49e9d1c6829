//! Mirrors that have joined: what is known of them, and how they leave.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use heliostat_auth::Caller;
use heliostat_refusal::Refusal;
use heliostat_storage::{
    MirrorServer, MirrorServerId, MirrorUpdate, Page, PageRequest, Repository, RepositoryMirrorState,
    StoreError, UserId,
};
use reqwest::Method;
use serde_json::json;

use crate::mirror_client::{self, MirrorCall};
use crate::permit;
use crate::requests::{MAX_MIRROR_ID_BYTES, product, text_of, url_below};
use crate::signed_links::{LinkAuthorization, link_to_repository};
use crate::upstream::Upstream;

/// A mirror's last call is written down at most this often.
const SEEN_RESOLUTION_MS: i64 = 10_000;
/// An installation is repeated at most this often.
const INSTALLATION_RESOLUTION_MS: i64 = 60_000;
/// How long a removed mirror may take to hear of it.
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

/// A mirror together with a link to its view of a repository.
#[derive(Debug, Clone)]
pub struct RepositoryMirror {
    /// The mirror.
    pub mirror: MirrorServer,
    /// Opens that one resource for whoever holds it, for a while.
    pub link: String,
}

/// Whether mirrors may collect usage data, and what time it is here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnalyticsSettings {
    /// Always false: nothing is collected.
    pub can_collect_analytics: bool,
    /// Epoch milliseconds.
    pub server_time: i64,
}

/// When mirrors were last noted as seen, so that not every call writes to the database.
#[derive(Default)]
pub(crate) struct LastSeen(Mutex<HashMap<MirrorServerId, Noted>>);

#[derive(Default, Clone, Copy)]
struct Noted {
    seen_at: Option<i64>,
    installed_at: Option<i64>,
}

impl LastSeen {
    fn admit(&self, id: &MirrorServerId, now: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let seen_at = &mut noted.entry(id.clone()).or_default().seen_at;
        let due = seen_at.is_none_or(|last| now - last >= SEEN_RESOLUTION_MS);
        if due {
            *seen_at = Some(now);
        }
        due
    }

    pub(crate) fn admit_installation(&self, id: &MirrorServerId, now: i64) -> bool {
        let mut noted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let installed_at = &mut noted.entry(id.clone()).or_default().installed_at;
        let due = installed_at.is_none_or(|last| now - last >= INSTALLATION_RESOLUTION_MS);
        if due {
            *installed_at = Some(now);
        }
        due
    }

    fn forget(&self, id: &MirrorServerId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(id);
    }
}

impl Upstream {
    /// Mirrors that have joined.
    pub async fn mirrors(&self, caller: &Caller, page: PageRequest) -> Result<Page<MirrorServer>, Refusal> {
        permit::authenticated(caller)?;
        Ok(self.store().list_mirrors(page).await?)
    }

    /// One mirror.
    pub async fn mirror(&self, caller: &Caller, id: &str) -> Result<MirrorServer, Refusal> {
        permit::authenticated(caller)?;
        self.mirror_record(&MirrorServerId::from(id)).await
    }

    /// Records a new version or address of a mirror.
    pub async fn upgrade(
        &self,
        caller: &Caller,
        id: &str,
        upgrade: MirrorUpgrade,
    ) -> Result<MirrorServer, Refusal> {
        let id = MirrorServerId::from(id);
        permit::this_mirror_or_sys_admin(caller, &id)?;
        let mirror = self.mirror_record(&id).await?;
        let mut update = MirrorUpdate {
            product_type: product("productType", upgrade.product_type.as_deref())?,
            product_version: product("productVersion", upgrade.product_version.as_deref())?,
            ..MirrorUpdate::default()
        };
        if upgrade.base_url.is_some() || upgrade.descriptor_uri.is_some() {
            self.move_addresses(&mirror, &upgrade, &mut update)?;
        }
        match self.store().update_mirror(&id, update).await {
            Err(StoreError::Conflict { value, .. }) => {
                Err(Refusal::conflict_in("baseUrl", format!("Another mirror has the base URL {value}.")))
            }
            result => Ok(result?),
        }
    }

    /// The mirror's addresses move with its base URL.
    fn move_addresses(
        &self,
        mirror: &MirrorServer,
        upgrade: &MirrorUpgrade,
        update: &mut MirrorUpdate,
    ) -> Result<(), Refusal> {
        let base_url =
            self.mirror_base_url("baseUrl", upgrade.base_url.as_deref().unwrap_or(&mirror.base_url))?;
        let new_base = text_of(&base_url);
        let moved = |url: &str| url.strip_prefix(&mirror.base_url).map(|path| format!("{new_base}{path}"));
        let descriptor_uri = match &upgrade.descriptor_uri {
            Some(text) => url_below("addonDescriptorUri", text, &base_url)?.to_string(),
            None => moved(&mirror.descriptor_uri).unwrap_or_else(|| mirror.descriptor_uri.clone()),
        };
        update.descriptor_uri = Some(descriptor_uri);
        update.events_url = moved(&mirror.events_url);
        update.uninstalled_url = mirror.uninstalled_url.as_deref().and_then(moved);
        update.base_url = Some(new_base);
        Ok(())
    }

    /// Ends a mirror's membership: its secret is worthless at once, and it is told so if it can be reached.
    pub async fn remove_mirror(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        permit::sys_admin(caller)?;
        let mirror = self.mirror_record(&MirrorServerId::from(id)).await?;
        self.store().delete_mirror(&mirror.id).await?;
        self.0.deliveries.forget(&mirror.id);
        self.0.last_seen.forget(&mirror.id);
        tracing::info!(mirror.id = %mirror.id, mirror.name = mirror.name, "removed a mirror");
        let upstream = self.clone();
        self.0.detached.spawn(async move { upstream.say_farewell(&mirror).await });
        Ok(())
    }

    async fn say_farewell(&self, mirror: &MirrorServer) {
        let Some(url) = &mirror.uninstalled_url else {
            return;
        };
        let body = json!({ "clientKey": mirror.client_key, "baseUrl": self.base_url().as_str().trim_end_matches('/') });
        let call = MirrorCall {
            method: Method::POST,
            url,
            event_key: None,
            body: &body,
            timeout: UNINSTALL_TIMEOUT,
        };
        if let Err(error) = mirror_client::send(&self.0.mirrors, mirror, call).await {
            tracing::warn!(mirror.id = %mirror.id, error = %error, "a removed mirror could not be told");
        }
    }

    /// The mirrors of a repository, each with a link to its view of it. Mirrors that are disabled are left out.
    pub async fn repository_mirrors(
        &self,
        caller: &Caller,
        repository_id: &str,
        authorization: LinkAuthorization,
        page: PageRequest,
    ) -> Result<Page<RepositoryMirror>, Refusal> {
        let repository = self.repository_by_id(caller, repository_id).await?;
        let now = self.now_ms() / 1_000;
        let link = |mirror: &MirrorServer| link_to_repository(mirror, repository.id, authorization, now);
        let mut mirrors = self.store().list_mirrors(page).await?;
        mirrors.values.retain(|mirror| mirror.enabled && link(mirror).is_some());
        Ok(mirrors.map(|mirror| RepositoryMirror { link: link(&mirror).unwrap_or_default(), mirror }))
    }

    /// What mirrors have reported of a repository.
    pub async fn repository_mirror_states(
        &self,
        caller: &Caller,
        repository: &Repository,
    ) -> Result<Vec<RepositoryMirrorState>, Refusal> {
        permit::authenticated(caller)?;
        Ok(self.store().mirror_states_of(repository.id).await?)
    }

    /// The mirror that the caller prefers.
    pub async fn preferred_mirror(&self, caller: &Caller) -> Result<MirrorServer, Refusal> {
        let user = permit::user(caller)?;
        let none = || Refusal::not_found("preferred mirror", "You have chosen no preferred mirror.");
        let id = self.store().preferred_mirror(UserId(user.id)).await?.ok_or_else(none)?;
        self.store().find_mirror(&id).await?.ok_or_else(none)
    }

    /// Chooses the mirror that the caller prefers.
    pub async fn set_preferred_mirror(&self, caller: &Caller, id: &str) -> Result<(), Refusal> {
        let user = permit::user(caller)?;
        if id.len() > MAX_MIRROR_ID_BYTES {
            let message = format!("A mirror id has at most {MAX_MIRROR_ID_BYTES} characters.");
            return Err(Refusal::invalid("", message));
        }
        let mirror = self.mirror_record(&MirrorServerId::from(id)).await?;
        Ok(self.store().set_preferred_mirror(UserId(user.id), &mirror.id).await?)
    }

    /// Forgets which mirror the caller prefers.
    pub async fn delete_preferred_mirror(&self, caller: &Caller) -> Result<(), Refusal> {
        let user = permit::user(caller)?;
        Ok(self.store().delete_preferred_mirror(UserId(user.id)).await?)
    }

    /// Analytics settings, for mirrors and administrators.
    pub fn analytics_settings(&self, caller: &Caller) -> Result<AnalyticsSettings, Refusal> {
        permit::mirror_or_admin(caller)?;
        Ok(AnalyticsSettings { can_collect_analytics: false, server_time: self.now_ms() })
    }

    /// Notes that a mirror has called; one that is back after a failure hears at once what it missed.
    pub(crate) async fn mirror_seen(&self, mirror: &MirrorServer) {
        let now = self.now_ms();
        let due = self.0.last_seen.admit(&mirror.id, now) || mirror.last_seen_at.is_none();
        if due && let Err(error) = self.store().touch_mirror(&mirror.id, now).await {
            tracing::warn!(mirror.id = %mirror.id, error = %error, "cannot note that a mirror has called");
        }
        self.0.deliveries.mirror_is_back(&mirror.id, now);
    }

    pub(crate) async fn mirror_record(&self, id: &MirrorServerId) -> Result<MirrorServer, Refusal> {
        let found = self.store().find_mirror(id).await?;
        found.ok_or_else(|| Refusal::not_found("mirror", format!("The mirror {id} does not exist.")))
    }
}
