//! `heliostat mirror`: runs a replica, of an upstream (`--upstream URL --name NAME`) or of another Git server
//! (`--origin URL`).

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use clap::builder::BoolishValueParser;
use clap::error::ErrorKind;
use heliostat_git::Durability;
use heliostat_peer::Authorities;
use heliostat_server::{LogLevel, MirrorOptions, OriginMirrorOptions, RunningRole};
use url::Url;

use super::hints::HintFlags;
use super::lifecycle::{self, Signals};
use super::origin::OriginFlags;
use crate::options::{
    SharedOptions, duration, first_given, parse_display_name, parse_http_url, parse_listen,
    parse_parallelism, start_log,
};

/// Options of a mirror.
#[derive(Debug, Args)]
pub struct MirrorRoleOptions {
    /// The upstream to follow [default: none, and --origin is given].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM", value_parser = parse_http_url)]
    pub upstream: Option<Url>,
    /// URL by which people reach the upstream, as it calls itself by its --base-url, where --upstream is an address for servers
    /// only, in a network of their own for instance; what people are shown names this one [default: that of --upstream].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM_PUBLIC_URL", value_parser = parse_http_url)]
    pub upstream_public_url: Option<Url>,
    /// URL at which the upstream calls this mirror, where --base-url is an address for people only; it is shown to who accepts
    /// the mirror, and has the path of --base-url [default: that of --base-url].
    #[arg(long, value_name = "URL", env = "HELIOSTAT_INTERNAL_URL", value_parser = parse_http_url)]
    pub internal_url: Option<Url>,
    /// Name under which the mirror joins, unique among the mirrors of the upstream; of a mirror of another Git server, the
    /// name that people read on its page [default: none, needed with --upstream; with --origin the host of the origin].
    #[arg(long, value_name = "NAME", env = "HELIOSTAT_NAME", value_parser = parse_display_name)]
    pub name: Option<String>,
    /// Another Git server.
    #[command(flatten)]
    pub origin: OriginFlags,
    /// How a mirror of another Git server hears of changes sooner.
    #[command(flatten)]
    pub hints: HintFlags,
    /// Directory for everything that the server keeps on disk.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", default_value = "heliostat-mirror")]
    pub data: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", env = "HELIOSTAT_LISTEN", default_value = "127.0.0.1:7991", value_parser = parse_listen)]
    pub listen: SocketAddr,
    /// How often everything is compared with the upstream, whatever events arrived.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_SWEEP_INTERVAL", default_value = "3m", value_parser = duration::parse_positive)]
    pub sweep_interval: Duration,
    /// How many repositories are synchronised at once.
    #[arg(
        long, value_name = "COUNT", env = "HELIOSTAT_SYNC_PARALLELISM", default_value = "4",
        value_parser = parse_parallelism
    )]
    pub sync_parallelism: usize,
    /// How long a repository may be behind before support information lists it as out of sync.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_SYNC_TOLERANCE", default_value = "3m", value_parser = duration::parse)]
    pub sync_tolerance: Duration,
    /// How far behind its upstream the mirror may be and still take traffic, or how long not know what that has; beyond, /status
    /// answers 503 [default: none, it takes traffic however far behind].
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_LAG_LIMIT", value_parser = duration::parse_positive)]
    pub lag_limit: Option<Duration>,
    /// How long known users are served while the upstream, or the origin, cannot be reached; 0s turns it off.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_SERVE_STALE", default_value = "1h", value_parser = duration::parse)]
    pub serve_stale: Duration,
    /// How long a fetch may wait for a change that is known but not here yet, before the upstream answers in the
    /// mirror's place; 0s turns waiting off.
    #[arg(long, value_name = "TIME", env = "HELIOSTAT_FRESHNESS_CAP", default_value = "2s", value_parser = duration::parse)]
    pub freshness_cap: Duration,
    /// Let a sweep move whatever the upstream no longer lists into the trash without being asked [default: false].
    #[arg(long, env = "HELIOSTAT_ALLOW_MASS_REMOVAL", value_parser = BoolishValueParser::new())]
    pub allow_mass_removal: bool,
    /// What is on the disk before it is acknowledged: everything (strict), or what the system has written by then
    /// (relaxed: a power failure may take the last half minute, which a mirror fetches again).
    #[arg(long, value_name = "LEVEL", env = "HELIOSTAT_DURABILITY", default_value = "relaxed")]
    pub durability: Durability,
    /// What both roles share.
    #[command(flatten)]
    pub common: SharedOptions,
}

/// What a mirror has its repositories from.
pub enum Source {
    /// An upstream, which it joins under a name.
    Upstream {
        /// The upstream.
        url: Url,
        /// The name.
        name: String,
    },
    /// A Git server that is not ours.
    Origin(Url),
}

/// Why options do not say what a mirror has its repositories from. A settings file may have given them, and clap takes what
/// stands there for defaults, so it cannot judge.
#[derive(Debug, thiserror::Error)]
pub enum WrongSource {
    /// Nothing.
    #[error(
        "a mirror needs to know what it mirrors: --upstream URL for an upstream of Heliostat, or --origin URL for any other \
         Git server"
    )]
    None,
    /// Two things.
    #[error(
        "--upstream {upstream} and --origin {origin} are both given: a mirror has one source, so leave one of them out, or \
         run two mirrors"
    )]
    Two {
        /// The one.
        upstream: String,
        /// The other.
        origin: String,
    },
    /// An upstream, and an option that says something of another Git server.
    #[error(
        "{option} says something of another Git server, and --upstream {upstream} is none: leave {option} out, or give \
         --origin URL in the place of --upstream"
    )]
    OfOrigin {
        /// The option.
        option: &'static str,
        /// The upstream.
        upstream: String,
    },
    /// Another Git server, and an option that says something of an upstream.
    #[error(
        "{option} says something of an upstream, and --origin {origin} is another Git server: leave {option} out, or give \
         --upstream URL in the place of --origin"
    )]
    OfUpstream {
        /// The option.
        option: &'static str,
        /// The other Git server.
        origin: String,
    },
    /// No name to join under.
    #[error("a mirror joins its upstream under a name: give it by --name")]
    NoName,
}

impl WrongSource {
    /// The same as clap calls it.
    pub fn kind(&self) -> ErrorKind {
        match self {
            Self::None | Self::NoName => ErrorKind::MissingRequiredArgument,
            Self::Two { .. } | Self::OfOrigin { .. } | Self::OfUpstream { .. } => ErrorKind::ArgumentConflict,
        }
    }
}

impl MirrorRoleOptions {
    /// What the mirror has its repositories from.
    pub fn source(&self) -> Result<Source, WrongSource> {
        match (self.upstream.clone(), self.origin.origin.clone(), self.name.clone()) {
            (Some(upstream), Some(origin), _) => {
                Err(WrongSource::Two { upstream: upstream.into(), origin: origin.into() })
            }
            (Some(url), None, name) => match (self.origin.given().or_else(|| self.hints.given()), name) {
                (Some(option), _) => Err(WrongSource::OfOrigin { option, upstream: url.into() }),
                (None, Some(name)) => Ok(Source::Upstream { url, name }),
                (None, None) => Err(WrongSource::NoName),
            },
            (None, Some(url), _) => match self.given_of_upstream() {
                Some(option) => Err(WrongSource::OfUpstream { option, origin: url.into() }),
                None => Ok(Source::Origin(url)),
            },
            (None, None, _) => Err(WrongSource::None),
        }
    }

    /// One of the options that were given and mean nothing without an upstream. Those that have a default are not among them:
    /// whether they were given is not known.
    fn given_of_upstream(&self) -> Option<&'static str> {
        first_given([
            (self.upstream_public_url.is_some(), "--upstream-public-url"),
            (self.internal_url.is_some(), "--internal-url"),
            (self.lag_limit.is_some(), "--lag-limit"),
            (self.allow_mass_removal, "--allow-mass-removal"),
        ])
    }
}

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(options: MirrorRoleOptions) -> anyhow::Result<()> {
    let log_level = start_log(options.common.log.log_format, &options.common.log.log_level);
    let (signals, drain_timeout) = (Signals::listen(log_level.clone())?, options.common.drain_timeout);
    let role = match options.source()? {
        Source::Upstream { url, name } => start_of_upstream(options, url, name, log_level).await?,
        Source::Origin(url) => start_of_origin(options, url, log_level).await?,
    };
    lifecycle::until_stopped("mirror", role, drain_timeout, signals).await
}

async fn start_of_origin(
    options: MirrorRoleOptions,
    origin: Url,
    log_level: LogLevel,
) -> anyhow::Result<RunningRole> {
    let authorities = options.origin.origin_ca_file.as_deref().map(Authorities::read).transpose()?;
    let role = heliostat_server::start_origin_mirror(OriginMirrorOptions {
        common: options.common.listen_options(options.listen, options.data, options.durability, log_level)?,
        origin,
        name: options.name,
        authorities: authorities.unwrap_or_default(),
        only: options.origin.only,
        optional_git_suffix: options.origin.optional_git_suffix,
        listing_lifetime: options.origin.listing_lifetime,
        max_repositories: options.origin.max_repositories,
        max_repositories_bytes: options.origin.max_repositories_size,
        serve_stale: options.serve_stale,
        hints: options.hints.hint_options()?,
    });
    Ok(role.await?)
}

async fn start_of_upstream(
    options: MirrorRoleOptions,
    upstream: Url,
    name: String,
    log_level: LogLevel,
) -> anyhow::Result<RunningRole> {
    let role = heliostat_server::start_mirror(MirrorOptions {
        common: options.common.listen_options(options.listen, options.data, options.durability, log_level)?,
        upstream,
        upstream_public_url: options.upstream_public_url,
        internal_url: options.internal_url,
        name,
        sweep_interval: options.sweep_interval,
        sync_parallelism: options.sync_parallelism,
        sync_tolerance: options.sync_tolerance,
        lag_limit: options.lag_limit,
        serve_stale: options.serve_stale,
        freshness_cap: options.freshness_cap,
        allow_mass_removal: options.allow_mass_removal,
    });
    Ok(role.await?)
}
