//! `heliostat webhook`: who is told of pushes to a repository, and how that went.

use std::path::PathBuf;
use std::str::FromStr;

use anyhow::bail;
use clap::{Subcommand, ValueEnum};
use serde_json::{Value, json};

use super::repository::RepositoryName;
use super::{Session, UpstreamConnection, api};
use crate::client::credentials::read_secret;
use crate::output::Column;

/// What can be done with webhooks. A repository is named as in PROJ/slug.
#[derive(Debug, Subcommand)]
pub enum WebhookCommand {
    /// Register an address that is told of pushes, and of mirrors that serve them.
    #[command(
        after_help = "Examples:\n  heliostat webhook create PRJ/site https://ci.example.com/hook \\\n      --secret-file hook.secret\n  heliostat webhook create PRJ/site https://ci.example.com/hook \\\n      --name ci --event mirror:repo_synchronized"
    )]
    Create {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Where events are posted.
        target: String,
        /// Name by which it is recognised in lists.
        #[arg(long, value_name = "NAME", default_value = "webhook")]
        name: String,
        /// Event to be told of, one of those that this server sends; give it again for more.
        #[arg(
            long, value_name = "EVENT", value_parser = SENT_EVENTS,
            default_values = ["repo:refs_changed", "mirror:repo_synchronized"]
        )]
        event: Vec<String>,
        /// File with the secret that signs what is sent [default: not signed].
        #[arg(long, value_name = "FILE")]
        secret_file: Option<PathBuf>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List the webhooks of a repository, with how their calls went.
    #[command(after_help = "Examples:\n  heliostat webhook list PRJ/site")]
    List {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Show a webhook, with how its calls went.
    #[command(after_help = "Examples:\n  heliostat webhook show PRJ/site 5")]
    Show {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Id, as listed.
        id: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Call a webhook once with a ping, and show what came back; fails if the receiver did not take it.
    #[command(after_help = "Examples:\n  heliostat webhook test PRJ/site 5")]
    Test {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Id, as listed.
        id: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List the last calls of a webhook, the newest first; each attempt is a call. With --output json, with all that was sent
    /// and came back.
    #[command(
        after_help = "Examples:\n  heliostat webhook log PRJ/site 5\n  heliostat webhook log PRJ/site 5 --outcome failure"
    )]
    Log {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Id, as listed.
        id: String,
        /// Only calls that ended like this [default: all].
        #[arg(long)]
        outcome: Option<Outcome>,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Send once more, at once, what a call in the log has sent, and show what came back; fails if it was not taken again.
    #[command(after_help = "Examples:\n  heliostat webhook redeliver PRJ/site 5 118")]
    Redeliver {
        /// Which repository, as in PROJ/slug.
        #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
        repository: RepositoryName,
        /// Id, as listed.
        id: String,
        /// Id of the call, as the log shows it.
        call: String,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Delete a webhook with its delivery log.
    #[command(after_help = "Examples:\n  heliostat webhook delete PRJ/site 5")]
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

/// What happens here. Over REST more names are taken, so that clients can register with a list for any server of the kind;
/// who types one is told at once that it would never come.
const SENT_EVENTS: [&str; 3] = ["repo:refs_changed", "repo:modified", "mirror:repo_synchronized"];

/// How a call ended.
#[derive(Debug, Clone, Copy, ValueEnum)]
pub enum Outcome {
    /// The receiver took it.
    Success,
    /// The receiver refused it.
    Failure,
    /// There was no answer.
    Error,
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

const SHOWN: [Column; 11] = [
    COLUMNS[0],
    COLUMNS[1],
    COLUMNS[2],
    COLUMNS[3],
    COLUMNS[4],
    CREATED[5],
    COLUMNS[5],
    COLUMNS[6],
    Column::text("REFUSED", "/statistics/counts/failures"),
    Column::text("NOT ANSWERED", "/statistics/counts/errors"),
    Column::text("LAST ANSWER", "/statistics/lastFailure/description"),
];
const CALLS: [Column; 7] = [
    Column::text("ID", "/id"),
    Column::time("AT", "/start"),
    Column::text("EVENT", "/event"),
    Column::text("ATTEMPT", "/attempt"),
    Column::text("OUTCOME", "/result/outcome"),
    Column::text("MS", "/duration"),
    Column::whole("ANSWER", "/result/description"),
];
const ANSWER: [Column; 8] = [
    CALLS[0],
    CALLS[2],
    CALLS[3],
    Column::text("URL", "/request/url"),
    CALLS[4],
    CALLS[5],
    CALLS[6],
    Column::text("BODY", "/result/body"),
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
        WebhookCommand::Show { repository, id, connection } => {
            let session = connection.open().await?;
            let call = session.client.get(&path(&repository, &[&id])).query("statistics", "true");
            session.output.show(&call.send().await?, &SHOWN);
        }
        WebhookCommand::Test { repository, id, connection } => {
            let session = connection.open().await?;
            let call = session.client.post(&path(&repository, &["test"])).query("webhookId", &id);
            show_answer(&session, &call.send().await?)?;
        }
        WebhookCommand::Log { repository, id, outcome, connection } => {
            let session = connection.open().await?;
            let mut call = session.client.get(&path(&repository, &[&id, "invocations"]));
            if let Some(outcome) = outcome {
                call = call.query("outcome", outcome.wire_name());
            }
            session.output.list(&call.all().await?, &CALLS);
        }
        WebhookCommand::Redeliver { repository, id, call, connection } => {
            let session = connection.open().await?;
            let again = path(&repository, &[&id, "invocations", &call, "redeliver"]);
            show_answer(&session, &session.client.post(&again).send().await?)?;
        }
        WebhookCommand::Delete { repository, id, connection } => {
            let session = connection.open().await?;
            session.client.delete(&path(&repository, &[&id])).send().await?;
            session.output.done(&format!("Deleted the webhook {id} of {repository}."));
        }
    }
    Ok(())
}

/// Shows what came back; an error if that was not what a receiver answers who has taken it.
fn show_answer(session: &Session, call: &Value) -> anyhow::Result<()> {
    session.output.show(call, &ANSWER);
    if call["result"]["outcome"] != "SUCCESS" {
        bail!("the receiver did not take it");
    }
    Ok(())
}

impl Outcome {
    fn wire_name(self) -> &'static str {
        match self {
            Self::Success => "SUCCESS",
            Self::Failure => "FAILURE",
            Self::Error => "ERROR",
        }
    }
}

fn path<'a>(repository: &'a RepositoryName, rest: &[&'a str]) -> Vec<&'a str> {
    api::path(&api::path(&repository.path(), &["webhooks"]), rest)
}
