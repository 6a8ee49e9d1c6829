//! `heliostat mirror status`: how far a mirror is behind its upstream, as a whole and repository by repository, and why.

use anyhow::{Context, bail};
use clap::Args;
use reqwest::StatusCode;
use serde_json::Value;
use url::Url;

use super::connection::MirrorConnection;
use super::held_back;
use super::mirror_settings::followed_upstream;
use super::repository::RepositoryName;
use super::{Session, api};
use crate::exit_code::NoSuchThing;
use crate::output::{self, Column, OutputFormat};

/// Which status.
#[derive(Debug, Args)]
pub struct Status {
    /// Only this repository, as PROJECT/SLUG [default: the mirror as a whole, and all repositories that are behind].
    #[arg(value_name = "REPOSITORY")]
    repository: Option<RepositoryName>,
    #[command(flatten)]
    connection: MirrorConnection,
}

const AS_A_WHOLE: [Column; 18] = [
    Column::text("STATE", "/state"),
    Column::text("HEALTH", "/health"),
    Column::text("REASON", "/reason"),
    Column::text("UPSTREAM", "/upstream/baseUrl"),
    Column::text("LINK", "/upstream/state"),
    Column::text("REACHABLE", "/upstream/reachable"),
    Column::time("LAST CONTACT", "/upstream/lastContactDate"),
    Column::time("LAST COMPARISON", "/upstream/lastComparisonDate"),
    Column::time("LAST SYNCHRONIZED", "/lastSyncDate"),
    Column::time("NOT KNOWN SINCE", "/notKnownSince"),
    Column::text("LAG (MS)", "/lagMillis"),
    Column::text("LAG LIMIT (MS)", "/lagLimitMillis"),
    Column::text("CLOCK SKEW (MS)", "/upstream/clockSkewMillis"),
    Column::text("REPOSITORIES", "/mirroredRepos"),
    Column::text("IN STEP", "/inStepRepos"),
    Column::text("FAILING", "/repositoriesInError"),
    Column::text("IN REPAIR", "/repositoriesInRepair"),
    Column::text("HELD BACK", "/heldRepos"),
];

/// Of a mirror of another Git server.
const OF_ORIGIN_MIRROR: [Column; 11] = [
    Column::text("STATE", "/state"),
    Column::text("HEALTH", "/health"),
    Column::text("REASON", "/reason"),
    Column::text("ORIGIN", "/origin/baseUrl"),
    Column::text("REACHABLE", "/origin/reachable"),
    Column::time("LAST CONTACT", "/origin/lastContactDate"),
    Column::time("AWAY SINCE", "/origin/awaySince"),
    Column::text("REPOSITORIES", "/repositories"),
    Column::text("AT MOST", "/maxRepositories"),
    Column::text("BYTES", "/sizeBytes"),
    Column::text("AT MOST (BYTES)", "/maxSizeBytes"),
];

const BEHIND: [Column; 8] = [
    Column::text("PROJECT", "/projectKey"),
    Column::text("SLUG", "/repositorySlug"),
    Column::time("BEHIND SINCE", "/behindSince"),
    Column::text("GENERATION", "/generation"),
    Column::text("UPSTREAM", "/upstreamGeneration"),
    Column::time("LAST SYNCHRONIZED", "/lastSyncDate"),
    Column::text("FAILURES", "/failedSyncCount"),
    Column::whole("REASON", "/lastError"),
];

const OF_ONE: [Column; 13] = [
    Column::text("ID", "/repositoryId"),
    Column::text("STATUS", "/status"),
    Column::text("AVAILABLE", "/available"),
    Column::text("GENERATION", "/generation"),
    Column::text("UPSTREAM", "/upstreamGeneration"),
    Column::time("BEHIND SINCE", "/behindSince"),
    Column::time("LAST SYNCHRONIZED", "/lastSyncDate"),
    Column::time("LAST COMPARISON", "/lastComparisonDate"),
    Column::time("NOT KNOWN SINCE", "/notKnownSince"),
    Column::text("HELD BACK", "/heldBack/reason"),
    Column::time("HELD BACK SINCE", "/heldBack/since"),
    Column::text("FAILURES", "/failedSyncCount"),
    Column::text("REASON", "/lastError"),
];

/// Shows it. A mirror that must not take traffic is an error, after it was shown.
pub async fn show(status: Status) -> anyhow::Result<()> {
    let wanted = status.connection.upstream_id.clone();
    if let Some(repository) = status.repository {
        let session = status.connection.open().await?;
        return show_repository(&session, wanted.as_deref(), &repository).await;
    }
    // This much is told to everybody.
    let (client, output) = status.connection.open_as_given()?;
    let (code, told) = client.get(&["status"]).report().await?;
    if told.get("origin").is_some() {
        output.show(&told, &OF_ORIGIN_MIRROR);
        return Ok(());
    }
    if told.get("upstream").is_none() {
        return Err(not_of_a_mirror(client.base_url(), &told).into());
    }
    show_mirror(&status.connection.open().await?, code, told).await
}

/// An upstream has a status as well, and a good one says nothing of any mirror.
fn not_of_a_mirror(url: &Url, told: &Value) -> NoSuchThing {
    // The upstream alone says which version it is.
    let found = match told.get("version") {
        Some(_) => "is in the upstream role",
        None => "does not say which server it mirrors",
    };
    NoSuchThing(format!(
        "the server at {url} {found}; this command asks one in the mirror or origin-mirror role: give its address by --mirror-url"
    ))
}

async fn show_mirror(session: &Session, code: StatusCode, mut status: Value) -> anyhow::Result<()> {
    let behind = session
        .client
        .get(&api::path(&api::MIRRORING, &["mirrorRepos", "delayed-sync"]))
        .query("delayThreshold", "0");
    match behind.send().await {
        Ok(behind) => show_both(session.output, &mut status, behind),
        Err(error) => {
            session.output.show(&status, &AS_A_WHOLE);
            output::hint(&format!("the repositories that are behind cannot be listed: {error}"));
        }
    }
    if code != StatusCode::OK {
        bail!("the mirror at {} must not take traffic now", session.client.base_url());
    }
    Ok(())
}

fn show_both(output: OutputFormat, status: &mut Value, behind: Value) {
    if output == OutputFormat::Json {
        status["behind"] = behind;
        return output.show(status, &AS_A_WHOLE);
    }
    output.show(status, &AS_A_WHOLE);
    let behind = behind.as_array().cloned().unwrap_or_default();
    if !behind.is_empty() {
        output::line("");
        output.list(&behind, &BEHIND);
    }
}

async fn show_repository(
    session: &Session,
    wanted: Option<&str>,
    repository: &RepositoryName,
) -> anyhow::Result<()> {
    let RepositoryName { project, slug } = repository;
    let place = ["supportInfo", "projects", project, "repos", slug, "repoSyncStatus"];
    let known = session.client.get(&api::path(&api::MIRRORING, &place)).send().await?;
    let external_id = known.get("externalRepoId").and_then(Value::as_str);
    let external_id =
        external_id.context("the mirror does not say which repository of its upstream this is")?;
    let (upstream, _) = followed_upstream(&session.client, wanted).await?;
    let place = ["upstreamServers", &upstream, "repos", external_id];
    let mut found = session.client.get(&api::path(&api::MIRRORING, &place)).send().await?;
    // It is available, and looks as if nothing were wrong with it.
    let held = match held_back::entry_of(&session.client, &upstream, external_id).await {
        Ok(held) => held,
        Err(error) => {
            output::hint(&format!("whether it is held back cannot be told: {error:#}"));
            None
        }
    };
    let meaning = held.as_ref().map(held_back::meaning);
    if let Some(held) = held {
        found["heldBack"] = held;
    }
    session.output.show(&found, &OF_ONE);
    if let Some(meaning) = meaning {
        output::hint(&format!(
            "It is held back: {meaning}. The mirror serves what it has until an administrator has decided.\n\
             See all that is held back, and what to do, by: heliostat mirror held-back"
        ));
    }
    Ok(())
}
