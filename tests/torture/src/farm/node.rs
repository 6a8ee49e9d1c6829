//! A server as a process, with a disk, a clock and a line of its own.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use heliostat_machines::{ForgetfulDisk, KeptAddress, Relay, ShiftedClock, bare_repositories};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use super::ADMIN_PASSWORD;
use super::database::Database;
use super::line::{Line, Mode};
use crate::client::HttpClient;

/// How long a server may take to come up; a machine may have much else to do.
const START_PATIENCE: Duration = Duration::from_secs(5 * 60);
const PAUSE: Duration = Duration::from_millis(10);
/// How much of a log is shown.
const SHOWN_BYTES: u64 = 4 * 1024;

/// A server, running or not.
#[derive(Debug)]
pub struct Node {
    /// Its name, for people.
    pub name: String,
    /// What may forget; `None` where no such disk can be mounted.
    pub disk: Option<ForgetfulDisk>,
    /// Its time of day.
    pub clock: Option<ShiftedClock>,
    /// Whether a power cut may take what it has acknowledged.
    pub forgets: bool,
    listen: KeptAddress,
    line: Line,
    database: Option<Database>,
    binary: PathBuf,
    arguments: Vec<String>,
    log: PathBuf,
    folder: TempDir,
    child: Option<Child>,
}

impl Node {
    /// One that does not run yet and has no database.
    pub(super) fn new(
        name: &str,
        binary: &Path,
        listen: KeptAddress,
        line: Line,
        arguments: Vec<String>,
        log: PathBuf,
        with_faults: bool,
    ) -> anyhow::Result<Self> {
        File::create(&log).with_context(|| format!("cannot make {}", log.display()))?;
        Ok(Node {
            name: name.to_owned(),
            disk: if with_faults { ForgetfulDisk::new() } else { None },
            clock: if with_faults { ShiftedClock::new() } else { None },
            forgets: false,
            listen,
            line,
            database: None,
            binary: binary.to_owned(),
            arguments,
            log,
            folder: tempfile::Builder::new().prefix("heliostat-torture-").tempdir()?,
            child: None,
        })
    }

    pub(super) fn use_database(&mut self, database: Database) {
        self.database = Some(database);
    }

    /// Where it listens; clients go there, other servers go through the line.
    pub fn address(&self) -> SocketAddr {
        self.listen.address()
    }

    /// Where everything lies that it keeps.
    pub fn root(&self) -> &Path {
        self.disk.as_ref().map_or(self.folder.path(), ForgetfulDisk::path)
    }

    fn data(&self) -> PathBuf {
        self.root().join("data")
    }

    /// Its address for other servers.
    pub(super) fn base(&self) -> String {
        format!("http://{}", self.line.address)
    }

    /// What its line does to requests of other servers from now on.
    pub fn set_line(&self, mode: Mode) {
        self.line.set(mode);
    }

    /// How many times each fault of its line happened.
    pub(super) fn line_counts(&self) -> BTreeMap<&'static str, u64> {
        self.line.counts()
    }

    /// The line to its database, if that can be cut.
    pub fn database_line(&self) -> Option<&Relay> {
        self.database.as_ref().and_then(|database| database.line.as_ref())
    }

    /// Starts it and waits until it answers; how long that took. Call it from the main thread only: the kernel ends a
    /// server together with the thread that has started it.
    pub fn start(&mut self) -> anyhow::Result<Duration> {
        let started = Instant::now();
        let log = File::options().append(true).open(&self.log)?;
        let mut command = Command::new("setpriv");
        command.args(["--pdeathsig", "KILL"]).arg(&self.binary).args(&self.arguments);
        command.arg("--data").arg(self.data()).args(["--listen", &self.listen.to_string()]);
        command.args(["--base-url", &self.base()]);
        if let Some(database) = &self.database {
            command.args(["--database", &database.url]);
        }
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("HELIOSTAT_") {
                command.env_remove(name);
            }
        }
        command.env("HELIOSTAT_ADMIN_PASSWORD", ADMIN_PASSWORD);
        command.envs(self.clock.iter().flat_map(ShiftedClock::environment));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        self.child = Some(command.spawn().context("cannot run setpriv, of util-linux")?);
        let client = HttpClient::anonymous(self.address());
        while client.send("GET", "/status", "", &[]).is_err() {
            if let Some(end) = self.end() {
                bail!("{} ended at its start, {end}:\n{}", self.name, self.log_end());
            }
            if started.elapsed() > START_PATIENCE {
                bail!("{} did not come up:\n{}", self.name, self.log_end());
            }
            std::thread::sleep(PAUSE);
        }
        Ok(started.elapsed())
    }

    /// How it has ended, if it has ended by itself.
    pub fn end(&mut self) -> Option<String> {
        let status = self.child.as_mut()?.try_wait().ok()??;
        Some(status.to_string())
    }

    /// Kills the process at once, as `kill -9` does; those that it has started live on.
    pub fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }

    /// Kills the process and all that it has started, as they end when the power goes.
    pub fn kill_with_children(&mut self) {
        if let Some(id) = self.child.as_ref().map(Child::id) {
            for process in stopped_descendants(id) {
                signal(process, Signal::KILL);
            }
        }
        self.kill();
    }

    /// Lets the process stand still, as a machine does that hangs.
    pub fn hang(&self) {
        if let Some(id) = self.child.as_ref().map(Child::id) {
            signal(id, Signal::STOP);
        }
    }

    /// Ends [`Node::hang`].
    pub fn go_on(&self) {
        if let Some(id) = self.child.as_ref().map(Child::id) {
            signal(id, Signal::CONT);
        }
    }

    /// The bare repositories that it serves.
    pub fn repositories(&self) -> Vec<PathBuf> {
        bare_repositories(&self.data())
    }

    /// The last lines of its log.
    pub fn log_end(&self) -> String {
        let read = || -> std::io::Result<String> {
            let mut file = File::open(&self.log)?;
            let length = file.metadata()?.len();
            file.seek(SeekFrom::Start(length.saturating_sub(SHOWN_BYTES)))?;
            let mut bytes = Vec::new();
            file.read_to_end(&mut bytes)?;
            Ok(String::from_utf8_lossy(&bytes).into_owned())
        };
        read().unwrap_or_default()
    }

    /// Lines of its log that tell of a bug.
    pub fn panics(&self) -> Vec<String> {
        let log = std::fs::read(&self.log).unwrap_or_default();
        let log = String::from_utf8_lossy(&log).into_owned();
        log.lines().filter(|line| line.contains("panicked")).map(str::to_owned).collect()
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        self.kill_with_children();
    }
}

/// Sends a signal; a process that has just ended needs none.
fn signal(process: u32, signal: Signal) {
    if let Some(process) = i32::try_from(process).ok().and_then(Pid::from_raw) {
        let _ = kill_process(process, signal);
    }
}

/// The processes that this one has started, and those that they have. All of them stand still then, so that they start
/// nothing more.
fn stopped_descendants(process: u32) -> Vec<u32> {
    signal(process, Signal::STOP);
    let threads = std::fs::read_dir(format!("/proc/{process}/task")).into_iter().flatten().flatten();
    let lists = threads.filter_map(|thread| std::fs::read_to_string(thread.path().join("children")).ok());
    let children: Vec<u32> = lists
        .flat_map(|list| list.split_whitespace().filter_map(|id| id.parse().ok()).collect::<Vec<u32>>())
        .collect();
    children.iter().flat_map(|child| stopped_descendants(*child)).chain(children.iter().copied()).collect()
}
