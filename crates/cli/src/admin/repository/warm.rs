//! `heliostat repository warm`: has a mirror compute the answers that builds are about to ask for.
//!
//! It asks with git, as builds do, and throws away what comes: the mirror keeps what it has computed and sends that to all who
//! ask the same.

use std::path::PathBuf;
use std::time::Instant;

use anyhow::Context;
use clap::Args;
use heliostat_git::Git;
use reqwest::StatusCode;
use serde_json::json;

use super::{RepositoryName, clone_url};
use crate::admin::api;
use crate::admin::connection::{MirrorConnection, Session};
use crate::client::CallError;
use crate::local_git::UserGit;
use crate::output::Column;

/// What is asked for, and where.
#[derive(Debug, Args)]
#[command(
    after_help = "Examples:\n  heliostat repository warm PRJ/site --mirror-url https://saigon.example.com\n  heliostat repository warm PRJ/site --depth 1 --depth 50 \\\n      --mirror-url https://saigon.example.com"
)]
pub struct WarmCommand {
    /// Which, as in PROJ/slug.
    #[arg(value_name = "PROJ/SLUG")]
    repository: RepositoryName,
    /// Shallow clones of this many commits; give it again for more [default: a full clone].
    #[arg(long = "depth", value_name = "COMMITS", value_parser = clap::value_parser!(u32).range(1..))]
    depths: Vec<u32>,
    /// Partial clones, as in blob:none [default: clones with all objects].
    #[arg(long, value_name = "FILTER")]
    filter: Option<String>,
    /// Branch or tag that builds clone [default: the default branch].
    #[arg(long, value_name = "NAME")]
    branch: Option<String>,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
    #[command(flatten)]
    connection: MirrorConnection,
}

const COLUMNS: [Column; 3] = [
    Column::text("REPOSITORY", "/repository"),
    Column::text("DEPTH", "/depth"),
    Column::text("MS", "/durationMs"),
];

/// Clones, and tells how long each took.
pub async fn run(command: WarmCommand) -> anyhow::Result<()> {
    let git = Git::discover(&command.git).await?;
    let session = command.connection.open().await?;
    let git = UserGit::of(&git).authorized(session.authorization());
    let address = clone_url(session.client.base_url(), &command.repository);
    let depths: Vec<Option<u32>> = match command.depths.as_slice() {
        [] => vec![None],
        depths => depths.iter().copied().map(Some).collect(),
    };
    let mut warmed = Vec::with_capacity(depths.len());
    for depth in depths {
        let scratch = tempfile::tempdir().context("cannot make a temporary directory")?;
        let mut arguments = vec!["clone".to_owned(), "--quiet".to_owned(), "--bare".to_owned()];
        arguments.extend(depth.map(|depth| format!("--depth={depth}")));
        arguments.extend(command.filter.as_ref().map(|filter| format!("--filter={filter}")));
        arguments.extend(command.branch.as_ref().map(|branch| format!("--branch={branch}")));
        arguments.extend(["--".to_owned(), address.to_string(), "copy.git".to_owned()]);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let started = Instant::now();
        if let Err(failed) = git.run(scratch.path(), &arguments).await {
            let failed = refusal_of(&session, &command.repository).await.map_or(failed, Into::into);
            return Err(failed.context(format!("cannot clone {} from {address}", command.repository)));
        }
        let duration_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let depth = depth.map_or("full".to_owned(), |depth| depth.to_string());
        warmed.push(json!({
            "repository": command.repository.to_string(), "depth": depth, "durationMs": duration_ms
        }));
    }
    session.output.list(&warmed, &COLUMNS);
    Ok(())
}

/// Why the mirror does not let the repository be cloned, if that is why git has failed: git tells it in words alone, and the
/// exit code goes by the status.
async fn refusal_of(session: &Session, repository: &RepositoryName) -> Option<CallError> {
    let path = format!("/scm/{}/{}.git", repository.project.to_lowercase(), repository.slug);
    let ensure = api::path(&api::MIRRORING, &["servedRepos", "ensure"]);
    let asked = session.client.post(&ensure).body(json!({"repository": path, "wait": 0})).send().await;
    // A mirror that is behind can be cloned from.
    asked.err().filter(|error| error.status() != Some(StatusCode::CONFLICT))
}
