//! `heliostat mirror list|show|remove`: the mirrors that an upstream knows; and how one of them is, what it mirrors, and what it
//! holds back.

use clap::Subcommand;
use heliostat_peer::counted;
use serde_json::Value;

use super::connection::MirrorConnection;
use super::held_back::{self, Rescue};
use super::mirror_settings::{self, SettingsCommand};
use super::mirror_status::{self, Status};
use super::{Confirmation, UpstreamConnection, api, named_resource};
use crate::client::Client;
use crate::output::Column;

/// What an administrator can do with mirrors.
#[derive(Debug, Subcommand)]
pub enum MirrorVerb {
    /// List the mirrors of an upstream, how each stands, and how far it is behind.
    #[command(
        after_help = "Examples:\n  heliostat mirror list\n  heliostat mirror list --url https://git.example.com --output json"
    )]
    List {
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Show a mirror.
    #[command(after_help = "Examples:\n  heliostat mirror show Saigon")]
    Show {
        /// Id or name.
        #[arg(value_name = "ID_OR_NAME")]
        mirror: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// End a mirror's access at once; it stops serving and deletes its repositories. It asks first.
    #[command(
        after_help = "Examples:\n  heliostat mirror remove Saigon\n  heliostat mirror remove Saigon --yes"
    )]
    Remove {
        /// Id or name.
        #[arg(value_name = "ID_OR_NAME")]
        mirror: String,
        #[command(flatten)]
        confirmation: Confirmation,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Show how far a mirror is behind its upstream, which repositories are, and why; fails if it must not take traffic.
    #[command(
        after_help = "Examples:\n  heliostat mirror status --mirror-url https://saigon.example.com\n  heliostat mirror status PRJ/site --mirror-url https://saigon.example.com"
    )]
    Status(Status),
    /// List what a mirror neither removes nor overwrites, because the upstream has lost it.
    #[command(after_help = "Examples:\n  heliostat mirror held-back --mirror-url https://saigon.example.com")]
    HeldBack {
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Let a mirror move what it holds back into its trash, and follow the upstream as it is now.
    #[command(
        after_help = "Examples:\n  heliostat mirror confirm-removal 5f0c1d2e3b4a5968 \\\n      --mirror-url https://saigon.example.com"
    )]
    ConfirmRemoval {
        /// Which list is confirmed, as `mirror held-back` shows it.
        #[arg(value_name = "TOKEN")]
        seen: String,
        #[command(flatten)]
        connection: MirrorConnection,
    },
    /// Tell which repositories and commits only a mirror still has, and write them to bundles.
    #[command(
        after_help = "Examples:\n  heliostat mirror rescue --mirror-url https://saigon.example.com\n  heliostat mirror rescue --to /tmp/rescue \\\n      --mirror-url https://saigon.example.com"
    )]
    Rescue(Rescue),
    /// What a mirror mirrors and how far it is, asked of the mirror itself.
    #[command(
        subcommand,
        after_help = "Examples:\n  heliostat mirror settings show\n  heliostat mirror settings mode selected --project PRJ\n  heliostat mirror settings progress --wait"
    )]
    Settings(SettingsCommand),
}

/// What is shown of a mirror, and of how it stands.
const COLUMNS: [Column; 12] = [
    Column::text("ID", "/id"),
    Column::text("NAME", "/name"),
    Column::text("URL", "/baseUrl"),
    Column::text("ENABLED", "/enabled"),
    Column::text("TYPE", "/mirrorType"),
    Column::text("VERSION", "/productVersion"),
    Column::time("LAST SEEN", "/lastSeenDate"),
    Column::text("STANDING", "/standing/standing"),
    Column::text("IN STEP", "/standing/inStepRepos"),
    Column::text("REPOSITORIES", "/standing/mirroredRepos"),
    Column::text("EVENTS WAITING", "/standing/pendingEvents"),
    Column::text("LAG (MS)", "/standing/lagMillis"),
];

/// What is shown of a single one besides.
const FURTHER: [Column; 4] = [
    Column::time("LAST SYNCHRONIZED", "/standing/lastSyncDate"),
    Column::text("FAILING", "/standing/failingRepos"),
    Column::text("FAILURE", "/standing/failure"),
    Column::text("DELIVERY", "/standing/lastError"),
];

/// What is shown of a mirror itself.
pub const OF_ITSELF: &[Column] = COLUMNS.split_at(7).0;

/// Runs one of them.
pub async fn run(verb: MirrorVerb) -> anyhow::Result<()> {
    match verb {
        MirrorVerb::List { connection } => {
            let session = connection.open().await?;
            let mut mirrors =
                session.client.get(&api::path(&api::MIRRORING, &["mirrorServers"])).all().await?;
            for mirror in &mut mirrors {
                add_standing(&session.client, mirror).await;
            }
            session.output.list(&mirrors, &COLUMNS);
        }
        MirrorVerb::Show { mirror, connection } => {
            let session = connection.open().await?;
            let id = named_resource::mirror_id(&session.client, &mirror).await?;
            let mut found =
                session.client.get(&api::path(&api::MIRRORING, &["mirrorServers", &id])).send().await?;
            add_standing(&session.client, &mut found).await;
            session.output.show(&found, &[&COLUMNS[..], &FURTHER[..]].concat());
        }
        MirrorVerb::Remove { mirror, confirmation, connection } => {
            let session = connection.open().await?;
            let id = named_resource::mirror_id(&session.client, &mirror).await?;
            if !confirmation.is_given() {
                confirmation.ask(&loss_of_mirror(&session.client, &id).await?).await?;
            }
            session.client.delete(&api::path(&api::MIRRORING, &["mirrorServers", &id])).send().await?;
            session.output.done(&format!("Removed the mirror {id}."));
        }
        MirrorVerb::Status(status) => mirror_status::show(status).await?,
        MirrorVerb::HeldBack { connection } => held_back::show(connection).await?,
        MirrorVerb::ConfirmRemoval { seen, connection } => held_back::confirm(&seen, connection).await?,
        MirrorVerb::Rescue(rescue) => held_back::rescue(rescue).await?,
        MirrorVerb::Settings(command) => mirror_settings::run(command).await?,
    }
    Ok(())
}

/// What is lost with a mirror.
async fn loss_of_mirror(upstream: &Client, id: &str) -> anyhow::Result<String> {
    let mut mirror = upstream.get(&api::path(&api::MIRRORING, &["mirrorServers", id])).send().await?;
    add_standing(upstream, &mut mirror).await;
    let text = |name: &str| mirror[name].as_str().unwrap_or("?").to_owned();
    let repositories = mirror.pointer("/standing/mirroredRepos").and_then(Value::as_u64);
    let repositories = repositories
        .map_or("its repositories".to_owned(), |count| counted(count, "repository", "repositories"));
    Ok(format!(
        "This removes the mirror {} at {}: it stops serving {repositories} at once and deletes them later, and must ask to join \
         again.",
        text("name"),
        text("baseUrl")
    ))
}

/// Adds how the mirror stands. Who may not know that, or asks an older server, sees the rest.
async fn add_standing(upstream: &Client, mirror: &mut Value) {
    let id = mirror["id"].as_str().unwrap_or_default().to_owned();
    let path = api::path(&api::MIRRORING, &["mirrorServers", &id, "standing"]);
    if let Ok(standing) = upstream.get(&path).send().await {
        mirror["standing"] = standing;
    }
}
