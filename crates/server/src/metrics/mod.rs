//! `GET /metrics` of both roles: what Prometheus reads. `docs/metrics.md` lists all of it.
//!
//! Most values are taken when they are asked for, from what the parts of a role count anyway. Names follow Prometheus'
//! naming practice: base units, `_total` for what only grows. The text is OpenMetrics for those who ask for it, and
//! Prometheus' own for all others.

mod access;
mod classic_text;
mod connections;
mod database;
#[cfg(test)]
mod deployed;
mod disk_agreement;
mod disk_room;
mod encoder;
mod endpoint;
mod following;
mod freshness;
mod hints;
mod housekeeping;
mod late_repositories;
mod mirror;
mod mirror_standings;
mod origin;
mod process;
#[cfg(test)]
mod reference_page;
mod repository_names;
mod requests;
mod response_cache;
mod snapshot;
mod upstream;

pub use access::{InvalidMetricsToken, MetricsToken, check_operator};
pub use disk_agreement::DiskMetrics;
pub use endpoint::metrics;
pub use following::{FollowedRepositories, MAX_FOLLOWED_REPOSITORIES};
pub use freshness::{FreshnessCounters, OriginFreshnessCounters};
pub use hints::HintMetrics;
pub use late_repositories::{LateRepositories, MAX_LATE_REPOSITORIES};
pub use mirror::MirrorMetrics;
pub use mirror_standings::MirrorStandings;
pub use origin::OriginMetrics;
pub use process::ProcessMetrics;
pub use repository_names::RepositoryNames;
pub use response_cache::shown_repositories;
pub use snapshot::Metrics;
pub use upstream::UpstreamMetrics;
