//! A peer's process: started in its group, waited for until it listens, ended with its value.

use std::fs::File;
use std::net::TcpStream;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::bail;

use crate::process;
use crate::site::Site;

/// How long it may take to come up, and to end.
const TIMEOUT: Duration = Duration::from_secs(15);
/// How long one look whether it listens may take.
const PROBE_TIMEOUT: Duration = Duration::from_secs(5);
const PAUSE: Duration = Duration::from_millis(20);

/// A running process of a peer.
#[derive(Debug)]
pub struct Daemon {
    child: Child,
}

/// Where it listens once it is up.
#[derive(Debug)]
pub enum Listens<'a> {
    /// At an address with a port, inside its namespace.
    Tcp(&'a str),
    /// At a socket in the file system.
    Unix(&'a Path),
}

impl Daemon {
    /// Starts a process and waits until it listens.
    pub fn start(mut command: Command, site: &Site, log: &Path, listens: &Listens) -> anyhow::Result<Self> {
        let (output, errors) = (File::create(log)?, File::options().append(true).open(log)?);
        command.stdin(Stdio::null()).stdout(output).stderr(errors);
        let child = process::spawn(&mut command)?;
        site.group.add(child.id());
        let mut daemon = Daemon { child };
        let started = Instant::now();
        while !listens.is_up(site) {
            let ended = daemon.child.try_wait()?;
            if ended.is_some() || started.elapsed() > TIMEOUT {
                let said = std::fs::read_to_string(log).unwrap_or_default();
                bail!("{command:?} does not listen at {listens:?}; it said: {said}");
            }
            thread::sleep(PAUSE);
        }
        Ok(daemon)
    }
}

impl Listens<'_> {
    fn is_up(&self, site: &Site) -> bool {
        match self {
            Listens::Unix(path) => UnixStream::connect(path).is_ok(),
            Listens::Tcp(address) => match &site.namespace {
                None => address
                    .parse()
                    .is_ok_and(|address| TcpStream::connect_timeout(&address, PROBE_TIMEOUT).is_ok()),
                Some(namespace) => {
                    let mut probe = process::command("ip");
                    probe.args(["netns", "exec", namespace, "bash", "-c"]);
                    probe.arg(format!("exec 3<>/dev/tcp/{}", address.replace(':', "/")));
                    process::succeed(&mut probe, PROBE_TIMEOUT).is_ok()
                }
            },
        }
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        process::stop(&mut self.child, "a server", TIMEOUT);
    }
}
