//! `heliostat request`: mirrors that want to join, and what becomes of them.

use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::confirmation::ask_at_terminal;
use super::{UpstreamConnection, api, mirror_servers, named_resource};
use crate::client::Client;
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
    ///
    /// An id stands for the addresses that were listed with it: a request that has others has another id. A name does not, so
    /// the addresses are shown first, and it is asked whether they are right; a script gives the id, or --seen-url.
    #[command(
        after_help = "Examples:\n  heliostat request accept Saigon\n  heliostat request accept 1\n  heliostat request accept Saigon --seen-url https://saigon.example.com \\\n      --project PRJ"
    )]
    Accept {
        /// Id of the request, or name of the mirror.
        #[arg(value_name = "ID_OR_NAME")]
        request: String,
        /// Base URL with which the request was listed; one that has another is not accepted [default: what the id stands for,
        /// or what was shown and confirmed].
        #[arg(long, value_name = "URL")]
        seen_url: Option<String>,
        /// Address under CALLED AT with which it was listed, where the upstream calls the mirror and sends it its secret; one
        /// that has another is not accepted [default: as for --seen-url; none, if that is given].
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
                    let is_by_id = request == id;
                    let shown = shown_addresses(&session.client, &id, is_by_id).await?;
                    let internal_url = seen_internal_url.map_or(shown.called_at, Value::from);
                    json!({ "mirrorBaseUrl": shown.base_url, "mirrorInternalUrl": internal_url })
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

/// Where a request says that its mirror is.
struct Addresses {
    base_url: Value,
    /// Null where the upstream calls it at its base URL.
    called_at: Value,
}

/// The addresses of a request. By a name it is asked whether they are right: under the name that was listed there may be
/// another request by now. By an id they are those that were listed, for they never change.
async fn shown_addresses(client: &Client, id: &str, is_by_id: bool) -> anyhow::Result<Addresses> {
    let mut request = client.get(&api::path(&api::MIRRORING, &["requests", id])).send().await?;
    let [name, base_url, called_at] =
        ["mirrorName", "mirrorBaseUrl", "mirrorInternalUrl"].map(|field| request[field].take());
    if !is_by_id {
        let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
        let (name, at) = (text(&name), text(&base_url));
        let (called, options) = match called_at.as_str() {
            Some(called) => (called.to_owned(), "--seen-url and --seen-internal-url"),
            None => (at.clone(), "--seen-url"),
        };
        let told = format!(
            "This lets the mirror {name} join, by the request {id}: its base URL is {at}, and the upstream calls it at {called} \
             and sends it its secret there."
        );
        let otherwise = format!(
            "without a terminal, a request is accepted by the id with which it was listed, or by its name with {options}"
        );
        ask_at_terminal(&told, &otherwise).await?;
    }
    Ok(Addresses { base_url, called_at })
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
