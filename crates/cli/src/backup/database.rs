//! The database in a backup: SQLite is copied here, PostgreSQL by its own programs.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use anyhow::{Context, bail};
use heliostat_git::sync_folder;
use heliostat_server::{DATABASE_FILE, copy_database};
use tokio::process::Command;
use url::Url;

/// A copy of a PostgreSQL database, in the form that `pg_restore` reads.
const DUMP_FILE: &str = "heliostat.dump";
/// What writes that copy.
const DUMP_PROGRAM: &str = "pg_dump";
/// How much of a program's complaint is told.
const MAX_COMPLAINT_CHARS: usize = 800;

/// The two kinds, as records of backups name them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Sqlite,
    Postgres,
}

impl Kind {
    /// The kind of the database at this address.
    pub fn of(url: &str) -> Self {
        match url.starts_with("postgres") {
            true => Self::Postgres,
            false => Self::Sqlite,
        }
    }

    /// Its name.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "sqlite",
            Self::Postgres => "postgres",
        }
    }

    /// The file that holds it in a backup.
    pub fn file_in(self, backup: &Path) -> PathBuf {
        backup.join(match self {
            Self::Sqlite => DATABASE_FILE,
            Self::Postgres => DUMP_FILE,
        })
    }
}

/// The program without which the database at this address cannot be backed up, if it is not to be found.
pub fn missing_program(url: &str) -> Option<&'static str> {
    let is_there =
        |path: OsString| std::env::split_paths(&path).any(|folder| folder.join(DUMP_PROGRAM).is_file());
    match Kind::of(url) {
        Kind::Sqlite => None,
        Kind::Postgres => (!std::env::var_os("PATH").is_some_and(is_there)).then_some(DUMP_PROGRAM),
    }
}

/// Copies the database at this address into the backup, while it is in use.
pub async fn back_up(url: &str, backup: &Path) -> anyhow::Result<()> {
    let kind = Kind::of(url);
    let into = kind.file_in(backup);
    match kind {
        Kind::Sqlite => match copy_database(url, &into).await {
            Ok(()) => Ok(()),
            Err(reason) => bail!("cannot copy the database: {reason}"),
        },
        Kind::Postgres => {
            let file = format!("--file={}", into.display());
            run(DUMP_PROGRAM, url, &["--format=custom", "--no-owner", "--no-privileges", &file]).await?;
            let written = std::fs::File::open(&into).and_then(|file| file.sync_all());
            written.with_context(|| format!("cannot bring {} to the disk", into.display()))
        }
    }
}

/// Makes the database at this address that of the backup: all of it or nothing.
pub async fn restore(url: &str, backup: &Path) -> anyhow::Result<()> {
    let kind = Kind::of(url);
    let from = kind.file_in(backup);
    match kind {
        Kind::Sqlite => {
            let path = url.strip_prefix("sqlite:").map(|path| path.strip_prefix("//").unwrap_or(path));
            let into = PathBuf::from(path.context("a database is sqlite:PATH or postgres://USER@HOST/NAME")?);
            let written = if into.exists() {
                Err(std::io::ErrorKind::AlreadyExists.into())
            } else {
                copy_durably(&from, &into)
            };
            written.with_context(|| format!("cannot write the database {}", into.display()))
        }
        Kind::Postgres => {
            let dump = from.to_str().context("the name of the backup is not text")?;
            let options = ["--no-owner", "--no-privileges", "--exit-on-error", "--single-transaction", dump];
            let restored = run("pg_restore", url, &options).await;
            restored.context("the database must be there and empty: create it with createdb")
        }
    }
}

fn copy_durably(from: &Path, into: &Path) -> std::io::Result<()> {
    std::fs::copy(from, into)?;
    std::fs::File::open(into)?.sync_all()?;
    std::path::absolute(into)?.parent().map_or(Ok(()), sync_folder)
}

/// Runs one of PostgreSQL's programs. The password goes by environment, because argument lists are public.
async fn run(program: &str, url: &str, arguments: &[&str]) -> anyhow::Result<()> {
    let mut address = Url::parse(url).ok().context("the database URL cannot be read")?;
    let password = address
        .password()
        .map(|password| percent_encoding::percent_decode_str(password).decode_utf8_lossy().into_owned());
    if address.set_password(None).is_err() && password.is_some() {
        bail!("the database URL cannot be read");
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "this program is not git, and runs at the operator's command"
    )]
    let mut command = Command::new(program);
    command.arg(format!("--dbname={address}")).args(arguments);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped()).kill_on_drop(true);
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    let output = command.output().await.with_context(|| {
        format!(
            "cannot run {program}, which copies PostgreSQL databases: install PostgreSQL's client programs"
        )
    })?;
    if output.status.success() {
        return Ok(());
    }
    let complaint: String =
        String::from_utf8_lossy(&output.stderr).chars().take(MAX_COMPLAINT_CHARS).collect();
    bail!("{program} failed ({}): {}", output.status, complaint.trim())
}
