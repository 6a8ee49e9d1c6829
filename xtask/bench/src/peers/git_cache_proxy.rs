//! git-cache-proxy from crates.io in front of an incumbent: the nearest relative of a mirror.
//!
//! It is told to ask its upstream before each advertisement, because it would serve what was true up to ten seconds
//! ago otherwise, and a stale answer fails a run.

use std::path::{Path, PathBuf};

use super::Peer;
use super::daemon::{Daemon, Listens};
use crate::scratch;
use crate::site::Site;
use crate::workspace;

/// Name on crates.io, and the version that is compared.
pub const PACKAGE: &str = "git-cache-proxy";
pub const VERSION: &str = "0.2.8";

/// Where `cargo install` puts it.
pub fn root() -> PathBuf {
    workspace::tools().join(format!("{PACKAGE}-{VERSION}"))
}

/// The program, if it is there.
pub fn program() -> Option<PathBuf> {
    let program = root().join("bin").join(PACKAGE);
    program.is_file().then_some(program)
}

/// Starts it in front of a server that everybody may read from.
pub fn start(program: &Path, upstream: &str, site: &Site) -> anyhow::Result<Peer> {
    start_with(program, upstream, None, site)
}

/// Starts it with this header for the upstream: it has one credential, and no rights of those who ask.
pub fn start_with_credential(
    program: &Path,
    upstream: &str,
    authorization: &str,
    site: &Site,
) -> anyhow::Result<Peer> {
    start_with(program, upstream, Some(authorization), site)
}

fn start_with(
    program: &Path,
    upstream: &str,
    authorization: Option<&str>,
    site: &Site,
) -> anyhow::Result<Peer> {
    let folder = scratch::folder("proxy")?;
    let address = site.free_address()?;
    let mut command = site.command(program);
    command.args(["--bind", &address, "--upstream", upstream, "--fetch-ttl-seconds", "0", "--cache-root"]);
    command.arg(folder.path().join("cache")).env("RUST_LOG", "warn").env("HOME", folder.path());
    command.env("no_proxy", "*");
    if let Some(value) = authorization {
        command.env("GITCACHEPROXY_UPSTREAM_AUTH_HEADER", format!("Authorization: {value}"));
    }
    let daemon = Daemon::start(command, site, &folder.path().join("log"), &Listens::Tcp(&address))?;
    Ok(Peer {
        name: "git-cache-proxy",
        is_incumbent: false,
        base: format!("http://{address}"),
        site: site.clone(),
        cache_log: None,
        _daemons: vec![daemon],
        _folder: folder,
    })
}
