//! `heliostat mirror settings`: what a mirror mirrors and how far it is, asked of the mirror itself.

use std::time::Duration;

use anyhow::{Context, bail};
use clap::{Subcommand, ValueEnum};
use heliostat_peer::counted;
use serde_json::{Value, json};
use url::Url;

use super::connection::MirrorConnection;
use super::{Confirmation, Session, api, named_resource};
use crate::client::credentials::Authorization;
use crate::client::{CallError, Client};
use crate::output::{Column, OutputFormat, Progress};

/// How often a mirror is asked how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_millis(500);

/// What can be done with the settings of a mirror.
#[derive(Debug, Subcommand)]
pub enum SettingsCommand {
    /// Show what is mirrored.
    #[command(
        after_help = "Examples:\n  heliostat mirror settings show\n  heliostat mirror settings show --mirror-url https://saigon.example.com"
    )]
    Show {
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Choose between all projects and selected ones. What is not selected stops being served at once.
    #[command(
        after_help = "Examples:\n  heliostat mirror settings mode selected --project PRJ\n  heliostat mirror settings mode all"
    )]
    Mode {
        /// What is mirrored.
        mode: Mode,
        /// Select this project, key or id, beside those that are selected already; give it again for more [default: none].
        #[arg(long = "project", value_name = "PROJECT")]
        projects: Vec<String>,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Mirror projects too.
    #[command(
        after_help = "Examples:\n  heliostat mirror settings add-project PRJ\n  heliostat mirror settings add-project PRJ APP \\\n      --mirror-url https://saigon.example.com"
    )]
    AddProject {
        /// Keys or ids of projects of the upstream.
        #[arg(required = true, value_name = "PROJECT")]
        projects: Vec<String>,
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Stop mirroring projects; they stop being served at once.
    #[command(
        after_help = "Examples:\n  heliostat mirror settings remove-project PRJ\n  heliostat mirror settings remove-project PRJ APP --yes"
    )]
    RemoveProject {
        /// Keys or ids of projects of the upstream.
        #[arg(required = true, value_name = "PROJECT")]
        projects: Vec<String>,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Show how far the synchronisation is.
    #[command(
        after_help = "Examples:\n  heliostat mirror settings progress\n  heliostat mirror settings progress --wait \\\n      --mirror-url https://saigon.example.com"
    )]
    Progress {
        /// Stay until everything is synchronised, showing the way [default: false].
        #[arg(long)]
        wait: bool,
        #[command(flatten)]
        connection: MirrorConnection,
    },
}

/// What a mirror mirrors.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Mode {
    /// Every project, new ones included.
    All,
    /// The selected projects.
    Selected,
}

const SETTINGS: [Column; 2] = [Column::text("MODE", "/mode"), Column::text("PROJECTS", "/projectIds")];
const PROGRESS: [Column; 4] = [
    Column::text("DISCOVERING", "/discovering"),
    Column::text("IN STEP", "/inStepRepos"),
    Column::text("REPOSITORIES", "/mirroredRepos"),
    Column::time("NOT KNOWN SINCE", "/notKnownSince"),
];

/// Runs one of them.
pub async fn run(command: SettingsCommand) -> anyhow::Result<()> {
    match command {
        SettingsCommand::Show { connection } => FollowedUpstream::of(connection).await?.show_settings().await,
        SettingsCommand::Mode { mode, projects, confirmation, connection } => {
            if matches!(mode, Mode::All) && !projects.is_empty() {
                bail!(
                    "a mirror of all projects selects none: leave --project out, or choose the mode selected"
                );
            }
            let upstream = FollowedUpstream::of(connection).await?;
            if !projects.is_empty() {
                // Before the mode: what is selected then is not given up for a moment.
                upstream.select(&projects).await?;
            }
            if matches!(mode, Mode::Selected) && !confirmation.is_given() {
                upstream.confirm_unless_some_are_left(&confirmation, &[]).await?;
            }
            let call = upstream.client().put(&upstream.path(&["settings", "mode"]));
            call.body(mode.wire_name()).send().await?;
            upstream.show_settings().await
        }
        SettingsCommand::AddProject { projects, connection } => {
            let upstream = FollowedUpstream::of(connection).await?;
            upstream.select(&projects).await?;
            upstream.show_settings().await
        }
        SettingsCommand::RemoveProject { projects, confirmation, connection } => {
            let upstream = FollowedUpstream::of(connection).await?;
            let ids = upstream.project_ids(&projects).await?;
            if !confirmation.is_given() {
                upstream.confirm_unless_some_are_left(&confirmation, &ids).await?;
            }
            for id in &ids {
                upstream.client().delete(&upstream.path(&["settings", "projects", id])).send().await?;
            }
            upstream.show_settings().await
        }
        SettingsCommand::Progress { wait, connection } => {
            let upstream = FollowedUpstream::of(connection).await?;
            if wait {
                follow(upstream.client(), &upstream.id).await?;
            }
            let progress = progress_of(upstream.client(), &upstream.id).await?;
            upstream.session.output.show(&progress, &PROGRESS);
            Ok(())
        }
    }
}

/// One of the upstreams that a mirror follows.
pub struct FollowedUpstream {
    session: Session,
    id: String,
    base_url: Option<String>,
}

impl FollowedUpstream {
    /// The one that is meant.
    pub async fn of(connection: MirrorConnection) -> anyhow::Result<Self> {
        let wanted = connection.upstream_id.clone();
        let session = connection.open().await?;
        let (id, base_url) = followed_upstream(&session.client, wanted.as_deref()).await?;
        Ok(Self { session, id, base_url })
    }

    /// Calls the mirror.
    pub fn client(&self) -> &Client {
        &self.session.client
    }

    /// Prints what it says.
    pub fn output(&self) -> OutputFormat {
        self.session.output
    }

    /// For git, which speaks to the mirror and its upstream.
    pub fn authorization(&self) -> &Authorization {
        self.session.authorization()
    }

    /// Where the upstream is, as the mirror says.
    pub fn base_url(&self) -> anyhow::Result<Url> {
        let base_url = self.base_url.as_deref().and_then(|text| Url::parse(text).ok());
        base_url.context("the mirror does not say where its upstream is")
    }

    /// A path at the mirror below this upstream.
    pub fn path<'a>(&'a self, rest: &[&'a str]) -> Vec<&'a str> {
        upstream_path(&self.id, rest)
    }

    /// Mirrors these projects, too.
    async fn select(&self, projects: &[String]) -> anyhow::Result<()> {
        let ids = self.project_ids(projects).await?;
        self.client().post(&self.path(&["settings", "projects"])).body(json!(ids)).send().await?;
        Ok(())
    }

    async fn show_settings(&self) -> anyhow::Result<()> {
        let mut settings = self.client().get(&self.path(&["settings"])).send().await?;
        if matches!(self.output(), OutputFormat::Table) {
            self.name_projects(&mut settings).await;
        }
        self.session.output.show(&settings, &SETTINGS);
        Ok(())
    }

    /// People know projects by their keys, and the upstream alone knows those; while it is away, the ids have to do.
    async fn name_projects(&self, settings: &mut Value) {
        let Some(ids) = settings["projectIds"].as_array().filter(|ids| !ids.is_empty()) else { return };
        let Ok(base_url) = self.base_url() else { return };
        let keys = named_resource::project_keys(&self.session.client_of(base_url), ids).await;
        if let Ok(keys) = keys {
            settings["projectIds"] = keys.into();
        }
    }

    /// Asks before a selection without these projects empties the mirror. One that mirrors all projects has a selection, too,
    /// which counts from the moment at which the mode changes.
    async fn confirm_unless_some_are_left(
        &self,
        confirmation: &Confirmation,
        removed: &[String],
    ) -> anyhow::Result<()> {
        let settings = self.client().get(&self.path(&["settings"])).send().await?;
        let selected = settings["projectIds"].as_array().cloned().unwrap_or_default();
        let is_left = |id: &Value| id.as_str().is_some_and(|id| !removed.iter().any(|removed| removed == id));
        let counts = removed.is_empty() || settings["mode"] == Mode::Selected.wire_name();
        if !counts || selected.iter().any(is_left) {
            return Ok(());
        }
        let progress = progress_of(self.client(), &self.id).await?;
        let loss = match progress["mirroredRepos"].as_u64() {
            Some(0) => return Ok(()),
            Some(count) => counted(count, "repository", "repositories"),
            None => "all repositories".to_owned(),
        };
        let loss = format!(
            "No project would be selected: the mirror at {} stops serving {loss} at once, and fetches anew what is selected \
             later. Select projects by --project, or before by: heliostat mirror settings add-project PROJECT.",
            self.client().base_url()
        );
        confirmation.ask(&loss).await
    }

    /// Keys are known to the upstream only, and the mirror says where that is.
    async fn project_ids(&self, keys_or_ids: &[String]) -> anyhow::Result<Vec<String>> {
        named_resource::project_ids(&self.session.client_of(self.base_url()?), keys_or_ids).await
    }
}

impl Mode {
    fn wire_name(self) -> &'static str {
        match self {
            Self::All => "ALL_PROJECTS",
            Self::Selected => "SELECTED_PROJECTS",
        }
    }
}

/// Id and base URL of an upstream that the mirror follows: the wanted one, or the only one.
pub async fn followed_upstream(
    mirror: &Client,
    wanted: Option<&str>,
) -> anyhow::Result<(String, Option<String>)> {
    let upstreams = mirror.get(&api::path(&api::MIRRORING, &["upstreamServers"])).all().await?;
    let ids: Vec<&str> = upstreams.iter().filter_map(|upstream| upstream.get("id")?.as_str()).collect();
    let id = match (wanted, ids.as_slice()) {
        (Some(wanted), _) if ids.contains(&wanted) => wanted,
        (None, [only]) => only,
        (_, []) => bail!("the mirror follows no upstream"),
        _ => bail!("choose one of the mirror's upstreams by --upstream-id: {}", ids.join(", ")),
    };
    let found = upstreams.iter().find(|upstream| upstream.get("id").and_then(Value::as_str) == Some(id));
    let base_url = found.and_then(|upstream| Some(upstream.get("baseUrl")?.as_str()?.to_owned()));
    Ok((id.to_owned(), base_url))
}

/// How far the mirror is, in its own words.
pub async fn progress_of(mirror: &Client, upstream_id: &str) -> Result<Value, CallError> {
    mirror.get(&upstream_path(upstream_id, &["progress"])).send().await
}

/// Shows progress until nothing is left to synchronise, to programs as well: what is waited for may never come, and only this
/// says so.
async fn follow(mirror: &Client, upstream_id: &str) -> anyhow::Result<()> {
    let shown = Progress::start(OutputFormat::Table, "Synchronizing");
    loop {
        let progress = progress_of(mirror, upstream_id).await?;
        if show_progress(&shown, &progress) {
            shown.finish("Synchronized");
            return Ok(());
        }
        tokio::time::sleep(PROGRESS_INTERVAL).await;
    }
}

/// Shows an answer of `progress`; true when it says that nothing is left.
pub fn show_progress(shown: &Progress, progress: &Value) -> bool {
    let count = |name| progress.get(name).and_then(Value::as_u64).unwrap_or(0);
    let (synced, total) = (count("syncedRepos"), count("totalRepos"));
    if progress.get("discovering").and_then(Value::as_bool).unwrap_or(false) {
        shown.note("looking what there is");
        return false;
    }
    // What was counted last stands still then, and would be told in turns with this.
    if progress.get("notKnownSince").is_some_and(|since| !since.is_null()) {
        shown.note("waiting for the upstream: it is not known what it has");
        return false;
    }
    // Of a synchronisation that is over nothing is counted any more.
    if total > 0 {
        shown.step("repositories", synced, total);
    }
    synced >= total
}

fn upstream_path<'a>(id: &'a str, rest: &[&'a str]) -> Vec<&'a str> {
    let mut path = api::path(&api::MIRRORING, &["upstreamServers", id]);
    path.extend(rest);
    path
}
