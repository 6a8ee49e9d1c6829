//! What ours is compared with: servers that are free to install, all of them in front of the same repositories.
//!
//! The incumbent of a line is the better of nginx with fcgiwrap and Apache with mod_cgid, both in front of
//! `git http-backend`. The other peers are told beside it.

mod apache;
mod daemon;
mod fcgiwrap;
mod git_cache_proxy;
mod git_cdn;
pub mod grokmirror;
pub mod install;
mod nginx;
mod nginx_mirror;
pub mod origin_mirrors;
pub mod plain_hyper;
pub mod served;
pub mod tls_front;

use std::path::{Path, PathBuf};

use tempfile::TempDir;

use crate::site::Site;
use daemon::Daemon;
use served::ServedFolder;

pub use install::missing;

/// A running peer.
#[derive(Debug)]
pub struct Peer {
    /// For people.
    pub name: &'static str,
    /// Whether it is one of the two that stand for what people have.
    pub is_incumbent: bool,
    /// Address before the name of a repository.
    pub base: String,
    /// Where it runs.
    pub site: Site,
    /// A file with a line `HIT` or `MISS` per request, of those that have a cache and tell so.
    pub cache_log: Option<PathBuf>,
    /// End before the folder with their files goes.
    _daemons: Vec<Daemon>,
    _folder: TempDir,
}

/// Starts every peer that is installed; the others are named with the reason.
pub fn start_all(served: &ServedFolder, site: &Site) -> anyhow::Result<(Vec<Peer>, Vec<String>)> {
    let mut peers = start_incumbents(served, site)?;
    let mut absent: Vec<String> = missing().iter().map(ToString::to_string).collect();
    if fcgiwrap::is_installed() {
        peers.push(fcgiwrap::start_with_post_cache(served, &site.with_own_group())?);
    }
    // It needs something to stand in front of.
    let upstream = peers.first().map(|peer| peer.base.clone());
    match (git_cache_proxy::program(), upstream) {
        (Some(program), Some(upstream)) => {
            peers.push(git_cache_proxy::start(&program, &upstream, &site.with_own_group())?);
        }
        (Some(_), None) => {
            absent.push("git-cache-proxy: no server is installed that it could stand in front of".into());
        }
        (None, _) => {}
    }
    Ok((peers, absent))
}

/// Why no Git server can be started that knows its readers, if so.
pub fn why_no_origin() -> Option<String> {
    (!fcgiwrap::is_installed()).then(|| install::Missing::Nginx.to_string())
}

/// Starts a Git server for those alone whom a file names with their passwords.
pub fn start_origin(served: &ServedFolder, site: &Site, readers: &Path) -> anyhow::Result<Peer> {
    fcgiwrap::start_for_readers(served, &site.with_own_group(), readers)
}

/// Starts the incumbents that are installed.
pub fn start_incumbents(served: &ServedFolder, site: &Site) -> anyhow::Result<Vec<Peer>> {
    let mut peers = Vec::new();
    if fcgiwrap::is_installed() {
        peers.push(fcgiwrap::start(served, &site.with_own_group())?);
    }
    if apache::is_installed() {
        peers.push(apache::start(served, &site.with_own_group())?);
    }
    Ok(peers)
}
