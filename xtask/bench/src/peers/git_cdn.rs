//! git-cdn: the caching proxy in Python that shows each reader's own credentials to the server behind it.
//!
//! It is on no package index, and of one Python: it takes part where a virtual environment with it is installed.
//! Its cache keeps answers to clones of one branch unless it is told to keep the others too, which it is.

use std::fs;
use std::path::PathBuf;

use super::Peer;
use super::daemon::{Daemon, Listens};
use crate::scratch;
use crate::site::Site;
use crate::workspace;

/// Seconds after which a worker counts as dead, as its own configuration has it: clones are slow answers.
const WORKER_TIMEOUT: &str = "3600";

/// The virtual environment.
pub fn home() -> PathBuf {
    workspace::tools().join("git-cdn")
}

/// Whether it is there.
pub fn is_installed() -> bool {
    let libraries = fs::read_dir(home().join("lib")).into_iter().flatten().flatten();
    let has_package = |python: PathBuf| python.join("site-packages/git_cdn/app.py").is_file();
    gunicorn().is_file() && libraries.map(|entry| entry.path()).any(has_package)
}

fn gunicorn() -> PathBuf {
    home().join("bin/gunicorn")
}

/// Starts it in front of a server.
pub fn start(upstream: &str, site: &Site) -> anyhow::Result<Peer> {
    let folder = scratch::folder("git-cdn")?;
    let address = site.free_address()?;
    let workers = std::thread::available_parallelism().map_or(1, usize::from).to_string();
    let mut command = site.command(&gunicorn());
    command
        .args(["git_cdn.app:app", "--bind", &address, "--workers", &workers, "--timeout", WORKER_TIMEOUT])
        .args(["--worker-class", "aiohttp.worker.GunicornWebWorker"])
        .env("GITSERVER_UPSTREAM", format!("{upstream}/"))
        .env("WORKING_DIRECTORY", folder.path().join("cache"))
        .env("GUNICORN_WORKER", &workers)
        .env("PACK_CACHE_MULTI", "true")
        .env("PACK_CACHE_DEPTH", "true")
        .env("HOME", folder.path())
        .env("no_proxy", "*");
    let daemon = Daemon::start(command, site, &folder.path().join("log"), &Listens::Tcp(&address))?;
    Ok(Peer {
        name: "git-cdn",
        is_incumbent: false,
        base: format!("http://{address}"),
        site: site.clone(),
        cache_log: None,
        _daemons: vec![daemon],
        _folder: folder,
    })
}
