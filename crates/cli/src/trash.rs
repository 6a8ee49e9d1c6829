//! `heliostat trash list|restore`: what lies in the trash of a data directory, and how to get it out again.
//!
//! Works on the directory itself, whether or not a role runs on it. Only an upstream decides which repositories there are:
//! there a repository goes back to its place, and is adopted by `heliostat repository adopt`. A mirror takes back by itself
//! what its upstream has again. From either a copy can be taken.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use heliostat_git::{
    DEFAULT_REF_MEMORY_BYTES, Git, RepositoryStore, SourceAccess, TakeBackError, TrashedRepository,
    clone_mirror,
};
use heliostat_server::{Role, folder_role};
use serde_json::{Value, json};

use crate::output::{Column, OutputFormat, Progress, line};

/// The folder of the repositories, below the data directory.
const REPOSITORIES_FOLDER: &str = "repositories";

/// What can be done with the trash.
#[derive(Debug, Subcommand)]
pub enum TrashCommand {
    /// List what lies in the trash, the oldest first.
    #[command(
        after_help = "Examples:\n  heliostat trash list --data /srv/upstream\n  heliostat trash list --data /srv/saigon --output json"
    )]
    List {
        #[command(flatten)]
        place: Place,
        /// What is printed on standard output.
        #[arg(long, value_name = "FORM", env = "HELIOSTAT_OUTPUT", default_value = "table")]
        output: OutputFormat,
    },
    /// Put a repository of an upstream back in its place, or copy one of either role out of the trash.
    #[command(
        after_help = "Examples:\n  heliostat trash restore 42-1764351000123 --data /srv/upstream\n  heliostat trash restore 42-1764351000123 --data /srv/saigon \\\n      --to /tmp/site.git"
    )]
    Restore {
        /// Its name, as `trash list` shows it.
        #[arg(value_name = "NAME")]
        name: String,
        /// Directory to copy it to, which must not exist: a bare repository that `heliostat repository import` can bring
        /// to an upstream [default: put it back in its place].
        #[arg(long, value_name = "DIR")]
        to: Option<PathBuf>,
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
            match to {
                Some(to) => copy(store.git(), &found, &to).await,
                None => put_back(&store, &place.data, &found).await,
            }
        }
    }
}

async fn put_back(store: &RepositoryStore, data: &Path, trashed: &TrashedRepository) -> anyhow::Result<()> {
    let (name, number) = (&trashed.name, trashed.local_id);
    let path = trashed.origin.path.as_deref().unwrap_or("PROJECT/NAME");
    if folder_role(data).map_err(anyhow::Error::msg)? == Some(Role::Mirror) {
        let (project, slug) = path.split_once('/').unwrap_or((path, "NAME"));
        bail!(
            "a mirror has what its upstream has, and takes {name} back when the upstream has it again. Put it back there from \
             the upstream's own trash; if it is not there, by: heliostat repository import {} --project {project} --name {slug}",
            trashed.path.display()
        );
    }
    match store.take_back(name, number).await {
        Ok(_) => {}
        Err(TakeBackError::Exists(number)) => bail!(
            "another repository has the number {number} by now; copy {name} out of the trash by --to DIR, and import the copy"
        ),
        Err(error) => return Err(error.into()),
    }
    line(&format!("Put back as repository {number}, which has no record yet. To have it served:"));
    line(&format!("heliostat repository adopt {number} {path}"));
    Ok(())
}

async fn copy(git: &Git, trashed: &TrashedRepository, to: &Path) -> anyhow::Result<()> {
    if to.exists() {
        bail!("{} exists already; choose another directory", to.display());
    }
    let source = trashed.path.to_str().context("the path of the data directory is not UTF-8")?;
    let progress = Progress::start(OutputFormat::Table, "Copying");
    clone_mirror(git, source, to, &SourceAccess::default(), |_| {}).await.with_context(|| {
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
