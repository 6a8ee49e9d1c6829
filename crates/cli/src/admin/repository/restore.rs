//! `heliostat repository restore`: brings back what a mirror has of a repository.

use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::RepositoryName;
use crate::admin::{UpstreamConnection, api};
use crate::output::{Column, OutputFormat, line};

/// Which repository is brought back, and from where.
#[derive(Debug, Args)]
pub struct RestoreCommand {
    /// Which, as in PROJ/slug.
    #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
    repository: RepositoryName,
    /// The mirror that has it, by name or server id. It is shown your credentials.
    #[arg(long, value_name = "NAME")]
    from_mirror: String,
    /// Put the mirror's copy in place although its references are not those that are recorded: the hash that was printed
    /// [default: only show what differs].
    #[arg(long, value_name = "HASH")]
    accept: Option<String>,
    #[command(flatten)]
    connection: UpstreamConnection,
}

const DIFFERENCES: [Column; 3] = [
    Column::text("REFERENCE", "/refId"),
    Column::text("HERE", "/here"),
    Column::text("AT THE MIRROR", "/atMirror"),
];

/// Restores it, or shows what would change.
pub async fn run(command: RestoreCommand) -> anyhow::Result<()> {
    let session = command.connection.open().await?;
    let mut body = json!({
        "projectKey": command.repository.project,
        "repositorySlug": command.repository.slug,
        "mirror": command.from_mirror,
    });
    if let Some(hash) = command.accept {
        body["contentHash"] = hash.into();
    }
    let path = api::path(&api::CORE, &["admin", "repository-faults", "restore"]);
    let outcome = session.client.post(&path).body(body).send().await?;
    print_outcome(session.output, &outcome);
    if outcome["restored"] == true {
        if matches!(session.output, OutputFormat::Table) {
            line(&format!("Restored the repository {}.", command.repository));
        }
        return Ok(());
    }
    bail!(
        "the mirror's references are not those that are recorded; nothing was replaced. To put its copy in place all \
         the same, repeat the command with --accept {}",
        outcome["contentHash"].as_str().unwrap_or_default()
    )
}

fn print_outcome(output: OutputFormat, outcome: &Value) {
    if matches!(output, OutputFormat::Json) {
        return output.show(outcome, &[]);
    }
    let differences = outcome["differences"].as_array().cloned().unwrap_or_default();
    if outcome["hereIsReadable"] == false {
        line("The references that are here cannot be read. The mirror has:");
    } else {
        line("References that differ:");
    }
    output.list(&differences, &DIFFERENCES);
}
