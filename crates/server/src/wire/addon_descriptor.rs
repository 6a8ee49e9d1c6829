//! A mirror's description of itself, on the wire.

use heliostat_api::models::{
    RestAddonAuthentication, RestAddonDescriptor, RestAddonLifecycle, RestAddonModules, RestAddonWebhook,
};
use heliostat_mirror::AddonDescriptor;

use super::MirrorWire;

impl MirrorWire {
    /// What an upstream reads before it accepts this mirror.
    pub fn addon_descriptor(&self, descriptor: AddonDescriptor) -> RestAddonDescriptor {
        let webhooks = descriptor.webhooks.into_iter();
        let webhooks: Vec<_> =
            webhooks.map(|hook| RestAddonWebhook { event: hook.event, url: hook.path }).collect();
        RestAddonDescriptor {
            key: descriptor.key,
            name: descriptor.name,
            description: Some(descriptor.description),
            base_url: descriptor.base_url,
            authentication: RestAddonAuthentication { kind: descriptor.authentication.to_owned() },
            lifecycle: RestAddonLifecycle {
                installed: descriptor.installed_path,
                uninstalled: descriptor.uninstalled_path,
            },
            scopes: descriptor.scopes.iter().map(|scope| (*scope).to_owned()).collect(),
            modules: RestAddonModules { webhooks: webhooks.clone() },
            webhooks,
        }
    }
}
