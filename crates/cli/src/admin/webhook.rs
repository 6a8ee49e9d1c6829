//! `heliostat webhook`: who is told of pushes to a repository.

use std::path::PathBuf;
use std::str::FromStr;

use clap::Subcommand;
use serde_json::{Value, json};

use super::repository::RepositoryName;
use super::{UpstreamConnection, api};
use crate::client::credentials::read_secret;
use crate::output::Column;

/// What can be done with webhooks. A repository is named as in PROJ/slug.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Register an address that is told of pushes, and of mirrors that serve them.
    Create {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Where events are posted.
        target: String,
        /// Name by which it is recognised in lists.
        #[arg(long, value_name = "NAME", default_value = "webhook")]
        name: String,
        /// Event to be told of; give it again for more.
        #[arg(long, value_name = "EVENT", default_values = ["repo:refs_changed", "mirror:repo_synchronized"])]
        event: Vec<String>,
        /// File with the secret that signs what is sent [default: not signed].
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List the webhooks of a repository, with how their calls went.
    List {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a webhook with its delivery log.
    Delete {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Id, as listed.
        id: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

const COLUMNS: [Column; 7] = [
    Column::text("ID", "/id"),
    Column::text("NAME", "/name"),
    Column::text("ACTIVE", "/active"),
    Column::text("EVENTS", "/events"),
    Column::text("URL", "/url"),
    Column::text("TAKEN", "/statistics/counts/successes"),
    Column::time("LAST TAKEN", "/statistics/lastSuccess/finish"),
];
const CREATED: [Column; 6] = [
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    Column::text("SIGNED", "/configuration/secretSet"),
];

/// Runs one of them.
pub async fn run(command: WebhookCommand) -> anyhow::Result<()> {
    match command {
        WebhookCommand::Create { repository, target, name, event, secret_file, connection } => {
            let mut body = json!({ "name": name, "url": target, "events": event });
            if let Some(file) = secret_file {
                body["configuration"] = json!({ "secret": read_secret(&file)? });
            }
            let session = connection.open().await?;
            let created = session.client.post(&path(&repository, &[])).body(body).send().await?;
            session.output.show(&created, &CREATED);
        }
        WebhookCommand::List { repository, connection } => {
            let session = connection.open().await?;
            let call = session.client.get(&path(&repository, &[])).query("statistics", "true");
            let webhooks: Vec<Value> = call.all().await?;
            session.output.list(&webhooks, &COLUMNS);
        }
        WebhookCommand::Delete { repository, id, connection } => {
            let session = connection.open().await?;
            session.client.delete(&path(&repository, &[&id])).send().await?;
            session.output.done(&format!("Deleted the webhook {id} of {repository}."));
        }
    }
    Ok(())
}

fn path<'a>(repository: &'a RepositoryName, rest: &[&'a str]) -> Vec<&'a str> {
    api::path(&api::path(&repository.path(), &["webhooks"]), rest)
}
