//! The settings of one mirror as a page: how far it is, and what it mirrors.
//!
//! The page is made by the upstream and talks to the mirror: the upstream signs exactly the calls that the page
//! makes. Everything else on it is text, escaped as such.

use heliostat_downstream::ConfigPanel;
use heliostat_storage::Project;
use serde_json::json;
use url::Url;

use super::page::{Template, new_nonce};

const PANEL: Template =
    Template { html: include_str!("config_panel.html"), script: include_str!("config_panel.js") };

/// The page, for one answer only.
pub fn config_panel(panel: &ConfigPanel) -> String {
    let nonce = new_nonce();
    let (mirror, calls) = (&panel.mirror, panel.calls.as_ref());
    let last_seen = mirror.last_seen_at.unwrap_or(mirror.created_at).to_string();
    let product = mirror.product_type.as_deref().unwrap_or("version");
    let text = |pick: fn(&heliostat_downstream::PanelCalls) -> &str| calls.map_or("", pick);
    PANEL.html(
        &nonce,
        &[
            ("policy", &policy(&nonce, &mirror.base_url)),
            ("name", &mirror.name),
            ("id", mirror.id.as_str()),
            ("version", &format!("{product} {}", mirror.product_version)),
            ("base_url", &mirror.base_url),
            ("last_seen", &last_seen),
            ("progress_url", text(|calls| &calls.progress_url)),
            ("progress_token", text(|calls| calls.progress_token.expose())),
            ("settings_url", text(|calls| &calls.settings_url)),
            ("read_token", text(|calls| calls.read_token.expose())),
            ("write_token", text(|calls| calls.write_token.expose())),
            ("projects", &projects(&panel.projects)),
        ],
    )
}

/// What may run on the page and whom it may ask: its own script, this server, and the mirror.
fn policy(nonce: &str, mirror_base_url: &str) -> String {
    let mirror = Url::parse(mirror_base_url).map(|url| url.origin());
    let mirror = mirror.ok().filter(url::Origin::is_tuple).map(|origin| origin.ascii_serialization());
    format!(
        "default-src 'none'; style-src 'nonce-{nonce}'; script-src 'nonce-{nonce}'; connect-src 'self' {}; \
         img-src data:; base-uri 'none'; form-action 'none'",
        mirror.unwrap_or_default()
    )
}

fn projects(projects: &[Project]) -> String {
    let row =
        |project: &Project| json!({ "id": project.id.to_string(), "key": project.key, "name": project.name });
    projects.iter().map(row).collect::<serde_json::Value>().to_string()
}

#[cfg(test)]
mod tests {
    use heliostat_storage::{MirrorServer, MirrorType, ProjectId, ProjectKind};

    use super::*;

    fn panel(name: &str) -> ConfigPanel {
        let mirror = MirrorServer {
            id: "B0F5-CS21-45C2-CCK3".into(),
            name: name.into(),
            base_url: "https://mirror.example.com/eu".into(),
            enabled: true,
            mirror_type: MirrorType::Single,
            product_type: None,
            product_version: "0.1.0".into(),
            descriptor_uri: String::new(),
            events_url: String::new(),
            uninstalled_url: None,
            shared_secret: "5ec7e7".into(),
            client_key: String::new(),
            last_seen_at: None,
            created_at: 7,
            chosen_projects: None,
            addon_key: None,
        };
        let project = Project {
            id: ProjectId(3),
            key: "APP".into(),
            name: name.into(),
            description: None,
            public: false,
            kind: ProjectKind::Normal,
        };
        ConfigPanel { mirror, calls: None, projects: vec![project] }
    }

    #[test]
    fn names_cannot_become_markup() {
        let page = config_panel(&panel("</script><script>alert(\"1\")'"));
        assert!(!page.contains("alert(\"1\")") && !page.contains("<script>"), "{page}");
        assert!(page.contains("&lt;script&gt;alert(&quot;1&quot;)&#39;"), "{page}");
        assert!(!page.contains("5ec7e7") && !page.contains("{{"), "{page}");
    }

    #[test]
    fn the_page_may_ask_the_mirror_and_no_other_server() {
        let policy = policy("n", "https://mirror.example.com:8443/eu");
        assert!(policy.contains("connect-src 'self' https://mirror.example.com:8443;"), "{policy}");
    }
}
