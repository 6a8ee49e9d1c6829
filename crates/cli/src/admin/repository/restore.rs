//! `heliostat repository restore`: brings back what a mirror has of a repository.

use std::str::FromStr;

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::RepositoryName;
use crate::admin::{Session, UpstreamConnection, api};
use crate::output::{Column, OutputFormat, line};

/// Which repository is brought back, and from where.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  heliostat repository restore PRJ/site --from-mirror Saigon")]
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

/// The same where nothing can be read here.
const AT_MIRROR: [Column; 2] =
    [Column::text("REFERENCE", "/refId"), Column::text("AT THE MIRROR", "/atMirror")];

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
    // Asked first: once it is restored, nothing is wrong with it any more.
    let mut fault = fault_of(&session, &command.repository).await?;
    let outcome = session.client.post(&path).body(body).send().await?;
    if fault.is_none() && outcome["restored"] == false {
        fault = fault_of(&session, &command.repository).await?;
    }
    print_outcome(session.output, &outcome, fault.as_deref());
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

/// What is wrong with it here, as far as it was noticed.
async fn fault_of(session: &Session, repository: &RepositoryName) -> anyhow::Result<Option<String>> {
    let faults = session.client.get(&api::path(&api::CORE, &["admin", "repository-faults"])).send().await?;
    let mut unserved = faults["unserved"].as_array().into_iter().flatten();
    let is_it = |fault: &&Value| {
        let text =
            |pointer: &str| fault.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        text("/repository/project/key").eq_ignore_ascii_case(&repository.project)
            && text("/repository/slug").eq_ignore_ascii_case(&repository.slug)
    };
    let found = unserved.find(is_it);
    Ok(found.and_then(|fault| fault["message"].as_str()).map(str::to_owned))
}

fn print_outcome(output: OutputFormat, outcome: &Value, fault: Option<&str>) {
    if matches!(output, OutputFormat::Json) {
        return output.show(outcome, &[]);
    }
    let differences = outcome["differences"].as_array().cloned().unwrap_or_default();
    if let Some(fault) = fault {
        line(&format!("What is wrong here: {fault}."));
    }
    if outcome["hereIsReadable"] == false {
        line("Nothing can be read here. The mirror has:");
        output.list(&differences, &AT_MIRROR);
    } else {
        line("References that differ:");
        output.list(&differences, &DIFFERENCES);
    }
}
