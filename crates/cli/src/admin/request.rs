//! `heliostat request`: mirrors that want to join, and what becomes of them.

use clap::{Subcommand, ValueEnum};
use serde_json::json;

use super::{UpstreamConnection, api, mirror_servers, named_resource};
use crate::output::Column;

/// What can be done with mirroring requests.
#[derive(Debug, Subcommand)]
pub enum RequestCommand {
    /// List requests.
    #[command(after_help = "Examples:\n  heliostat request list\n  heliostat request list --state pending")]
    List {
        /// Only those in this state [default: all].
        #[arg(long)]
        state: Option<RequestState>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Let a mirror join. The upstream contacts it at once, and it starts to synchronise.
    #[command(
        after_help = "Examples:\n  heliostat request accept Saigon\n  heliostat request accept Saigon --seen-url https://saigon.example.com \\\n      --project PRJ"
    )]
    Accept {
        /// Id of the request, or name of the mirror.
        #[arg(value_name = "ID_OR_NAME")]
        request: String,
        /// Base URL with which the request was listed; one that has another is not accepted [default: what it has now].
        #[arg(long, value_name = "URL")]
        seen_url: Option<String>,
        /// Address under CALLED AT with which it was listed, where the upstream calls the mirror and sends it its secret; one
        /// that has another is not accepted [default: what it has now, unless --seen-url is given].
        #[arg(long, value_name = "URL")]
        seen_internal_url: Option<String>,
        /// Mirror only this project; give it again for more [default: all projects].
        #[arg(long = "project", value_name = "KEY")]
        projects: Vec<String>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Refuse a mirror.
    #[command(after_help = "Examples:\n  heliostat request reject Saigon")]
    Reject {
        /// Id of the request, or name of the mirror.
        #[arg(value_name = "ID_OR_NAME")]
        request: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Forget a request, or all that are open.
    #[command(
        after_help = "Examples:\n  heliostat request delete Saigon\n  heliostat request delete --all-open"
    )]
    Delete {
        /// Id of the request, or name of the mirror.
        #[arg(value_name = "ID_OR_NAME", required_unless_present = "all_open")]
        request: Option<String>,
        /// Forget every request about which no administrator has decided; mirrors that still want to join ask again.
        #[arg(long, conflicts_with = "request")]
        all_open: bool,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

/// State of a request.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum RequestState {
    /// No administrator has decided yet.
    Pending,
    /// The mirror has joined.
    Accepted,
    /// The mirror was refused.
    Rejected,
}

const COLUMNS: [Column; 7] = [
    Column::text("ID", "/id"),
    Column::text("STATE", "/state"),
    Column::text("MIRROR", "/mirrorName"),
    Column::whole("URL", "/mirrorBaseUrl"),
    Column::whole("CALLED AT", "/mirrorInternalUrl"),
    Column::text("MIRROR ID", "/mirrorId"),
    Column::text("VERSION", "/productVersion"),
];

/// Runs one of them.
pub async fn run(command: RequestCommand) -> anyhow::Result<()> {
    match command {
        RequestCommand::List { state, connection } => {
            let session = connection.open().await?;
            let mut call = session.client.get(&api::path(&api::MIRRORING, &["requests"]));
            if let Some(state) = state {
                call = call.query("state", state.wire_name());
            }
            session.output.list(&call.all().await?, &COLUMNS);
        }
        RequestCommand::Accept { request, seen_url, seen_internal_url, projects, connection } => {
            let session = connection.open().await?;
            let id = named_resource::request_id(&session.client, &request).await?;
            let mut acceptance = match seen_url {
                Some(url) => json!({ "mirrorBaseUrl": url, "mirrorInternalUrl": seen_internal_url }),
                None => {
                    let path = api::path(&api::MIRRORING, &["requests", &id]);
                    let mut shown = session.client.get(&path).send().await?;
                    let internal_url = match seen_internal_url {
                        Some(url) => url.into(),
                        None => shown["mirrorInternalUrl"].take(),
                    };
                    json!({ "mirrorBaseUrl": shown["mirrorBaseUrl"].take(), "mirrorInternalUrl": internal_url })
                }
            };
            if !projects.is_empty() {
                let ids = named_resource::project_ids(&session.client, &projects).await?;
                acceptance["projectIds"] = ids.into();
            }
            let path = api::path(&api::MIRRORING, &["requests", &id, "accept"]);
            let accepted = session.client.post(&path).body(acceptance).send().await?;
            session.output.show(&accepted, mirror_servers::OF_ITSELF);
        }
        RequestCommand::Reject { request, connection } => {
            let session = connection.open().await?;
            let id = named_resource::request_id(&session.client, &request).await?;
            let path = api::path(&api::MIRRORING, &["requests", &id, "reject"]);
            session.client.post(&path).send().await?;
            session.output.done(&format!("Rejected the request {id}."));
        }
        RequestCommand::Delete { request: Some(request), connection, .. } => {
            let session = connection.open().await?;
            let id = named_resource::request_id(&session.client, &request).await?;
            session.client.delete(&api::path(&api::MIRRORING, &["requests", &id])).send().await?;
            session.output.done(&format!("Deleted the request {id}."));
        }
        RequestCommand::Delete { request: None, connection, .. } => {
            let session = connection.open().await?;
            session.client.delete(&api::path(&api::MIRRORING, &["requests"])).send().await?;
            session.output.done("Deleted all open requests.");
        }
    }
    Ok(())
}

impl RequestState {
    fn wire_name(self) -> &'static str {
        match self {
            Self::Pending => "PENDING",
            Self::Accepted => "ACCEPTED",
            Self::Rejected => "REJECTED",
        }
    }
}
