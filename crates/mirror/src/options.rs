//! What an operator decides about a mirror.

use std::path::PathBuf;
use std::time::Duration;

use heliostat_git_serve::ServingOptions;
use heliostat_peer::Clock;
use heliostat_storage::MirrorType;

use crate::sync::MassRemoval;
use crate::upstream_link::UpstreamUrl;

/// Synchronisations that run at the same time, unless set otherwise.
const DEFAULT_SYNC_PARALLELISM: usize = 4;
/// Time between two sweeps, unless set otherwise.
const DEFAULT_SWEEP_INTERVAL: Duration = Duration::from_secs(180);
/// How long a request waits for a synchronisation in flight, unless set otherwise.
const DEFAULT_FRESHNESS_CAP: Duration = Duration::from_secs(2);
/// How long a repository may be behind before it counts as out of sync, unless set otherwise.
const DEFAULT_SYNC_TOLERANCE: Duration = Duration::from_secs(180);
/// How long known users are served while the upstream cannot be asked, unless set otherwise.
const DEFAULT_SERVE_STALE: Duration = Duration::from_secs(3_600);
/// How long a decision of the upstream is used without asking again, unless set otherwise.
const DEFAULT_DECISION_TTL: Duration = Duration::from_secs(60);

/// The settings of a mirror.
#[derive(Debug, Clone)]
pub struct MirrorOptions {
    /// The name under which the upstream and its users know this mirror.
    pub name: String,
    /// The upstream to follow.
    pub upstream_url: UpstreamUrl,
    /// What the upstream calls itself and where people reach it, if that is another address.
    pub upstream_public_url: Option<UpstreamUrl>,
    /// Where clients reach this mirror, and the upstream unless it has another address; without a trailing slash.
    pub base_url: String,
    /// Where the upstream calls this mirror, if that is another address; without a trailing slash.
    pub internal_url: Option<String>,
    /// The folder for repositories.
    pub data: PathBuf,
    /// One node or a farm.
    pub mirror_type: MirrorType,
    /// The product's version, as told to the upstream.
    pub product_version: String,
    /// How many synchronisations run at the same time. Repositories that are already served and those that
    /// are fetched for the first time each get this many, so that a push never waits for first clones.
    pub sync_parallelism: usize,
    /// Time between two comparisons with the upstream.
    pub sweep_interval: Duration,
    /// How long a request waits for a synchronisation in flight.
    pub freshness_cap: Duration,
    /// How long a repository may be behind before it counts as out of sync.
    pub sync_tolerance: Duration,
    /// How far behind its upstream this mirror may be and still take traffic; without end if there is no limit.
    pub lag_limit: Option<Duration>,
    /// How long known users are served while the upstream cannot be asked.
    pub serve_stale: Duration,
    /// How long a decision of the upstream is used without asking again.
    pub decision_ttl: Duration,
    /// What a sweep may delete on its own.
    pub mass_removal: MassRemoval,
    /// How long a repository that is no longer wanted lies in the trash.
    pub trash_time: Duration,
    /// What answers readers.
    pub serving: ServingOptions,
    /// What time it is.
    pub clock: Clock,
}

impl MirrorOptions {
    /// Options with every default filled in.
    pub fn new(
        name: impl Into<String>,
        upstream_url: UpstreamUrl,
        base_url: &str,
        data: impl Into<PathBuf>,
    ) -> Self {
        Self {
            name: name.into(),
            upstream_url,
            upstream_public_url: None,
            base_url: base_url.trim_end_matches('/').to_owned(),
            internal_url: None,
            data: data.into(),
            mirror_type: MirrorType::Single,
            product_version: env!("CARGO_PKG_VERSION").to_owned(),
            sync_parallelism: DEFAULT_SYNC_PARALLELISM,
            sweep_interval: DEFAULT_SWEEP_INTERVAL,
            freshness_cap: DEFAULT_FRESHNESS_CAP,
            sync_tolerance: DEFAULT_SYNC_TOLERANCE,
            lag_limit: None,
            serve_stale: DEFAULT_SERVE_STALE,
            decision_ttl: DEFAULT_DECISION_TTL,
            mass_removal: MassRemoval::default(),
            trash_time: heliostat_git::DEFAULT_TRASH_TIME,
            serving: ServingOptions::default(),
            clock: Clock::system(),
        }
    }
}
