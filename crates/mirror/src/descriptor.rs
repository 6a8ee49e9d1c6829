//! What a mirror says about itself: to the upstream when it asks to be accepted, and to whoever asks.

use heliostat_storage::UpstreamServerId;

use crate::mirror::Mirror;
use crate::upstream_calls::RegistrationRequest;

/// The product, as upstreams and clients see it.
pub const PRODUCT_TYPE: &str = "Heliostat";

/// How the key of every mirror's add-on begins; the mirror's server id follows.
const ADDON_KEY_PREFIX: &str = "heliostat-mirror";

/// The events that a mirror wants to hear of.
pub const EVENT_KEYS: [&str; 9] = [
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

/// An event that the mirror wants to hear of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AddonWebhook {
    /// The key of the event.
    pub event: String,
    /// Where to post it.
    pub path: String,
}

impl Mirror {
    /// The add-on descriptor that the upstream fetches when it accepts this mirror.
    pub fn descriptor(&self) -> AddonDescriptor {
        let path = |end: &str| format!("{}/{end}", addon_path(&self.upstream_id));
        AddonDescriptor {
            key: format!("{ADDON_KEY_PREFIX}-{}", self.server_id),
            name: self.options.name.clone(),
            description: format!("Follows {} and serves its repositories nearby.", self.options.upstream_url),
            base_url: self.options.base_url.clone(),
            authentication: "jwt",
            installed_path: path("installed"),
            uninstalled_path: path("uninstalled"),
            webhooks: EVENT_KEYS
                .map(|event| AddonWebhook { event: event.to_owned(), path: path("events") })
                .into(),
        }
    }

    pub(crate) fn registration_request(&self) -> RegistrationRequest {
        RegistrationRequest {
            mirror_name: self.options.name.clone(),
            base_url: self.options.base_url.clone(),
            descriptor_url: format!("{}{}/descriptor", self.options.base_url, addon_path(&self.upstream_id)),
            mirror_type: self.options.mirror_type.to_string(),
            product_type: PRODUCT_TYPE.to_owned(),
            product_version: self.options.product_version.clone(),
        }
    }
}

fn addon_path(upstream_id: &UpstreamServerId) -> String {
    format!("/rest/mirroring/latest/upstreamServers/{upstream_id}/addon")
}
