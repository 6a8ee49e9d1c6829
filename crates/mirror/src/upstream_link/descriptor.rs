//! What a mirror says about itself: to the upstream when it asks to be accepted, and to anyone who asks.

use heliostat_api::AddonEventKey;
use heliostat_api::models::{self, RestMirrorUpgradeRequest, RestMirroringRequestSubmission};
use heliostat_auth::Secret;
use heliostat_peer::PRODUCT_TYPE;
use heliostat_storage::{MirrorType, UpstreamServerId};

use super::identity::UpstreamUrl;

/// How the key of every mirror's add-on begins; the mirror's server id follows.
const ADDON_KEY_PREFIX: &str = "heliostat-mirror";

/// What a mirror asks to be allowed: to be told of what it reads, and to ask who its users are.
const SCOPES: [&str; 2] = ["READ", "ADMIN"];

/// The events that a mirror wants to be told of.
const EVENT_KEYS: [AddonEventKey; 9] = [
    AddonEventKey::RepoRefsChanged,
    AddonEventKey::RepoCreated,
    AddonEventKey::RepoDeleted,
    AddonEventKey::RepoModified,
    AddonEventKey::RepoDefaultBranchModified,
    AddonEventKey::ProjectCreated,
    AddonEventKey::ProjectModified,
    AddonEventKey::ProjectDeleted,
    AddonEventKey::HeliostatPermissionsChanged,
];

/// The description of this mirror as an add-on of its upstream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonDescriptor {
    /// Unique to this mirror.
    pub key: String,
    /// The mirror's name.
    pub name: String,
    /// What it is, in one sentence.
    pub description: String,
    /// The address that the paths below are relative to.
    pub base_url: String,
    /// How calls are authenticated.
    pub authentication: &'static str,
    /// Where to post the `installed` event.
    pub installed_path: String,
    /// Where to post the `uninstalled` event.
    pub uninstalled_path: String,
    /// What it asks to be allowed.
    pub scopes: &'static [&'static str],
    /// Which events to post where.
    pub webhooks: Vec<AddonWebhook>,
}

/// An event that the mirror wants to be told of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonWebhook {
    /// The key of the event.
    pub event: String,
    /// Where to post it.
    pub path: String,
}

/// What a mirror is called, what it is, and where it is reached.
#[derive(Debug)]
pub struct Introduction {
    pub(crate) server_id: String,
    /// By which this mirror proves that an open request is its own.
    pub(crate) registration_key: Secret,
    pub(crate) name: String,
    pub(crate) base_url: String,
    /// Where the upstream calls it, if that is not the base URL.
    pub(crate) internal_url: Option<String>,
    pub(crate) mirror_type: MirrorType,
    pub(crate) product_version: String,
    pub(crate) upstream_url: UpstreamUrl,
}

impl Introduction {
    /// The id that this mirror made for itself at its first start.
    pub fn server_id(&self) -> &str {
        &self.server_id
    }

    /// The add-on descriptor that the upstream fetches when it accepts this mirror.
    pub fn addon_descriptor(&self) -> AddonDescriptor {
        let addon = addon_path(&self.upstream_url.server_id());
        let path = |end: &str| format!("{addon}/{end}");
        AddonDescriptor {
            key: addon_key(&self.server_id),
            name: self.name.clone(),
            description: format!("Follows {} and serves its repositories nearby.", self.upstream_url),
            base_url: self.called_at().to_owned(),
            authentication: "jwt",
            installed_path: path("installed"),
            uninstalled_path: path("uninstalled"),
            scopes: &SCOPES,
            webhooks: EVENT_KEYS
                .map(|event| AddonWebhook { event: event.as_str().to_owned(), path: path("events") })
                .into(),
        }
    }

    /// What this mirror says when it asks to be accepted.
    pub(super) fn submission(&self) -> RestMirroringRequestSubmission {
        RestMirroringRequestSubmission {
            mirror_id: self.server_id.clone(),
            mirror_name: self.name.clone(),
            mirror_base_url: self.base_url.clone(),
            addon_descriptor_uri: self.descriptor_url(),
            mirror_type: Some(match self.mirror_type {
                MirrorType::Single => models::MirrorType::Single,
                MirrorType::Farm => models::MirrorType::Farm,
            }),
            product_type: Some(PRODUCT_TYPE.to_owned()),
            product_version: Some(self.product_version.clone()),
            registration_key: Some(self.registration_key.expose().to_owned()),
            state: None,
        }
    }

    /// What this mirror says when its address or version has changed.
    pub(super) fn upgrade(&self) -> RestMirrorUpgradeRequest {
        RestMirrorUpgradeRequest {
            base_url: Some(self.base_url.clone()),
            addon_descriptor_uri: Some(self.descriptor_url()),
            product_type: Some(PRODUCT_TYPE.to_owned()),
            product_version: Some(self.product_version.clone()),
        }
    }

    fn descriptor_url(&self) -> String {
        format!("{}{}/descriptor", self.called_at(), addon_path(&self.upstream_url.server_id()))
    }

    /// Where the upstream calls this mirror.
    pub(super) fn called_at(&self) -> &str {
        self.internal_url.as_deref().unwrap_or(&self.base_url)
    }
}

/// The key of the add-on that a mirror is to its upstream.
pub(super) fn addon_key(server_id: &str) -> String {
    format!("{ADDON_KEY_PREFIX}-{server_id}")
}

fn addon_path(upstream_id: &UpstreamServerId) -> String {
    format!("/rest/mirroring/latest/upstreamServers/{upstream_id}/addon")
}
