//! What a role is told at start, and why it may not start.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_git::{Durability, Fsck, MemoryLimits};
use heliostat_git_serve::ServingOptions;
use heliostat_origin::PathPattern;
use heliostat_peer::{Authorities, OutgoingNetworks};
use heliostat_storage::{Database, Role};
use url::Url;

use super::data_folder::database_url;
use super::origin_hints::HintOptions;
use super::owner_mark::{OwnerConflict, describe_owner, marked_role};
use super::privacy::StaysOpen;
use crate::http::{ConnectionOptions, KernelTls, TlsFiles, TlsFilesError, TrustedProxies};
use crate::log_level::LogLevel;
use crate::metrics::MetricsToken;
use crate::wire::reported_version::ReportedVersion;

/// What both roles are told.
#[derive(Debug, Clone)]
pub struct ListenOptions {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// The address that clients use, with its context path; the listening address when absent.
    pub base_url: Option<Url>,
    /// The folder that holds everything the role keeps.
    pub data: PathBuf,
    /// `sqlite:` or `postgres:` URL; a SQLite file inside `data` when absent.
    pub database: Option<String>,
    /// The git executable.
    pub git: PathBuf,
    /// How much memory a git process may take.
    pub git_memory: MemoryLimits,
    /// What a power failure may take.
    pub durability: Durability,
    /// How long a repository that is no longer wanted lies in the trash.
    pub trash_time: Duration,
    /// How readers are answered.
    pub serving: ServingOptions,
    /// How slow clients may be, and how many connections there are.
    pub connections: ConnectionOptions,
    /// The proxies that say whom they ask for.
    pub trusted_proxies: TrustedProxies,
    /// The certificate for TLS; without one the server speaks plain HTTP.
    pub tls: Option<TlsFiles>,
    /// Whether something in front of the server encrypts, which the base URL does not tell.
    pub tls_in_front: bool,
    /// Whether the kernel may encrypt.
    pub kernel_tls: KernelTls,
    /// How long after each answer browsers are to come by https alone; they are told nothing when absent.
    pub https_only_for: Option<Duration>,
    /// Who shows it may read `/metrics` from anywhere; without one only loopback may.
    pub metrics_token: Option<MetricsToken>,
    /// Where what requests were answered is sent, as OTLP over HTTP.
    pub trace_collector: Option<Url>,
    /// How much is logged; roles in one process share it.
    pub log_level: LogLevel,
    /// The commit that the program was built from, as metrics show it.
    pub commit: &'static str,
}

impl ListenOptions {
    /// Refuses a server that others can reach and that was not told at which URL: links and signatures would work for
    /// no client, and the rules for its URL would be those of a server on loopback.
    pub(super) fn require_base_url(&self) -> Result<(), StartError> {
        match self.base_url {
            None if !self.listen.ip().to_canonical().is_loopback() => {
                Err(StartError::BaseUrlMissing { address: self.listen })
            }
            _ => Ok(()),
        }
    }
}

/// What an upstream is told.
#[derive(Debug, Clone)]
pub struct UpstreamOptions {
    /// What both roles are told.
    pub common: ListenOptions,
    /// Which networks mirrors and webhooks may be in beside the usual ones, and which not.
    pub outgoing: OutgoingNetworks,
    /// How strictly pushes are checked.
    pub fsck: Fsck,
    /// The server's name in pages and application properties.
    pub display_name: String,
    /// The version that clients are told.
    pub reported_version: ReportedVersion,
    /// The first administrator's password; generated when absent.
    pub admin_password: Option<String>,
    /// How long a mirror's request to join waits for a decision.
    pub request_lifetime: Duration,
    /// The most of what was pushed that an event to a mirror carries, in bytes; 0 for none.
    pub small_push_bytes: usize,
    /// How long a mirror's lease lasts; zero for no leases.
    pub mirror_lease: Duration,
}

/// What a mirror is told.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// What both roles are told.
    pub common: ListenOptions,
    /// Where this mirror calls the upstream.
    pub upstream: Url,
    /// The upstream's base URL, if that is another one.
    pub upstream_public_url: Option<Url>,
    /// Where the upstream calls this mirror, if that is not the base URL.
    pub internal_url: Option<Url>,
    /// The mirror's name, unique at its upstream.
    pub name: String,
    /// How often everything is compared with the upstream.
    pub sweep_interval: Duration,
    /// How many repositories are synchronised at once.
    pub sync_parallelism: usize,
    /// How long known users are served while the upstream is unreachable.
    pub serve_stale: Duration,
    /// How long a repository may be behind before it counts as out of sync.
    pub sync_tolerance: Duration,
    /// How far behind its upstream the mirror may be and still take traffic.
    pub lag_limit: Option<Duration>,
    /// How long a request waits for the synchronisation in flight.
    pub freshness_cap: Duration,
    /// Whether a sweep may remove a large part of all repositories.
    pub allow_mass_removal: bool,
}

/// What a mirror of another Git server is told.
#[derive(Debug, Clone)]
pub struct OriginMirrorOptions {
    /// What both roles are told.
    pub common: ListenOptions,
    /// The other server.
    pub origin: Url,
    /// The name that people read; the host of the origin when absent.
    pub name: Option<String>,
    /// Authorities that are trusted for the origin beside those of the system.
    pub authorities: Authorities,
    /// Which of its repositories are served; all when empty.
    pub only: Vec<PathPattern>,
    /// Whether it has one repository at each path and at the same one with `.git` at its end.
    pub optional_git_suffix: bool,
    /// How long what the origin has shown counts for further requests of the same git command.
    pub listing_lifetime: Duration,
    /// How many repositories are here at most.
    pub max_repositories: usize,
    /// How much disk they take at most, in bytes.
    pub max_repositories_bytes: Option<u64>,
    /// How long known readers are served while the origin does not answer.
    pub serve_stale: Duration,
    /// How it learns of changes before a client asks.
    pub hints: HintOptions,
}

/// Why a role did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {error}; choose another address with --listen")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What the system says.
        error: std::io::Error,
    },
    /// The data directory cannot be used.
    #[error("cannot use the data directory {path}: {error}; choose another one with --data")]
    Data {
        /// The folder.
        path: PathBuf,
        /// What the system says.
        error: std::io::Error,
    },
    /// Others may look into the data directory.
    #[error("{0}, or choose another data directory with --data")]
    DataIsOpen(String),
    /// The database cannot be opened.
    #[error("cannot open the database: {0}")]
    Database(String),
    /// Folder or database belong to another server.
    #[error(transparent)]
    Owner(Box<OwnerConflict>),
    /// No git, or one that is too old.
    #[error("{0}")]
    Git(String),
    /// Other machines can reach the server, and its URL was not given.
    #[error(
        "{address} is reached from other machines, which need to know at which URL: give it with --base-url, as in \
         --base-url https://git.example.com, or listen on loopback"
    )]
    BaseUrlMissing {
        /// Where it was to listen.
        address: SocketAddr,
    },
    /// There is no TLS with the files of certificate and key.
    #[error(transparent)]
    Tls(#[from] TlsFilesError),
    /// The base URL is not one that can be served.
    #[error("the base URL {url} cannot be used: {reason}")]
    BaseUrl {
        /// The URL.
        url: Url,
        /// Why not.
        reason: String,
    },
    /// The address for the upstream is not one at which this mirror is served.
    #[error(
        "--internal-url {url} cannot be used: it must have the path of the base URL {base_url}, and neither user, query nor \
         fragment"
    )]
    InternalUrl {
        /// The address.
        url: Url,
        /// The base URL.
        base_url: Box<Url>,
    },
    /// There is no way to the collector of traces.
    #[error("cannot send traces: {0}")]
    Traces(String),
    /// The domain did not come up.
    #[error("cannot start the {role}: {reason}")]
    Domain {
        /// The role.
        role: &'static str,
        /// Why not.
        reason: String,
    },
}

impl From<StaysOpen> for StartError {
    fn from(open: StaysOpen) -> Self {
        StartError::DataIsOpen(open.to_string())
    }
}

impl StartError {
    /// What a role's domain said, with its causes.
    pub(crate) fn domain(role: &'static str, error: &(dyn std::error::Error + 'static)) -> Self {
        StartError::Domain { role, reason: heliostat_peer::with_causes(error) }
    }
}

/// Whose a data folder and its database are, for `heliostat doctor`; on failure says why no role would start with them.
/// `None` if neither has been used yet.
pub fn check_owners<'a>(
    data: &'a Path,
    database: Option<&str>,
    expected: Option<Role>,
) -> LocalBoxFuture<'a, Result<Option<String>, String>> {
    let url = database_url(data, database);
    let described = async move {
        describe_owner(data, expected, &url).await.map_err(|error| match error {
            OwnerConflict::Database(error) => error.with_reason(),
            error => error.to_string(),
        })
    };
    described.boxed_local()
}

/// The role whose folder this is, as far as it is marked; on failure says why that cannot be told.
pub fn folder_role(data: &Path) -> Result<Option<Role>, String> {
    marked_role(data).map_err(|error| error.to_string())
}

/// Whether a database can be opened, and what is to be said of it all the same, for `heliostat doctor`; on failure says
/// why, without its password.
pub fn check_database(url: &str) -> LocalBoxFuture<'_, Result<Option<String>, String>> {
    Database::check(url).map(|checked| checked.map_err(|error| error.with_reason())).boxed_local()
}

/// Copies an SQLite database that may be in use into a new file, for `heliostat backup`; on failure says why.
pub fn copy_database<'a>(url: &'a str, into: &'a Path) -> LocalBoxFuture<'a, Result<(), String>> {
    Database::copy_sqlite(url, into).map(|copied| copied.map_err(|error| error.with_reason())).boxed_local()
}
