//! `heliostat repository purge`: removes what no branch or tag leads to, everywhere, and says who has done it.

use std::str::FromStr;
use std::time::{Duration, Instant};

use anyhow::bail;
use clap::Args;
use serde_json::{Value, json};

use super::RepositoryName;
use crate::admin::UpstreamConnection;
use crate::options::duration;
use crate::output::{Column, OutputFormat, line};

/// How often it is asked how far it is.
const LOOK_PAUSE: Duration = Duration::from_millis(500);

/// Which repository is cleaned.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  heliostat repository purge PRJ/site --wait 5m\n  heliostat repository purge PRJ/site --status"
)]
pub struct PurgeCommand {
    /// Which, as in PROJ/slug.
    #[arg(value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str)]
    repository: RepositoryName,
    /// Only show how far the latest purge is.
    #[arg(long)]
    status: bool,
    /// How long to wait for the upstream and for mirrors; one that is away does it when it is back.
    #[arg(long, value_name = "TIME", default_value = "1m", value_parser = duration::parse)]
    wait: Duration,
    #[command(flatten)]
    connection: UpstreamConnection,
}

const PLACES: [Column; 5] = [
    Column::text("SERVER", "/name"),
    Column::text("STATE", "/state"),
    Column::time("DONE", "/doneAt"),
    Column::time("REPORTED", "/reportedDate"),
    Column::time("LAST SEEN", "/lastSeenDate"),
];

/// Orders it, unless only the state is wanted, and waits.
pub async fn run(command: PurgeCommand) -> anyhow::Result<()> {
    let session = command.connection.open().await?;
    let path = [command.repository.path(), vec!["purge"]].concat();
    let mut progress = match command.status {
        true => session.client.get(&path).send().await?,
        false => session.client.post(&path).send().await?,
    };
    let until = Instant::now() + command.wait;
    while !command.status && !is_done_where_known(&progress) && Instant::now() < until {
        tokio::time::sleep(LOOK_PAUSE).await;
        progress = session.client.get(&path).send().await?;
    }
    match session.output {
        OutputFormat::Json => session.output.show(&progress, &[]),
        OutputFormat::Table => session.output.list(&places(&progress), &PLACES),
    }
    if command.status {
        return Ok(());
    }
    if progress["state"] != "DONE" {
        bail!(
            "the upstream has not removed yet what no branch or tag of {} leads to; it goes on, and \
             `heliostat repository purge {} --status` tells when it has",
            command.repository,
            command.repository
        );
    }
    if matches!(session.output, OutputFormat::Table) {
        if !is_done_where_known(&progress) {
            line("Mirrors that are pending do it as soon as they can be reached.");
        }
        let unreported = names_of_unreported(&progress);
        if !unreported.is_empty() {
            let names = unreported.join(", ");
            line(&format!("Not waited for, because they never reported of this repository: {names}."));
            line("Those that mirror it do it as soon as they can be reached.");
        }
    }
    Ok(())
}

fn places(progress: &Value) -> Vec<Value> {
    let upstream = json!({
        "name": "upstream", "state": progress["state"], "doneAt": progress["doneAt"]
    });
    let mirrors = progress["mirrors"].as_array().cloned().unwrap_or_default();
    std::iter::once(upstream).chain(mirrors).collect()
}

/// Whether the upstream has done it, and each mirror that is known to have the repository: others may never report.
fn is_done_where_known(progress: &Value) -> bool {
    let mirrors = progress["mirrors"].as_array().into_iter().flatten();
    let mut known = mirrors.filter(|mirror| mirror["reportedDate"].is_number());
    progress["state"] != "PENDING" && known.all(|mirror| mirror["state"] != "PENDING")
}

/// The mirrors that are pending and have never reported of the repository.
fn names_of_unreported(progress: &Value) -> Vec<&str> {
    let mirrors = progress["mirrors"].as_array().into_iter().flatten();
    let unreported =
        mirrors.filter(|mirror| mirror["state"] == "PENDING" && !mirror["reportedDate"].is_number());
    unreported.filter_map(|mirror| mirror["name"].as_str()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_done_when_none_is_left_that_is_known_to_have_the_repository() {
        let of = |upstream: &str, mirror: &str| {
            let saigon = json!({ "name": "Saigon", "state": mirror, "reportedDate": 1 });
            json!({ "state": upstream, "mirrors": [saigon, { "name": "Lima", "state": "PENDING" }] })
        };
        assert!(is_done_where_known(&of("DONE", "DONE")));
        assert!(!is_done_where_known(&of("DONE", "PENDING")) && !is_done_where_known(&of("PENDING", "DONE")));
        assert_eq!(places(&of("DONE", "PENDING"))[1]["name"], "Saigon");
        assert_eq!(names_of_unreported(&of("DONE", "PENDING")), ["Lima"]);
    }
}
