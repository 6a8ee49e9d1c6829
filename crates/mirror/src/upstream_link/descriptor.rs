//! What a mirror says about itself: to the upstream when it asks to be accepted, and to anyone who asks.

use heliostat_storage::{MirrorType, UpstreamServerId};

use super::calls::RegistrationRequest;
use super::identity::UpstreamUrl;

/// The product, as upstreams and clients see it.
pub const PRODUCT_TYPE: &str = "Heliostat";

/// How the key of every mirror's add-on begins; the mirror's server id follows.
const ADDON_KEY_PREFIX: &str = "heliostat-mirror";

/// The events that a mirror wants to be told of.
const EVENT_KEYS: [&str; 9] = [
    "repo:refs_changed",
    "repo:created",
    "repo:deleted",
    "repo:modified",
    "repo:default_branch_modified",
    "project:created",
    "project:modified",
    "project:deleted",
    "heliostat:permissions_changed",
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
    pub(crate) name: String,
    pub(crate) base_url: String,
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
            key: format!("{ADDON_KEY_PREFIX}-{}", self.server_id),
            name: self.name.clone(),
            description: format!("Follows {} and serves its repositories nearby.", self.upstream_url),
            base_url: self.base_url.clone(),
            authentication: "jwt",
            installed_path: path("installed"),
            uninstalled_path: path("uninstalled"),
            webhooks: EVENT_KEYS
                .map(|event| AddonWebhook { event: event.to_owned(), path: path("events") })
                .into(),
        }
    }

    pub(super) fn registration_request(&self) -> RegistrationRequest {
        let addon = addon_path(&self.upstream_url.server_id());
        RegistrationRequest {
            mirror_name: self.name.clone(),
            base_url: self.base_url.clone(),
            descriptor_url: format!("{}{addon}/descriptor", self.base_url),
            mirror_type: self.mirror_type.to_string(),
            product_type: PRODUCT_TYPE.to_owned(),
            product_version: self.product_version.clone(),
        }
    }
}

fn addon_path(upstream_id: &UpstreamServerId) -> String {
    format!("/rest/mirroring/latest/upstreamServers/{upstream_id}/addon")
}
