//! The settings of one mirror as a page: how far it is, and what it mirrors.
//!
//! The page is made by the upstream and talks to the mirror: the upstream signs exactly the calls that the page
//! makes. Everything else on it is text, escaped as such.

use askama::Template;
use heliostat_downstream::ConfigPanel;
use heliostat_storage::Project;
use serde_json::json;
use url::Url;

use super::page::{Frame, Site};

/// The page, filled in.
#[derive(Template)]
#[template(path = "config_panel.html")]
struct Panel<'a> {
    frame: Frame<'a>,
    script: &'static str,
    policy: String,
    name: &'a str,
    id: &'a str,
    version: String,
    base_url: &'a str,
    last_seen: i64,
    progress_url: &'a str,
    progress_token: &'a str,
    settings_url: &'a str,
    read_token: &'a str,
    write_token: &'a str,
    projects: String,
}

/// The page, for one answer only.
pub fn config_panel(panel: &ConfigPanel) -> String {
    let (mirror, calls) = (&panel.mirror, panel.calls.as_ref());
    let site = Site::without_pages(&mirror.name);
    let frame = Frame::new(&site);
    let product = mirror.product_type.as_deref().unwrap_or("version");
    let page = Panel {
        policy: policy(&frame.nonce, &mirror.base_url),
        script: include_str!("config_panel.js"),
        name: &mirror.name,
        id: mirror.id.as_str(),
        version: format!("{product} {}", mirror.product_version),
        base_url: &mirror.base_url,
        last_seen: mirror.last_seen_at.unwrap_or(mirror.created_at),
        progress_url: calls.map_or("", |calls| calls.progress_url.as_str()),
        progress_token: calls.map_or("", |calls| calls.progress_token.expose()),
        settings_url: calls.map_or("", |calls| calls.settings_url.as_str()),
        read_token: calls.map_or("", |calls| calls.read_token.expose()),
        write_token: calls.map_or("", |calls| calls.write_token.expose()),
        projects: projects(&panel.projects),
        frame,
    };
    page.render().expect("a template of texts can be filled in")
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
        assert!(page.contains("script&#62;alert(&#34;1&#34;)&#39;"), "{page}");
        assert!(!page.contains("5ec7e7"), "{page}");
    }

    #[test]
    fn the_page_may_ask_the_mirror_and_no_other_server() {
        let policy = policy("n", "https://mirror.example.com:8443/eu");
        assert!(policy.contains("connect-src 'self' https://mirror.example.com:8443;"), "{policy}");
    }
}
