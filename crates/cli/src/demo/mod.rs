//! `heliostat demo`: both roles in this process, with a real repository that can be cloned from either.
//!
//! Everything goes over the same paths as in earnest: REST, git over HTTP, join, events. Nothing is simulated.

mod check;
mod example_repository;
mod follow_push;
mod join;
mod stage;
mod story;
mod synchronisation;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, bail};
use clap::Args;
use heliostat_server::RunningRole;
use tempfile::TempDir;

use crate::options::{LogFormat, parse_level, start_log};
use crate::output;
use crate::role::lifecycle::{self, StopSignal};

/// How long clones of the demonstration may take to finish.
const DRAIN_TIMEOUT: Duration = Duration::from_secs(5);

/// Options of the demonstration.
#[derive(Debug, Args)]
pub struct DemoOptions {
    /// Directory for the data of both roles; it is kept, and can be used again
    /// [default: a temporary one, removed at the end].
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,
    /// Repository to import [default: the checkout in the current directory or above, else a small one made up].
    #[arg(long, value_name = "PATH")]
    repository: Option<PathBuf>,
    /// Clone from the mirror, compare it with the upstream, and end: 0 when all is well [default: run until Ctrl-C].
    #[arg(long)]
    check: bool,
    /// Port of the upstream; the mirror gets the next one. A port that is taken is an error then
    /// [default: 7990, or any free one].
    #[arg(long, value_name = "PORT", value_parser = clap::value_parser!(u16).range(1..=65534))]
    port: Option<u16>,
    /// Print one line of JSON once all is ready, with addresses, user and password, and the story on standard error.
    #[arg(long, conflicts_with = "check")]
    json: bool,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    git: PathBuf,
    /// Form of the log on standard error.
    #[arg(long, value_name = "FORM", env = "HELIOSTAT_LOG_FORMAT", default_value = "text")]
    log_format: LogFormat,
    /// What is logged: error, warn, info, debug, trace, or a list such as info,heliostat_access=off.
    #[arg(long, value_name = "LEVEL", env = "HELIOSTAT_LOG_LEVEL", default_value = "warn", value_parser = parse_level)]
    log_level: String,
}

/// Tells the story, then runs until Ctrl-C, or checks and ends.
pub async fn run(options: DemoOptions) -> anyhow::Result<()> {
    let log_level = start_log(options.log_format, &options.log_level);
    let data = DataDirectory::choose(options.data.as_deref())?;
    let mut stop = StopSignal::listen()?;
    let mut roles = Roles::default();
    // The roles live outside the story, so that they are drained wherever it stops.
    let outcome = tokio::select! {
        outcome = story::tell(&options, data.path(), &mut roles, log_level) => outcome,
        () = stop.received() => stopped_early(&options),
    };
    roles.shutdown(&mut stop).await;
    outcome
}

/// Tells a person what has happened. A program reads standard output.
fn say(options: &DemoOptions, text: &str) {
    if options.json { output::hint(text) } else { output::line(text) }
}

fn stopped_early(options: &DemoOptions) -> anyhow::Result<()> {
    if options.check {
        bail!("stopped before the check was over");
    }
    say(options, &format!("Stopping; clones may take {} seconds to finish", DRAIN_TIMEOUT.as_secs()));
    Ok(())
}

/// The roles that have been started so far.
#[derive(Default)]
struct Roles {
    upstream: Option<RunningRole>,
    mirror: Option<RunningRole>,
}

impl Roles {
    /// The mirror first: it talks to the upstream until its end.
    async fn shutdown(self, stop: &mut StopSignal) {
        for role in [self.mirror, self.upstream].into_iter().flatten() {
            lifecycle::drain(role, DRAIN_TIMEOUT, stop).await;
        }
    }
}

/// Where both roles keep their data.
enum DataDirectory {
    Kept(PathBuf),
    Temporary(TempDir),
}

impl DataDirectory {
    fn choose(wanted: Option<&Path>) -> anyhow::Result<Self> {
        let Some(directory) = wanted else {
            let temporary = tempfile::Builder::new().prefix("heliostat-demo-").tempdir();
            return Ok(Self::Temporary(temporary.context("cannot make a temporary directory")?));
        };
        std::fs::create_dir_all(directory)
            .with_context(|| format!("cannot make the directory {}", directory.display()))?;
        let absolute =
            directory.canonicalize().with_context(|| format!("cannot use {}", directory.display()))?;
        Ok(Self::Kept(absolute))
    }

    fn path(&self) -> &Path {
        match self {
            Self::Kept(path) => path,
            Self::Temporary(directory) => directory.path(),
        }
    }
}
