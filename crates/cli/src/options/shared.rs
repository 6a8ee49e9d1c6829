//! The options that both roles share, and how they become those of the server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use heliostat_git::{Durability, MemoryLimits};
use heliostat_server::{ListenOptions, LogLevel};
use url::Url;

use super::connections::ConnectionFlags;
use super::duration;
use super::log::LogOptions;
use super::parse::{parse_git_memory, parse_http_url};
use super::serving::ServingFlags;
use super::tls::{KernelTlsFlag, TlsFlags};

/// The commit that this program was built from; `build.rs` finds it.
pub const COMMIT: &str = env!("SOURCE_COMMIT");

/// Where a role keeps things and how it is run; the address and the directory have defaults of their own per role.
#[derive(Debug, Args)]
pub struct SharedOptions {
    /// URL that clients see, context path included [default: http:// or, with a certificate, https:// and the listening address].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_BASE_URL", value_parser = parse_http_url)]
    pub base_url: Option<Url>,
    /// Database: sqlite:PATH or postgres://USER@HOST/NAME; give a URL with a password by the variable or the
    /// file, not as a flag [default: an SQLite file inside --data].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_DATABASE", hide_env_values = true)]
    pub database: Option<String>,
    /// The git program.
    #[arg(long, value_name = "PATH", env = "HELIOSTAT_GIT", default_value = "git")]
    pub git: PathBuf,
    /// How much memory a git process may take [default: half of the machine's, at least 1GiB].
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_GIT_MEMORY", value_parser = parse_git_memory)]
    pub git_memory: Option<u64>,
    /// How much of it for objects that arrive, by a push or from the upstream; a sixth of that at once, but 672 MiB where
    /// that is at most half. Ten million objects in one push need 4GiB [default: that of git-memory, at most 4GiB].
    #[arg(long, value_name = "SIZE", env = "HELIOSTAT_RECEIVE_MEMORY", value_parser = parse_git_memory)]
    pub receive_memory: Option<u64>,
    /// How long running requests may take to finish after Ctrl-C or SIGTERM.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_DRAIN_TIMEOUT", default_value = "30s", value_parser = duration::parse)]
    pub drain_timeout: Duration,
    /// How long a repository that was deleted, or is no longer mirrored, lies in the trash before it is deleted from disk;
    /// the oldest goes earlier when the disk is nearly full.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_TRASH_TIME", default_value = "7d", value_parser = duration::parse)]
    pub trash_time: Duration,
    /// TLS.
    #[command(flatten)]
    pub tls: TlsFlags,
    /// Whether the kernel encrypts what goes over TLS: where it can (auto), or never (off).
    #[arg(long, value_name = "WHEN", env = "HELIOSTAT_KERNEL_TLS", default_value = "auto")]
    pub kernel_tls: KernelTlsFlag,
    /// How long after each answer browsers are to ask this host by https alone, on every port (Strict-Transport-Security); 0s
    /// has them forget it. The base URL must begin with https [default: none, they are told nothing].
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_HSTS", value_parser = duration::parse)]
    pub hsts: Option<Duration>,
    /// Serving Git.
    #[command(flatten)]
    pub serving: ServingFlags,
    /// Connections.
    #[command(flatten)]
    pub connections: ConnectionFlags,
    /// The log.
    #[command(flatten)]
    pub log: LogOptions,
}

impl SharedOptions {
    /// What the server needs of them.
    pub fn listen_options(
        &self,
        listen: SocketAddr,
        data: PathBuf,
        durability: Durability,
        log_level: LogLevel,
    ) -> anyhow::Result<ListenOptions> {
        Ok(ListenOptions {
            listen,
            durability,
            base_url: self.base_url.clone(),
            serving: self.serving.serving_options(&data),
            connections: self.connections.connection_options(),
            trusted_proxies: self.connections.trusted_proxies(),
            tls: self.tls.files()?,
            tls_in_front: self.tls.tls_in_front,
            kernel_tls: self.kernel_tls.into(),
            https_only_for: self.hsts,
            metrics_token: self.serving.metrics_token()?,
            trace_collector: self.log.otlp_endpoint.clone(),
            log_level,
            commit: COMMIT,
            data,
            trash_time: self.trash_time,
            database: self.database.clone(),
            git: self.git.clone(),
            git_memory: MemoryLimits::or_default(self.git_memory, self.receive_memory),
        })
    }
}
