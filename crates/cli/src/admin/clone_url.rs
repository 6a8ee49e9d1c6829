//! `heliostat clone-url`: where a repository is cloned from, for scripts: at the upstream, at a mirror, or at the nearest one.

use anyhow::Context;
use clap::Args;
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use reqwest::StatusCode;
use serde_json::{Value, json};
use url::Url;

use super::repository::RepositoryName;
use super::{Session, UpstreamConnection, api, named_resource};
use crate::client::{CallError, Client};
use crate::exit_code::NoSuchThing;
use crate::output::{self, OutputFormat};

/// Of which repository, and where.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  heliostat clone-url PRJ/site --mirror Saigon\n  git clone \"$(heliostat clone-url PRJ/site --near)\""
)]
pub struct CloneUrlOptions {
    /// Which, as in PROJ/slug.
    #[arg(value_name = "PROJ/SLUG")]
    repository: RepositoryName,
    /// At this mirror, by id or name; fails if it cannot be cloned there now [default: at the upstream].
    #[arg(long, value_name = "ID_OR_NAME", conflicts_with = "near")]
    mirror: Option<String>,
    /// At the preferred mirror of the caller, else at the one that answers first, of those where it can be cloned now; at the
    /// upstream if there is none.
    #[arg(long)]
    near: bool,
    #[command(flatten)]
    connection: UpstreamConnection,
}

/// Prints the address alone, or as JSON with whose it is and as of when.
pub async fn run(options: CloneUrlOptions) -> anyhow::Result<()> {
    let session = options.connection.open().await?;
    let repository = session.client.get(&options.repository.path()).send().await?;
    let found = match &options.mirror {
        Some(mirror) => at_mirror(&session, &repository, mirror).await?,
        None if options.near => match nearest(&session, &repository).await? {
            Some(found) => found,
            None => at_upstream(&repository)?,
        },
        None => at_upstream(&repository)?,
    };
    match session.output {
        OutputFormat::Table => output::line(found["url"].as_str().unwrap_or_default()),
        OutputFormat::Json => session.output.show(&found, &[]),
    }
    Ok(())
}

fn at_upstream(repository: &Value) -> anyhow::Result<Value> {
    let url = repository.pointer("/links/clone/0/href").and_then(Value::as_str);
    let url = url.context("the upstream does not say where the repository is cloned from")?;
    Ok(json!({ "url": url, "from": "upstream" }))
}

async fn at_mirror(session: &Session, repository: &Value, mirror: &str) -> anyhow::Result<Value> {
    let id = named_resource::mirror_id(&session.client, mirror).await?;
    let mirrors = mirrors_of(session, repository).await?;
    let descriptor = mirrors.iter().find(|descriptor| descriptor["mirrorServer"]["id"] == id.as_str());
    let not_there = || NoSuchThing(format!("the repository cannot be cloned from the mirror {mirror} now"));
    let found = ask(descriptor.ok_or_else(not_there)?).await?;
    Ok(found.ok_or_else(not_there)?)
}

/// The preferred mirror, else the one that answers first, of those where it can be cloned.
async fn nearest(session: &Session, repository: &Value) -> anyhow::Result<Option<Value>> {
    let mirrors = mirrors_of(session, repository).await?;
    let path = api::path(&api::MIRRORING, &["account", "settings", "preferred-mirror"]);
    let preferred = match session.client.get(&path).send().await {
        Ok(mirror) => mirror["id"].clone(),
        Err(error) if error.status() == Some(StatusCode::NOT_FOUND) => Value::Null,
        Err(error) => return Err(error.into()),
    };
    let is_preferred = |descriptor: &&Value| descriptor["mirrorServer"]["id"] == preferred;
    if let Some(descriptor) = mirrors.iter().find(is_preferred)
        && let Ok(Some(found)) = ask(descriptor).await
    {
        return Ok(Some(found));
    }
    let mut answers: FuturesUnordered<_> = mirrors.iter().map(ask).collect();
    while let Some(answer) = answers.next().await {
        // One that does not answer is no reason to give up: the upstream is always there.
        if let Ok(Some(found)) = answer {
            return Ok(Some(found));
        }
    }
    Ok(None)
}

async fn mirrors_of(session: &Session, repository: &Value) -> anyhow::Result<Vec<Value>> {
    let id = repository["id"].to_string();
    Ok(session.client.get(&api::path(&api::MIRRORING, &["repos", &id, "mirrors"])).all().await?)
}

/// Asks a mirror by the signed link to the repository; none if it cannot be cloned there now.
async fn ask(descriptor: &Value) -> Result<Option<Value>, CallError> {
    let link = descriptor.pointer("/links/self/0/href").and_then(Value::as_str);
    let Some(link) = link.and_then(|link| Url::parse(link).ok()) else { return Ok(None) };
    let told = Client::new(link, None).get(&[]).send().await.map_err(without_token)?;
    let url = told.pointer("/cloneUrls/0/href").and_then(Value::as_str);
    let Some(url) = url.filter(|_| told["available"] == true) else { return Ok(None) };
    Ok(Some(json!({
        "url": url,
        "from": "mirror",
        "mirror": descriptor["mirrorServer"]["name"],
        "mirrorId": descriptor["mirrorServer"]["id"],
        "lastComparisonDate": told["lastComparisonDate"],
        "generation": told["generation"],
        "upstreamGeneration": told["upstreamGeneration"],
    })))
}

/// The link is a key to the repository for some minutes: it must not stand in a message.
fn without_token(error: CallError) -> CallError {
    match error {
        CallError::Unreachable { mut url, reason } => {
            url.set_query(None);
            CallError::Unreachable { url, reason }
        }
        CallError::Strange { mut url, reason } => {
            url.set_query(None);
            CallError::Strange { url, reason }
        }
        other => other,
    }
}
