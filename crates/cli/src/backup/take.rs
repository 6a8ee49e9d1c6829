//! `heliostat backup DIR`: copies the database, then the repositories, of a role that may be running.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, bail};
use clap::Args;
use futures_util::StreamExt;
use heliostat_git::{
    CopyError, Git, OpenError, RepositoryStore, copy_repository, entries, sync_folder, write_durably,
};
use heliostat_peer::counted;
use heliostat_server::{DATABASE_FILE, DEFAULT_REF_MEMORY_BYTES, database_url, repositories_in};
use serde_json::json;

use super::database::{self, Kind};
use super::{FORMAT, RECORD_FILE, REPOSITORIES_FOLDER, folders};
use crate::output::{self, OutputFormat, Progress};

/// Repositories that are copied at the same time.
const PARALLEL_COPIES: usize = 4;
/// How often copying a repository is tried that changes under the reader's hands.
const MAX_ATTEMPTS: u32 = 3;
/// Other files of a data directory are small; one that is larger is not Heliostat's.
const MAX_FILE_BYTES: u64 = 1024 * 1024;
/// The file that a running role holds.
const LOCK_FILE: &str = "lock";

/// What is copied, and to where. Give the same options as to the role, which may be running.
#[derive(Debug, Args)]
pub struct BackupOptions {
    /// Directory for the copy: missing or empty.
    #[arg(value_name = "DIR")]
    target: PathBuf,
    /// Directory in which the role keeps its data.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", required = true)]
    data: PathBuf,
    /// Database of the role [default: an SQLite file inside --data].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
    database: Option<String>,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
}

/// Copies everything; a repository that cannot be copied does not keep the others from it, and fails the command.
pub async fn back_up(options: BackupOptions) -> anyhow::Result<()> {
    let (data, target) = (options.data.as_path(), options.target.as_path());
    if !repositories_in(data).is_dir() {
        bail!(
            "{} is not the data directory of a role: there is no folder repositories in it",
            data.display()
        );
    }
    let git = Git::discover(&options.git).await?;
    folders::take_empty(target, "DIR")?;
    let progress = Progress::start(OutputFormat::Table, &format!("Backing up {}", data.display()));
    progress.note("the database");
    let url = database_url(data, options.database.as_deref());
    database::back_up(&url, target).await?;
    copy_files(data, target).with_context(|| format!("cannot copy the files in {}", data.display()))?;
    let (copied, failures) = copy_repositories(&git, data, target, &progress).await?;
    progress.finish("done");
    if !failures.is_empty() {
        bail!("the backup is not complete: {}", failures.join("; "));
    }
    let record = json!({
        "format": FORMAT,
        "version": env!("CARGO_PKG_VERSION"),
        "database": Kind::of(&url).as_str(),
        "repositories": copied,
    });
    let written = write_durably(&target.join(RECORD_FILE), format!("{record:#}\n").as_bytes());
    written.with_context(|| format!("cannot complete the backup in {}", target.display()))?;
    let copied = counted(copied, "repository", "repositories");
    output::line(&format!("Backed up the database and {copied} into {}", target.display()));
    Ok(())
}

/// What a role keeps beside its database and its repositories: whose the directory is, and a generated password.
fn copy_files(data: &Path, target: &Path) -> io::Result<()> {
    for entry in entries(data)? {
        let entry = entry?;
        let name = entry.file_name();
        let is_ours = name.to_str().is_some_and(|name| name != LOCK_FILE && !name.starts_with(DATABASE_FILE));
        if is_ours && entry.file_type()?.is_file() && entry.metadata()?.len() <= MAX_FILE_BYTES {
            write_durably(&target.join(name), &std::fs::read(entry.path())?)?;
        }
    }
    sync_folder(target)
}

/// How many repositories were copied, and why others were not.
async fn copy_repositories(
    git: &Git,
    data: &Path,
    target: &Path,
    progress: &Progress,
) -> anyhow::Result<(u64, Vec<String>)> {
    let store = |folder| RepositoryStore::new(git.clone(), folder, DEFAULT_REF_MEMORY_BYTES);
    let from = store(repositories_in(data)).context("cannot read the repositories")?;
    let into = store(target.join(REPOSITORIES_FOLDER)).context("cannot write the copies of repositories")?;
    let ids = from.list().await.context("cannot list the repositories")?;
    let (total, done) = (ids.len() as u64, AtomicU64::new(0));
    let outcomes = futures_util::stream::iter(ids).map(|id| {
        let (from, into, done) = (&from, &into, &done);
        async move {
            let copied = copy_one(from, into, id).await;
            progress.step("repositories", done.fetch_add(1, Ordering::Relaxed) + 1, total);
            copied.with_context(|| format!("repository {id}"))
        }
    });
    let outcomes: Vec<_> = outcomes.buffer_unordered(PARALLEL_COPIES).collect().await;
    let mut copied = 0;
    let mut failures = Vec::new();
    for outcome in outcomes {
        match outcome {
            Ok(is_there) => copied += u64::from(is_there),
            Err(error) => failures.push(format!("{error:#}")),
        }
    }
    Ok((copied, failures))
}

/// Copies a repository; `false` when it was deleted meanwhile.
async fn copy_one(from: &RepositoryStore, into: &RepositoryStore, id: u64) -> anyhow::Result<bool> {
    let mut attempt = 1;
    loop {
        let source = match from.open(id).await {
            Err(OpenError::Missing(_)) => return Ok(false),
            source => source?,
        };
        match copy_repository(&source, into).await {
            // A file may have been replaced by another one between two looks at the folder.
            Err(CopyError::Git(error)) if attempt < MAX_ATTEMPTS => {
                tracing::info!(
                    repository.id = id,
                    error = &error as &dyn std::error::Error,
                    "copying once more"
                );
                attempt += 1;
            }
            copied => return Ok(copied.map(|()| true)?),
        }
    }
}
