//! `heliostat mirror --upstream URL --name NAME`: runs a replica.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use anyhow::Context;
use clap::Args;
use clap::builder::BoolishValueParser;
use heliostat_git::Durability;
use heliostat_server::MirrorOptions;
use url::Url;

use super::lifecycle::{self, HangUp};
use crate::options::{
    SharedOptions, duration, parse_display_name, parse_http_url, parse_parallelism, start_log,
};

/// Options of a mirror.
#[derive(Debug, Args)]
pub struct MirrorRoleOptions {
    /// The upstream to follow.
    // Optional in the type and required by clap, because `mirror list` needs neither this nor a name.
    #[arg(long, value_name = "URL", env = "HELIOSTAT_UPSTREAM", required = true, value_parser = parse_http_url)]
    pub upstream: Option<Url>,
    /// Name under which the mirror joins: unique among the mirrors of the upstream.
    #[arg(long, value_name = "NAME", env = "HELIOSTAT_NAME", required = true, value_parser = parse_display_name)]
    pub name: Option<String>,
    /// Directory for everything that the server keeps on disk.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", default_value = "heliostat-mirror")]
    pub data: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", env = "HELIOSTAT_LISTEN", default_value = "127.0.0.1:7991")]
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
    /// How long known users are served while the upstream cannot be reached; 0s turns it off.
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

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(options: MirrorRoleOptions) -> anyhow::Result<()> {
    start_log(options.common.log.log_format, &options.common.log.log_level);
    let hang_up = HangUp::listen()?;
    let drain_timeout = options.common.drain_timeout;
    let role = heliostat_server::start_mirror(MirrorOptions {
        common: options.common.listen_options(options.listen, options.data, options.durability)?,
        upstream: options.upstream.context("--upstream is missing")?,
        name: options.name.context("--name is missing")?,
        sweep_interval: options.sweep_interval,
        sync_parallelism: options.sync_parallelism,
        sync_tolerance: options.sync_tolerance,
        lag_limit: options.lag_limit,
        serve_stale: options.serve_stale,
        freshness_cap: options.freshness_cap,
        allow_mass_removal: options.allow_mass_removal,
    })
    .await?;
    lifecycle::until_stopped("mirror", role, drain_timeout, hang_up).await
}
