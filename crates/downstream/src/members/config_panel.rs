//! What the settings page of a mirror is made of: the mirror, the projects to choose from, and signed calls.

use heliostat_auth::{SERVER_TOKEN_LIFETIME_SECONDS, Secret};
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServer, MirrorServerId, PageRequest, Project, Visibility};
use url::Url;

use super::mirror_servers::Members;
use crate::calling::{token_for, upstream_on_mirror};
use crate::permit::Administrator;

/// Most projects that the page offers; a selection of others is kept, but not shown.
const MAX_PROJECTS: u64 = 1_000;

/// The parts of the page.
#[derive(Debug, Clone)]
pub struct ConfigPanel {
    /// Whose settings they are.
    pub mirror: MirrorServer,
    /// What the page may ask of the mirror. `None` if the mirror has unusual addresses.
    pub calls: Option<PanelCalls>,
    /// Projects to choose from.
    pub projects: Vec<Project>,
}

/// Calls to a mirror that are already signed, each for one method and one address.
#[derive(Debug, Clone)]
pub struct PanelCalls {
    /// Where the mirror tells how far it is.
    pub progress_url: String,
    /// Opens it for reading.
    pub progress_token: Secret,
    /// Where the mirror keeps its settings.
    pub settings_url: String,
    /// Opens them for reading.
    pub read_token: Secret,
    /// Opens them for writing.
    pub write_token: Secret,
}

impl Members {
    /// What the settings page of a mirror shows to an administrator.
    pub async fn config_panel(&self, _: Administrator<'_>, mirror_id: &str) -> Result<ConfigPanel, Refusal> {
        let mirror = self.record(&MirrorServerId::from(mirror_id)).await?;
        let page = PageRequest { start: 0, limit: MAX_PROJECTS };
        let projects = self.repositories.list_projects(Visibility::All, None, page).await?;
        let calls = panel_calls(&mirror, self.announcer.now_seconds());
        Ok(ConfigPanel { mirror, calls, projects: projects.values })
    }
}

fn panel_calls(mirror: &MirrorServer, now_seconds: i64) -> Option<PanelCalls> {
    let upstream = upstream_on_mirror(mirror)?;
    let (progress_url, settings_url) = (format!("{upstream}/progress"), format!("{upstream}/settings"));
    let token = |method: &str, url: &str| {
        let url = Url::parse(url).ok()?;
        token_for(mirror, method, &url, now_seconds, SERVER_TOKEN_LIFETIME_SECONDS).map(Secret::new)
    };
    Some(PanelCalls {
        progress_token: token("GET", &progress_url)?,
        read_token: token("GET", &settings_url)?,
        write_token: token("PUT", &settings_url)?,
        progress_url,
        settings_url,
    })
}

#[cfg(test)]
mod tests {
    use heliostat_auth::{UnverifiedToken, query_string_hash};

    use super::*;
    use crate::fixture;

    const NOW: i64 = 1_764_000_000;

    #[test]
    fn each_signature_opens_one_method_of_one_address() {
        let mirror = fixture::mirror();
        let calls = panel_calls(&mirror, NOW).expect("ordinary addresses");
        let path = calls.settings_url.strip_prefix(&mirror.base_url).expect("on the mirror");
        assert!(path.ends_with("/settings"), "{path}");

        let secret = Secret::new(mirror.shared_secret.as_str());
        let opens = |token: &Secret, method: &str| {
            let token = UnverifiedToken::parse(token.expose()).expect("a well-formed token");
            token.verify(&secret, &query_string_hash(method, path, None), NOW).is_ok()
        };
        assert!(opens(&calls.read_token, "GET") && opens(&calls.write_token, "PUT"));
        assert!(!opens(&calls.read_token, "PUT") && !opens(&calls.progress_token, "GET"));
    }
}
