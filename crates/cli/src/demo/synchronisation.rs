//! Shows the first synchronisation of the mirror until it holds the repository.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;

use crate::admin::mirror_settings::{followed_upstream, progress_of, show_progress};
use crate::admin::repository::RepositoryName;
use crate::client::{CallError, Client};
use crate::output::{OutputFormat, Progress};

/// Enough for a large repository on a slow disk.
const SYNC_TIMEOUT: Duration = Duration::from_secs(30 * 60);
const PROGRESS_INTERVAL: Duration = Duration::from_millis(100);

/// Returns once the mirror says that the repository can be cloned from it.
pub async fn show(upstream: &Client, mirror: &Client, repository: &RepositoryName) -> anyhow::Result<()> {
    let found = upstream.get(&repository.path()).send().await?;
    let id = found
        .get("id")
        .and_then(Value::as_i64)
        .context("the upstream gave no id for the repository")?
        .to_string();
    let shown = Progress::start(OutputFormat::Table, "Synchronizing");
    let give_up_at = Instant::now() + SYNC_TIMEOUT;
    let mut last_state = String::from("not known to the mirror");
    while Instant::now() < give_up_at {
        match state_of(mirror, &id, &shown).await {
            Ok(State { is_available: true, .. }) => {
                shown.finish("Synchronized");
                return Ok(());
            }
            Ok(state) => last_state = state.shown,
            // Until it has joined, the mirror knows neither the administrator nor the repository.
            Err(error) => last_state = error.to_string(),
        }
        tokio::time::sleep(PROGRESS_INTERVAL).await;
    }
    bail!("{repository} was not synchronised within {} s: {last_state}", SYNC_TIMEOUT.as_secs())
}

struct State {
    is_available: bool,
    shown: String,
}

async fn state_of(mirror: &Client, repository_id: &str, shown: &Progress) -> anyhow::Result<State> {
    let (upstream_id, _) = followed_upstream(mirror, None).await?;
    show_progress(shown, &progress_of(mirror, &upstream_id).await?);
    let path = ["rest", "mirroring", "latest", "upstreamServers", &upstream_id, "repos", repository_id];
    let repository: Result<Value, CallError> = mirror.get(&path).send().await;
    let repository = repository?;
    let text = |field| repository.get(field).and_then(Value::as_str).unwrap_or_default();
    let is_available = text("status") == "AVAILABLE";
    Ok(State { is_available, shown: format!("{} {}", text("status"), text("lastError")).trim().to_owned() })
}
