//! Servers as processes: started on free loopback ports in temporary folders, stopped when dropped.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use tempfile::TempDir;

use crate::process::{self, without_settings};
use crate::scratch;
use crate::site::Site;

/// The administrator's password of every upstream that a benchmark starts.
pub const ADMIN_PASSWORD: &str = "correct horse battery staple";
/// What `/metrics` of every server that a benchmark starts asks for: some do not listen at loopback.
pub const METRICS_TOKEN: &str = "correct-horse-battery-staple";
/// How long a server may take to come up, also one with very many repositories.
const START_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a server may take to end after it was asked to.
const STOP_TIMEOUT: Duration = Duration::from_secs(10);
/// So many of the last lines of a log are shown when something fails.
const SHOWN_LOG_LINES: usize = 20;

/// A running server.
#[derive(Debug)]
pub struct Server {
    name: String,
    child: Child,
    base_url: String,
    folder: TempDir,
    /// Counts its processes, and is removed after they have ended.
    site: Option<Site>,
}

impl Server {
    /// Starts an upstream with an empty data folder.
    pub fn upstream(binary: &Path, site: &Site) -> anyhow::Result<Self> {
        Self::upstream_in(binary, site, scratch::folder("upstream")?)
    }

    /// The same with these settings.
    pub fn upstream_with(binary: &Path, site: &Site, settings: &[&str]) -> anyhow::Result<Self> {
        Self::start_role(binary, "upstream", site, scratch::folder("upstream")?, settings)
    }

    /// Starts an upstream with the data that another one has left.
    pub fn upstream_in(binary: &Path, site: &Site, folder: TempDir) -> anyhow::Result<Self> {
        Self::start_role(binary, "upstream", site, folder, &[])
    }

    /// Starts a mirror with an empty data folder and these settings; it asks to join at once.
    pub fn mirror(
        binary: &Path,
        upstream: &str,
        name: &str,
        site: &Site,
        settings: &[&str],
    ) -> anyhow::Result<Self> {
        let arguments = [&["--upstream", upstream, "--name", name][..], settings].concat();
        Self::start_role(binary, "mirror", site, scratch::folder("mirror")?, &arguments)
    }

    /// Starts a mirror of a Git server that is not ours.
    pub fn mirror_of_origin(binary: &Path, origin: &str, site: &Site) -> anyhow::Result<Self> {
        Self::start_role(binary, "mirror", site, scratch::folder("mirror")?, &["--origin", origin])
    }

    /// Starts a role as `heliostat <role>` does it, all other settings at their defaults but where and what.
    fn start_role(
        binary: &Path,
        role: &str,
        site: &Site,
        folder: TempDir,
        arguments: &[&str],
    ) -> anyhow::Result<Self> {
        let address = site.free_address()?;
        let scheme = if arguments.contains(&"--tls-certificate") { "https" } else { "http" };
        let mut command = site.command(binary);
        command
            .arg(role)
            .arg("--data")
            .arg(data_in(&folder))
            // A server that listens beyond loopback wants to be told what its clients see.
            .args([
                "--listen",
                &address,
                "--base-url",
                &format!("{scheme}://{address}"),
                "--log-level",
                "warn",
            ])
            .args(arguments);
        without_settings(&mut command);
        command.env("HELIOSTAT_ADMIN_PASSWORD", ADMIN_PASSWORD).env("HELIOSTAT_METRICS_TOKEN", METRICS_TOKEN);
        let mut server = Self::start(role, command, folder)?;
        site.group.add(server.pid());
        server.site = Some(site.clone());
        Ok(server)
    }

    /// Starts any server that prints a line with ` ready at <URL>`.
    pub fn start(name: &str, mut command: Command, folder: TempDir) -> anyhow::Result<Self> {
        let log = File::create(folder.path().join("log"))?;
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(log);
        let child = process::spawn(&mut command)?;
        let mut server = Server { name: name.to_owned(), child, base_url: String::new(), folder, site: None };
        let stdout = server.child.stdout.take().context("standard output is a pipe")?;
        server.base_url = server.ready_address(BufReader::new(stdout))?;
        Ok(server)
    }

    fn ready_address(&self, stdout: impl BufRead + Send + 'static) -> anyhow::Result<String> {
        let (sender, receiver) = mpsc::channel();
        // Reads to the end, so that the server never waits for a reader.
        thread::spawn(move || {
            for line in stdout.lines().map_while(Result::ok) {
                let _ = sender.send(line);
            }
        });
        let started = Instant::now();
        while let Ok(line) = receiver.recv_timeout(START_TIMEOUT.saturating_sub(started.elapsed())) {
            if let Some((_, url)) = line.split_once(" ready at ") {
                return Ok(url.trim().trim_end_matches('/').to_owned());
            }
        }
        bail!("the {} did not come up:\n{}", self.name, self.log());
    }

    /// The address that clients use, without a slash at its end.
    pub fn base_url(&self) -> &str {
        &self.base_url
    }

    /// Its process.
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Its role.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The last lines of its log.
    pub fn log(&self) -> String {
        let log = std::fs::read_to_string(self.folder.path().join("log")).unwrap_or_default();
        let mut last: VecDeque<&str> = log.lines().collect();
        last.drain(..last.len().saturating_sub(SHOWN_LOG_LINES));
        last.make_contiguous().join("\n")
    }

    /// Ends it and leaves its folder.
    pub fn end(mut self) -> anyhow::Result<TempDir> {
        self.stop();
        Ok(std::mem::replace(&mut self.folder, scratch::folder("ended")?))
    }

    /// Asks it to end, so that it ends its git processes too; kills it when it does not.
    fn stop(&mut self) {
        process::stop(&mut self.child, &self.name, STOP_TIMEOUT);
    }
}

/// Where the data of a server lie that has this folder.
pub fn data_in(folder: &TempDir) -> PathBuf {
    folder.path().join("data")
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> anyhow::Result<Server> {
        let mut command = process::dying_with_us("sh");
        command.args(["-c", script]);
        Server::start("script", command, scratch::folder("script")?)
    }

    #[test]
    fn a_server_tells_its_address_and_ends_with_its_value() {
        let server = shell("echo it is ready at http://127.0.0.1:9/x/; exec sleep 600").expect("it starts");
        assert_eq!(server.base_url(), "http://127.0.0.1:9/x");
        let process = PathBuf::from(format!("/proc/{}", server.pid()));
        assert!(process.is_dir());
        drop(server);
        assert!(!process.exists());
    }

    #[test]
    fn a_server_that_ends_shows_its_log() {
        let error = shell("echo no database >&2; exit 1").expect_err("it ends");
        assert!(error.to_string().contains("no database"), "{error}");
    }
}
