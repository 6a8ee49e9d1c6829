//! `heliostat trash list|restore`: what lies in the trash of a data directory, and how to get it out again.
//!
//! Works on the directory itself, whether or not a role runs on it, and changes nothing in it: what is restored is a
//! copy, because only an upstream decides which repositories there are.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use heliostat_git::{DEFAULT_REF_MEMORY_BYTES, Git, RepositoryStore, TrashedRepository, clone_mirror};
use serde_json::{Value, json};

use crate::output::{Column, OutputFormat, Progress};

/// The folder of the repositories, below the data directory.
const REPOSITORIES_FOLDER: &str = "repositories";

/// What can be done with the trash.
#[derive(Debug, Subcommand)]
pub enum TrashCommand {
    /// List what lies in the trash, the oldest first.
    List {
        #[command(flatten)]
        place: Place,
        /// What is printed on standard output.
        #[arg(long, value_name = "FORM", env = "HELIOSTAT_OUTPUT", default_value = "table")]
        output: OutputFormat,
    },
    /// Copy a repository out of the trash, as a bare repository that `heliostat repository import` can bring to an upstream.
    Restore {
        /// Its name, as `trash list` shows it.
        #[arg(value_name = "NAME")]
        name: String,
        /// Directory to copy it to, which must not exist.
        #[arg(long, value_name = "DIR")]
        to: PathBuf,
        #[command(flatten)]
        place: Place,
    },
}

/// Whose trash it is.
#[derive(Debug, Args)]
pub struct Place {
    /// Data directory of an upstream or a mirror.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA")]
    data: PathBuf,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
}

const COLUMNS: [Column; 6] = [
    Column::text("NAME", "/name"),
    Column::time("SINCE", "/trashedAt"),
    Column::text("REASON", "/reason"),
    Column::text("REPOSITORY", "/path"),
    Column::text("ID AT UPSTREAM", "/externalId"),
    Column::text("DIRECTORY", "/directory"),
];

/// Runs one of them.
pub async fn run(command: TrashCommand) -> anyhow::Result<()> {
    match command {
        TrashCommand::List { place, output } => {
            let trashed = place.open().await?.trashed().await.context("cannot read the trash")?;
            output.list(&trashed.iter().map(shown).collect::<Vec<_>>(), &COLUMNS);
            Ok(())
        }
        TrashCommand::Restore { name, to, place } => {
            let store = place.open().await?;
            let trashed = store.trashed().await.context("cannot read the trash")?;
            let Some(found) = trashed.into_iter().find(|trashed| trashed.name == name) else {
                bail!("there is no {name:?} in the trash; see `heliostat trash list`");
            };
            copy(store.git(), &found, &to).await
        }
    }
}

async fn copy(git: &Git, trashed: &TrashedRepository, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        bail!("{} exists already; choose another directory", to.display());
    }
    let source = trashed.path.to_str().context("the path of the data directory is not UTF-8")?;
    let progress = Progress::start("Copying");
    clone_mirror(git, source, to, |_| {}).await.with_context(|| {
        format!("git cannot copy it; the repository itself is in {}", trashed.path.display())
    })?;
    progress.finish(&format!("Copied to {}", to.display()));
    Ok(())
}

impl Place {
    async fn open(&self) -> anyhow::Result<RepositoryStore> {
        let root = self.data.join(REPOSITORIES_FOLDER);
        if !root.is_dir() {
            bail!("{} is not the data directory of a role: it has no repositories", self.data.display());
        }
        let git = Git::discover(&self.git).await?;
        Ok(RepositoryStore::new(git, root, DEFAULT_REF_MEMORY_BYTES)?)
    }
}

fn shown(trashed: &TrashedRepository) -> Value {
    json!({
        "name": trashed.name,
        "localId": trashed.local_id,
        "trashedAt": trashed.trashed_at,
        "reason": trashed.reason.as_str(),
        "path": trashed.origin.path,
        "externalId": trashed.origin.external_id,
        "directory": trashed.path,
    })
}
