//! The two roles of the demonstration, on loopback, and how they are started.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context, anyhow};
use heliostat_git::{Durability, Fsck, MemoryLimits};
use heliostat_peer::OutgoingNetworks;
use heliostat_server::{
    ConnectionOptions, KernelTls, ListenOptions, LogLevel, MirrorOptions, ReportedVersion, ServingOptions,
    StartError, TrustedProxies, UpstreamOptions,
};
use url::Url;

use super::Roles;
use crate::client::Client;
use crate::client::credentials::{self, Authorization};
use crate::options::COMMIT;
use crate::role::lifecycle::ADMIN_PASSWORD_FILE;
use crate::role::upstream::admin_password;

const UPSTREAM_PORT: u16 = 7990;
const MIRROR_PORT: u16 = 7991;
/// Name under which the mirror joins.
pub const MIRROR_NAME: &str = "demo-mirror";
/// Short, so that one can see the sweep at work.
const SWEEP_INTERVAL: Duration = Duration::from_secs(30);
const SYNC_PARALLELISM: usize = 2;
const SERVE_STALE: Duration = Duration::from_secs(3600);
const SYNC_TOLERANCE: Duration = Duration::from_secs(180);
const FRESHNESS_CAP: Duration = Duration::from_secs(2);
const REQUEST_LIFETIME: Duration = Duration::from_hours(24);

/// Where the roles listen: at the usual ports or any free ones, or exactly where it was asked for.
#[derive(Debug, Clone, Copy)]
pub struct Ports {
    upstream: u16,
    mirror: u16,
}

impl From<Option<u16>> for Ports {
    fn from(wanted: Option<u16>) -> Self {
        match wanted {
            Some(port) => Self { upstream: port, mirror: port.saturating_add(1) },
            None => Self { upstream: port_or_any(UPSTREAM_PORT), mirror: port_or_any(MIRROR_PORT) },
        }
    }
}

/// A started upstream, and its administrator.
pub struct Upstream {
    /// Calls it as administrator.
    pub admin: Client,
    /// The administrator's credentials, for git and for the mirror.
    pub authorization: Authorization,
    /// The administrator's password.
    pub password: String,
    /// Where a person finds it.
    pub password_place: String,
}

/// Starts the upstream.
pub async fn start_upstream(
    data: &Path,
    git: &Path,
    ports: Ports,
    running: &mut Roles,
    log_level: LogLevel,
) -> anyhow::Result<Upstream> {
    let data = data.join("upstream");
    let role = heliostat_server::start_upstream(UpstreamOptions {
        common: on_loopback(ports.upstream, data.clone(), git, Durability::Strict, log_level),
        outgoing: OutgoingNetworks::default(),
        fsck: Fsck::default(),
        display_name: "Heliostat demo".to_owned(),
        reported_version: ReportedVersion::own(),
        admin_password: admin_password(),
        request_lifetime: REQUEST_LIFETIME,
        small_push_bytes: heliostat_server::DEFAULT_SMALL_PUSH_BYTES,
        mirror_lease: Duration::ZERO,
    })
    .await
    .map_err(by_its_own_options)
    .context("cannot start the upstream")?;
    let base_url = role.base_url().clone();
    running.upstream = Some(role);

    let file = data.join(ADMIN_PASSWORD_FILE);
    let (password, password_place) = match admin_password() {
        Some(password) => (password, "HELIOSTAT_ADMIN_PASSWORD".to_owned()),
        None => (credentials::read_secret(&file)?, file.display().to_string()),
    };
    let authorization = Authorization::basic("admin", &password)?;
    let admin = Client::new(base_url, Some(&authorization));
    Ok(Upstream { admin, authorization, password, password_place })
}

/// Starts the mirror of `upstream`, and gives its address.
pub async fn start_mirror(
    data: &Path,
    git: &Path,
    ports: Ports,
    upstream: &Url,
    running: &mut Roles,
    log_level: LogLevel,
) -> anyhow::Result<Url> {
    let role = heliostat_server::start_mirror(MirrorOptions {
        common: on_loopback(ports.mirror, data.join("mirror"), git, Durability::Relaxed, log_level),
        upstream: upstream.clone(),
        upstream_public_url: None,
        internal_url: None,
        name: MIRROR_NAME.to_owned(),
        sweep_interval: SWEEP_INTERVAL,
        sync_parallelism: SYNC_PARALLELISM,
        sync_tolerance: SYNC_TOLERANCE,
        lag_limit: None,
        serve_stale: SERVE_STALE,
        freshness_cap: FRESHNESS_CAP,
        allow_mass_removal: false,
    })
    .await
    .map_err(by_its_own_options)
    .context("cannot start the mirror")?;
    let base_url = role.base_url().clone();
    running.mirror = Some(role);
    Ok(base_url)
}

/// A role names its option --listen, which the demonstration does not have.
fn by_its_own_options(error: StartError) -> anyhow::Error {
    match error {
        StartError::Listen { address, error } => anyhow!(
            "cannot listen on {address}: {error}; choose another port with --port, which the upstream gets, and the mirror the next \
             one"
        ),
        other => other.into(),
    }
}

fn on_loopback(
    port: u16,
    data: PathBuf,
    git: &Path,
    durability: Durability,
    log_level: LogLevel,
) -> ListenOptions {
    let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    let serving = ServingOptions { cache_folder: Some(data.join("cache")), ..ServingOptions::default() };
    let git = git.to_owned();
    let trash_time = heliostat_git::DEFAULT_TRASH_TIME;
    ListenOptions {
        listen,
        base_url: None,
        data,
        database: None,
        git,
        git_memory: MemoryLimits::default(),
        durability,
        trash_time,
        serving,
        connections: ConnectionOptions::default(),
        trusted_proxies: TrustedProxies::default(),
        tls: None,
        tls_in_front: false,
        kernel_tls: KernelTls::default(),
        https_only_for: None,
        metrics_token: None,
        trace_collector: None,
        log_level,
        commit: COMMIT,
    }
}

/// The port if it is free, else 0, which stands for any free one.
fn port_or_any(port: u16) -> u16 {
    match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
        Ok(_) => port,
        Err(_) => 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_taken_port_becomes_any_port() {
        let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
        let port = taken.local_addr().expect("it is bound").port();
        assert_eq!(port_or_any(port), 0);
    }

    #[test]
    fn a_free_port_is_kept() {
        // Others on the machine may take a port that was free, and a process that a neighbouring test is just starting
        // holds it until then: one of many is enough.
        let kept = (0..100).any(|_| {
            let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("loopback has free ports");
            let port = free.local_addr().expect("it is bound").port();
            drop(free);
            port_or_any(port) == port
        });
        assert!(kept, "no free port was kept");
    }
}
