//! How a mirror introduces itself: its descriptor, read, and its addresses checked.

use heliostat_api::models::RestAddonDescriptor;
use heliostat_refusal::Refusal;
use url::Url;

use crate::calling::url_below;
use crate::delivery::REFS_CHANGED;

/// Largest descriptor, in bytes.
pub(super) const MAX_DESCRIPTOR_BYTES: usize = 64 * 1024;
/// Longest key of an add-on, in bytes.
const MAX_KEY_BYTES: usize = 255;
/// Event whose webhook tells where all events go.
const LEADING_EVENT: &str = REFS_CHANGED;

/// Where a mirror wants to be called, all below one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Introduction {
    pub(super) key: String,
    pub(super) installed_url: String,
    pub(super) uninstalled_url: Option<String>,
    pub(super) events_url: String,
}

/// Reads the descriptor of the mirror that is called at `mirror_base_url`. The error is a reason for an administrator.
pub(super) fn read_introduction(json: &[u8], mirror_base_url: &Url) -> Result<Introduction, String> {
    let descriptor: RestAddonDescriptor =
        serde_json::from_slice(json).map_err(|error| format!("it cannot be read: {error}"))?;
    if descriptor.authentication.kind != "jwt" {
        return Err(format!(
            "it wants calls to be signed by {:?}; only jwt is known",
            descriptor.authentication.kind
        ));
    }
    let RestAddonDescriptor { key, lifecycle, webhooks, modules, .. } = descriptor;
    if key.is_empty() || key.len() > MAX_KEY_BYTES || key.contains(char::is_control) {
        return Err("its key is empty, too long or not printable".to_owned());
    }
    let base_url = below("baseUrl", &descriptor.base_url, mirror_base_url)?;
    let resolve = |field: &str, address: &str| resolved(field, address, &base_url, mirror_base_url);
    let leading = webhooks.iter().chain(&modules.webhooks).find(|webhook| webhook.event == LEADING_EVENT);
    let events = leading.ok_or_else(|| format!("it names no webhook for {LEADING_EVENT}"))?;
    Ok(Introduction {
        key,
        installed_url: resolve("lifecycle.installed", &lifecycle.installed)?,
        uninstalled_url: Some(lifecycle.uninstalled)
            .filter(|address| !address.is_empty())
            .map(|address| resolve("lifecycle.uninstalled", &address))
            .transpose()?,
        events_url: resolve("webhooks.url", &events.url)?,
    })
}

/// Paths are relative to the descriptor's base URL, context path included.
fn resolved(field: &str, address: &str, base_url: &Url, mirror_base_url: &Url) -> Result<String, String> {
    let absolute = if address.starts_with('/') {
        format!("{}{address}", base_url.as_str().trim_end_matches('/'))
    } else {
        address.to_owned()
    };
    below(field, &absolute, mirror_base_url).map(String::from)
}

fn below(field: &str, address: &str, mirror_base_url: &Url) -> Result<Url, String> {
    url_below(field, address, mirror_base_url).map_err(|refusal| match refusal {
        Refusal::Invalid { message, .. } => format!("its {field} is wrong: {message}"),
        other => other.to_string(),
    })
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn descriptor() -> Value {
        json!({
            "key": "heliostat-mirror",
            "name": "Saigon",
            "baseUrl": "https://mirror.example.com/eu",
            "authentication": { "type": "jwt" },
            "lifecycle": { "installed": "/u/1/addon/installed", "uninstalled": "/u/1/addon/uninstalled" },
            "webhooks": [
                { "event": "repo:created", "url": "/u/1/addon/events" },
                { "event": "repo:refs_changed", "url": "https://mirror.example.com/eu/u/1/addon/events" },
            ],
        })
    }

    fn read(descriptor: &Value) -> Result<Introduction, String> {
        let base_url = Url::parse("https://mirror.example.com/eu").expect("a valid URL");
        read_introduction(descriptor.to_string().as_bytes(), &base_url)
    }

    #[test]
    fn addresses_are_resolved_against_the_base_url() {
        let introduction = read(&descriptor()).expect("a good descriptor");
        assert_eq!(introduction.key, "heliostat-mirror");
        assert_eq!(introduction.installed_url, "https://mirror.example.com/eu/u/1/addon/installed");
        assert_eq!(introduction.events_url, "https://mirror.example.com/eu/u/1/addon/events");
        let uninstalled = introduction.uninstalled_url.expect("one is named");
        assert_eq!(uninstalled, "https://mirror.example.com/eu/u/1/addon/uninstalled");
    }

    #[test]
    fn webhooks_are_found_where_atlassian_connect_has_them() {
        let mut descriptor = descriptor();
        let webhooks = descriptor["webhooks"].take();
        descriptor.as_object_mut().expect("is an object").remove("webhooks");
        descriptor["modules"] = json!({ "webhooks": webhooks, "webPanels": [{ "key": "panel" }] });
        let introduction = read(&descriptor).expect("a good descriptor");
        assert_eq!(introduction.events_url, "https://mirror.example.com/eu/u/1/addon/events");
    }

    #[test]
    fn what_is_not_used_may_be_missing() {
        let mut descriptor = descriptor();
        descriptor.as_object_mut().expect("is an object").remove("name");
        descriptor["lifecycle"].as_object_mut().expect("is an object").remove("uninstalled");
        let introduction = read(&descriptor).expect("a good descriptor");
        assert_eq!(introduction.uninstalled_url, None);
    }

    #[test]
    fn a_descriptor_cannot_send_us_elsewhere() {
        for (path, value, expected) in [
            ("/baseUrl", json!("https://other.example.com"), "baseUrl"),
            ("/lifecycle/installed", json!("https://other.example.com/x"), "lifecycle.installed"),
            ("/lifecycle/installed", json!("/../admin"), "lifecycle.installed"),
            ("/lifecycle/uninstalled", json!("/u/../../addon"), "lifecycle.uninstalled"),
            ("/webhooks/1/url", json!("http://169.254.169.254/"), "webhooks.url"),
            ("/webhooks", json!([]), "repo:refs_changed"),
            ("/authentication/type", json!("none"), "jwt"),
            ("", json!("hello"), "read"),
        ] {
            let mut descriptor = descriptor();
            *descriptor.pointer_mut(path).expect("a field of the descriptor") = value;
            let reason = read(&descriptor).expect_err(expected);
            assert!(reason.contains(expected), "{reason:?} should mention {expected}");
        }
    }
}
