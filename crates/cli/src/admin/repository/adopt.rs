//! `heliostat repository adopt`: repositories on the upstream's disk that no record knows.

use std::str::FromStr;

use clap::Args;
use serde_json::{Value, json};

use super::{FIELDS, RepositoryName};
use crate::admin::{UpstreamConnection, api};
use crate::output::{Column, OutputFormat, line};

/// Which repository is taken over, and as what.
#[derive(Debug, Args)]
#[command(after_help = "Examples:\n  heliostat repository adopt\n  heliostat repository adopt 42 PRJ/site")]
pub struct AdoptCommand {
    /// Its number on the disk [default: list what is there].
    #[arg(requires = "repository")]
    number: Option<u32>,
    /// What it is to be called, as in PROJ/name.
    #[arg(value_name = "PROJ/NAME", value_parser = RepositoryName::from_str)]
    repository: Option<RepositoryName>,
    #[command(flatten)]
    connection: UpstreamConnection,
}

const UNRECORDED: [Column; 4] = [
    Column::text("NUMBER", "/number"),
    Column::text("DEFAULT BRANCH", "/defaultBranch"),
    Column::text("REFERENCES", "/references"),
    Column::text("IDENTITY", "/identity"),
];

const UNSERVED: [Column; 5] = [
    Column::text("PROJECT", "/repository/project/key"),
    Column::text("SLUG", "/repository/slug"),
    Column::text("ID", "/repository/id"),
    Column::text("FAULT", "/fault"),
    Column::text("WHAT WAS FOUND", "/message"),
];

/// Takes it over, or lists what there is.
pub async fn run(command: AdoptCommand) -> anyhow::Result<()> {
    let session = command.connection.open().await?;
    let (Some(number), Some(repository)) = (command.number, command.repository) else {
        let faults =
            session.client.get(&api::path(&api::CORE, &["admin", "repository-faults"])).send().await?;
        print_faults(session.output, &faults);
        return Ok(());
    };
    let path = api::path(&api::CORE, &["admin", "repository-faults", "adopt"]);
    let body = json!({"number": number, "projectKey": repository.project, "name": repository.slug});
    let adopted = session.client.post(&path).body(body).send().await?;
    session.output.show(&adopted, &FIELDS);
    Ok(())
}

fn print_faults(output: OutputFormat, faults: &Value) {
    if matches!(output, OutputFormat::Json) {
        return output.show(faults, &[]);
    }
    let list = |name: &str| faults[name].as_array().cloned().unwrap_or_default();
    let (unrecorded, unserved) = (list("unrecorded"), list("unserved"));
    line("On the disk without a record (heliostat repository adopt NUMBER PROJ/NAME takes one over):");
    output.list(&unrecorded, &UNRECORDED);
    line("");
    line(
        "Recorded and not served (heliostat repository restore PROJ/SLUG --from-mirror NAME brings back what a mirror has):",
    );
    output.list(&unserved, &UNSERVED);
    if faults["complete"] == false {
        line("");
        line(
            "The server was started a moment ago and has not looked at every repository yet: there may be more.",
        );
    }
}
