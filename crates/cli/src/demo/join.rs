//! Joins the mirror: waits until it asks, and accepts it as an administrator would.

use std::time::{Duration, Instant};

use anyhow::bail;
use serde_json::{Value, json};

use crate::client::Client;

/// A mirror asks as soon as it is up.
const ASK_TIMEOUT: Duration = Duration::from_secs(60);
const ASK_INTERVAL: Duration = Duration::from_millis(100);

/// Returns once the mirror of that name has joined. It has already when the data directory is used again.
pub async fn accept_mirror(upstream: &Client, name: &str) -> anyhow::Result<()> {
    let give_up_at = Instant::now() + ASK_TIMEOUT;
    while Instant::now() < give_up_at {
        let mirrors = upstream.get(&["rest", "mirroring", "latest", "mirrorServers"]).all().await?;
        if mirrors.iter().any(|mirror| text(mirror, "name") == Some(name)) {
            return Ok(());
        }
        let requests = upstream
            .get(&["rest", "mirroring", "latest", "requests"])
            .query("state", "PENDING")
            .all()
            .await?;
        let request = requests.iter().find(|request| text(request, "mirrorName") == Some(name));
        let shown =
            request.and_then(|request| Some((request.get("id")?.as_i64()?, &request["mirrorBaseUrl"])));
        match shown {
            Some((id, base_url)) => {
                let path = ["rest", "mirroring", "latest", "requests", &id.to_string(), "accept"];
                upstream.post(&path).body(json!({ "mirrorBaseUrl": base_url })).send().await?;
                return Ok(());
            }
            None => tokio::time::sleep(ASK_INTERVAL).await,
        }
    }
    bail!("the mirror did not ask to join within {} s", ASK_TIMEOUT.as_secs())
}

fn text<'a>(value: &'a Value, field: &str) -> Option<&'a str> {
    value.get(field).and_then(Value::as_str)
}
