//! A PostgreSQL server for the length of a test run, in a temporary directory and on a free loopback port.
//!
//! The server's programs are Debian's package; when they are missing and this is root, the package is installed.
//! PostgreSQL refuses to run as root, so root runs it as the package's user `postgres`.

use std::env;
use std::ffi::OsString;
use std::fs;
use std::iter;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::debian::{self, is_root};

const PROGRAMS: &str = "/usr/lib/postgresql";
const UNPRIVILEGED_USER: &str = "postgres";

/// A running server; it stops when this is dropped.
pub struct Postgres {
    programs: PathBuf,
    data: PathBuf,
    url: String,
    _folder: TempDir,
}

impl Postgres {
    /// Installs the programs if needed, makes an empty cluster and starts it.
    pub fn start() -> anyhow::Result<Self> {
        let programs = find_or_install()?;
        let folder = tempfile::Builder::new().prefix("heliostat-postgres-").tempdir()?;
        if is_root() {
            run(Command::new("chown").arg(UNPRIVILEGED_USER).arg(folder.path()))?;
        }
        let data = folder.path().join("data");
        let initdb = programs.join("initdb");
        run(unprivileged(&initdb)
            .args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "-D"])
            .arg(&data))?;
        let log = folder.path().join("log");
        let start = |port: u16| {
            let socket_folder = folder.path().display();
            let address = format!("-c listen_addresses=127.0.0.1 -p {port} -k {socket_folder}");
            // Nothing has to outlive this machine. With hundreds of databases, a process would be started ten times a
            // second to look after one of them.
            let options = format!(
                "{address} -c max_connections=500 -c fsync=off -c full_page_writes=off -c autovacuum=off"
            );
            let mut pg_ctl = unprivileged(&programs.join("pg_ctl"));
            pg_ctl.arg("-D").arg(&data).arg("-l").arg(&log).args(["-w", "-o", &options, "start"]);
            run(&mut pg_ctl)
        };
        let mut port = free_port()?;
        if start(port).is_err() {
            // Another program may have taken the port before the server did.
            port = free_port()?;
            start(port).with_context(|| fs::read_to_string(&log).unwrap_or_default())?;
        }
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        println!("PostgreSQL runs at {url}");
        Ok(Postgres { programs, data, url, _folder: folder })
    }

    /// The administrator's URL.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Where programs are looked for, these first: what Debian has in `/usr/bin` are scripts that look for them each time.
    pub fn search_path(&self) -> anyhow::Result<OsString> {
        let usual = env::var_os("PATH").unwrap_or_default();
        let folders = iter::once(self.programs.clone()).chain(env::split_paths(&usual));
        env::join_paths(folders).context("a folder of the variable PATH has a colon in its name")
    }

    /// The process that all others of the server are children of.
    pub fn process(&self) -> Option<u32> {
        let text = fs::read_to_string(self.data.join("postmaster.pid")).ok()?;
        text.lines().next()?.trim().parse().ok()
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let pg_ctl = self.programs.join("pg_ctl");
        let stopped = run(unprivileged(&pg_ctl).arg("-D").arg(&self.data).args(["-m", "immediate", "stop"]));
        if let Err(error) = stopped {
            eprintln!("PostgreSQL could not be stopped: {error:#}");
        }
    }
}

fn find_or_install() -> anyhow::Result<PathBuf> {
    if let Some(programs) = find() {
        return Ok(programs);
    }
    debian::install("postgresql")?;
    find().context("the package postgresql was installed, but its programs are not where Debian keeps them")
}

fn find() -> Option<PathBuf> {
    let versions = fs::read_dir(PROGRAMS).ok()?.flatten().map(|entry| entry.path().join("bin"));
    versions.filter(|programs| programs.join("initdb").is_file()).max()
}

fn unprivileged(program: &Path) -> Command {
    if !is_root() {
        return Command::new(program);
    }
    let mut command = Command::new("runuser");
    command.args(["-u", UNPRIVILEGED_USER, "--"]).arg(program);
    // The root user's folders may be closed to it.
    command.current_dir("/");
    command
}

fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

fn run(command: &mut Command) -> anyhow::Result<()> {
    let status = command.stdout(Stdio::null()).status().with_context(|| format!("cannot run {command:?}"))?;
    if !status.success() {
        bail!("{command:?} failed with {status}");
    }
    Ok(())
}
