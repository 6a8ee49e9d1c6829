//! `heliostat upstream`: runs the primary server.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use clap::Args;
use heliostat_git::{Durability, Fsck};
use heliostat_peer::{Network, OutgoingNetworks};
use heliostat_server::{ReportedVersion, UpstreamOptions};

use super::lifecycle::{self, PasswordNotice, Signals};
use crate::options::{
    LogFormat, SharedOptions, duration, parse_display_name, parse_listen, parse_mirror_lease,
    parse_small_push, start_log,
};

/// Options of an upstream.
#[derive(Debug, Args)]
#[command(after_help = FIRST_START)]
pub struct UpstreamRoleOptions {
    /// Directory for everything that the server keeps on disk.
    #[arg(long, value_name = "DIR", env = "HELIOSTAT_DATA", default_value = "heliostat-upstream")]
    pub data: PathBuf,
    /// Address to listen on.
    #[arg(long, value_name = "ADDR", env = "HELIOSTAT_LISTEN", default_value = "127.0.0.1:7990", value_parser = parse_listen)]
    pub listen: SocketAddr,
    /// Name shown to people and to mirrors.
    #[arg(
        long, value_name = "NAME", env = "HELIOSTAT_DISPLAY_NAME", default_value = "Heliostat",
        value_parser = parse_display_name
    )]
    pub display_name: String,
    /// Version that clients are told, for those that want a certain version of Bitbucket [default: Heliostat's own].
    #[arg(long, value_name = "VERSION", env = "HELIOSTAT_REPORTED_VERSION")]
    pub reported_version: Option<ReportedVersion>,
    /// Networks that mirrors and webhooks may be in although this server calls no such addresses by itself: loopback,
    /// link-local, metadata services and others with a special meaning. Several are separated by commas [default: none].
    #[arg(long, value_name = "NETWORKS", env = "HELIOSTAT_OUTGOING_ALLOW", value_delimiter = ',')]
    pub outgoing_allow: Vec<Network>,
    /// Networks that mirrors and webhooks must not be in. Of the networks in both lists that hold an address the smallest
    /// counts, so that 0.0.0.0/0 and ::/0 leave only what is allowed [default: none].
    #[arg(long, value_name = "NETWORKS", env = "HELIOSTAT_OUTGOING_DENY", value_delimiter = ',')]
    pub outgoing_deny: Vec<Network>,
    /// How pushes are checked: strict refuses whatever git fsck complains about, lenient lets through what old tools have
    /// written, off refuses only what would harm clients, which always is. The first push into a repository is at most lenient.
    #[arg(long, value_name = "STRICTNESS", env = "HELIOSTAT_FSCK", default_value = "lenient")]
    pub fsck: Fsck,
    /// How long a mirror's request to join waits for an administrator before it is forgotten.
    #[arg(
        long, value_name = "TIME", env = "HELIOSTAT_REQUEST_LIFETIME", default_value = "30d",
        value_parser = duration::parse_positive
    )]
    pub request_lifetime: Duration,
    /// Pushes up to this size travel inside the events that tell mirrors of them, which then need not fetch; at most 512KiB,
    /// 0 for none.
    #[arg(
        long, value_name = "SIZE", env = "HELIOSTAT_SMALL_PUSH", default_value = "64KiB",
        value_parser = parse_small_push
    )]
    pub small_push: usize,
    /// Acknowledge a push only after the mirrors know of it, so that who pushes finds it at every mirror. A mirror that is not
    /// reached is waited for until its lease is over, which lasts so long; then it lets this server answer its readers. 0s for
    /// no leases, at most 1m.
    #[arg(
        long, value_name = "TIME", env = "HELIOSTAT_MIRROR_LEASE", default_value = "0s",
        value_parser = parse_mirror_lease
    )]
    pub mirror_lease: Duration,
    /// What is on the disk before it is acknowledged: everything (strict), or what the system has written by then
    /// (relaxed: a power failure may take the last half minute).
    #[arg(long, value_name = "LEVEL", env = "HELIOSTAT_DURABILITY", default_value = "strict")]
    pub durability: Durability,
    /// What both roles share.
    #[command(flatten)]
    pub common: SharedOptions,
}

const FIRST_START: &str = "\
Examples:
  heliostat upstream --data /srv/upstream
  heliostat upstream --listen 0.0.0.0:7990 --base-url https://git.example.com \\
      --tls-in-front

The first start creates the user admin. Its password is taken from HELIOSTAT_ADMIN_PASSWORD, or generated and \
written to the file admin-password in the data directory. Later `heliostat user password` gives a new one, and \
`heliostat user reset-password` does so when it is lost.";

/// Runs until Ctrl-C or SIGTERM.
pub async fn run(options: UpstreamRoleOptions) -> anyhow::Result<()> {
    let log_level = start_log(options.common.log.log_format, &options.common.log.log_level);
    let signals = Signals::listen(log_level.clone())?;
    let drain_timeout = options.common.drain_timeout;
    // A line for people would be no JSON; the log says the same.
    let is_for_people = options.common.log.log_format == LogFormat::Text;
    let notice = PasswordNotice::before_start(&options.data);
    let role = heliostat_server::start_upstream(UpstreamOptions {
        common: options.common.listen_options(options.listen, options.data, options.durability, log_level)?,
        fsck: options.fsck,
        outgoing: OutgoingNetworks { allowed: options.outgoing_allow, denied: options.outgoing_deny },
        display_name: options.display_name,
        reported_version: options.reported_version.unwrap_or_else(ReportedVersion::own),
        admin_password: admin_password(),
        request_lifetime: options.request_lifetime,
        small_push_bytes: options.small_push,
        mirror_lease: options.mirror_lease,
    })
    .await?;
    if is_for_people {
        notice.after_start();
    }
    lifecycle::until_stopped("upstream", role, drain_timeout, signals).await
}

/// The password that the first start gives to the user admin. It has no flag, because argument lists are public.
pub fn admin_password() -> Option<String> {
    std::env::var("HELIOSTAT_ADMIN_PASSWORD").ok().filter(|password| !password.is_empty())
}
