//! `heliostat restore DIR --data NEW`: makes the data directory of a role from a backup.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::Args;
use heliostat_git::{blocking, sync_folder, sync_tree};
use serde_json::Value;

use super::database::{self, Kind};
use super::{FORMAT, RECORD_FILE, folders};
use crate::output::{self, OutputFormat, Progress};

/// A folder with this ending was not finished; it may be deleted.
const UNFINISHED: &str = ".restoring";

/// What is restored, and to where. Start the role with these options afterwards.
#[derive(Debug, Args)]
pub struct RestoreOptions {
    /// Directory that holds the backup. It is not changed.
    #[arg(value_name = "DIR")]
    backup: PathBuf,
    /// Data directory for the role: missing or empty.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", required = true)]
    data: PathBuf,
    /// Database for the role: of the kind that the backup holds, and missing (SQLite) or empty (PostgreSQL)
    /// [default: an SQLite file inside --data].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
    database: Option<String>,
}

/// Copies everything back. The data directory appears when it is whole.
pub async fn restore(options: RestoreOptions) -> anyhow::Result<()> {
    let (backup, data) = (options.backup.as_path(), options.data.as_path());
    let kind = kind_of(backup)?;
    match (kind, options.database.as_deref().map(Kind::of)) {
        (Kind::Sqlite, Some(Kind::Postgres)) => {
            bail!("this backup holds an SQLite database: leave --database out, or name a file by sqlite:PATH")
        }
        (Kind::Postgres, None | Some(Kind::Sqlite)) => {
            bail!("this backup holds a PostgreSQL database: name an empty one by --database postgres://...")
        }
        _ => {}
    }
    folders::take_empty(data, "--data")?;
    let draft = beside(data)?;
    folders::take_empty(&draft, "--data, or delete this one")?;
    let progress = Progress::start(OutputFormat::Table, &format!("Restoring {}", data.display()));
    progress.note("files and repositories");
    let (from, into, is_elsewhere) = (backup.to_owned(), draft.clone(), options.database.is_some());
    let copied = blocking(move || {
        folders::copy_tree(&from, &into)?;
        std::fs::remove_file(into.join(RECORD_FILE))?;
        if is_elsewhere {
            std::fs::remove_file(kind.file_in(&into))?;
        }
        sync_tree(&into)
    });
    copied.await.with_context(|| format!("cannot copy {} to {}", backup.display(), draft.display()))?;
    if let Some(url) = &options.database {
        progress.note("the database");
        database::restore(url, backup).await?;
    }
    let moved = std::fs::rename(&draft, data).and_then(|()| draft.parent().map_or(Ok(()), sync_folder));
    moved.with_context(|| format!("cannot move {} to {}", draft.display(), data.display()))?;
    progress.finish("done");
    output::line(&format!("Restored {}; start the role with this --data", data.display()));
    Ok(())
}

/// What kind of database a complete backup holds.
fn kind_of(backup: &Path) -> anyhow::Result<Kind> {
    let path = backup.join(RECORD_FILE);
    let text = std::fs::read_to_string(&path).with_context(|| {
        format!("{} is not a complete backup: cannot read {RECORD_FILE}", backup.display())
    })?;
    let record: Value =
        serde_json::from_str(&text).with_context(|| format!("cannot read {}", path.display()))?;
    if record["format"] != FORMAT {
        bail!("{} was written by another version of Heliostat: {}", backup.display(), record["version"]);
    }
    let kinds = [Kind::Sqlite, Kind::Postgres];
    let kind = kinds.into_iter().find(|kind| record["database"] == kind.as_str());
    let kind = kind.with_context(|| format!("{} names no database", path.display()))?;
    if !kind.file_in(backup).is_file() {
        bail!("{} has lost its file {}", backup.display(), kind.file_in(backup).display());
    }
    Ok(kind)
}

/// A folder beside the data directory, on the same file system.
fn beside(data: &Path) -> anyhow::Result<PathBuf> {
    let data = std::path::absolute(data).with_context(|| format!("cannot use {}", data.display()))?;
    let mut name = data.file_name().context("--data names no directory")?.to_owned();
    name.push(UNFINISHED);
    Ok(data.with_file_name(name))
}
