//! Everything that is shown, at one moment, and the text made of it.

use std::fmt;

use heliostat_git::DiskRoom;
use heliostat_git_serve::{HousekeepingCounters, ServingCounters};
use heliostat_storage::DatabaseCounters;
use heliostat_upstream::FollowingStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::DescriptorEncoder;
use prometheus_client::registry::Registry;

use super::disk_agreement::DiskMetrics;
use super::disk_room;
use super::encoder::Encoder;
use super::following::FollowedRepositories;
use super::hints::HintMetrics;
use super::mirror::MirrorMetrics;
use super::mirror_standings::MirrorStandings;
use super::origin::OriginMetrics;
use super::process::ProcessMetrics;
use super::repository_names::RepositoryNames;
use super::upstream::UpstreamMetrics;
use super::{connections, database, following, housekeeping, requests, response_cache};
use crate::dropped_log_lines::dropped_log_lines;
use crate::http::ClientCounters;

/// The metrics of a role at one moment.
#[derive(Debug, Default)]
pub struct Metrics {
    /// `upstream`, `mirror` or `origin-mirror`.
    pub role: &'static str,
    /// The commit that the program was built from.
    pub commit: &'static str,
    /// Answering Git's readers.
    pub serving: ServingCounters,
    /// The names of the repositories of which answers are stored.
    pub names: RepositoryNames,
    /// Keeping repositories fast.
    pub housekeeping: HousekeepingCounters,
    /// Room on the disk of the repositories, once it was looked at.
    pub room: Option<DiskRoom>,
    /// The database.
    pub database: Option<DatabaseCounters>,
    /// What an upstream holds and is told.
    pub upstream: Option<UpstreamMetrics>,
    /// Whether records and disk agree, at an upstream.
    pub disk: Option<DiskMetrics>,
    /// How the mirrors stand, at an upstream whose database answers.
    pub mirrors: Option<MirrorStandings>,
    /// How it goes with repositories that follow one of another server, at an upstream.
    pub following: Option<FollowingStatus>,
    /// Those of them that are furthest behind, by name, at an upstream whose database answers.
    pub followed: Option<FollowedRepositories>,
    /// Following the upstream, at a mirror.
    pub mirror: Option<MirrorMetrics>,
    /// Standing before another Git server.
    pub origin: Option<OriginMetrics>,
    /// What another Git server, or its provider, tells of changes.
    pub hints: Option<HintMetrics>,
    /// The clients: their connections, and what they ask for.
    pub clients: ClientCounters,
    /// The process.
    pub process: ProcessMetrics,
}

impl Metrics {
    /// The text that Prometheus reads.
    pub fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(self));
        let mut text = String::new();
        prometheus_client::encoding::text::encode(&mut text, &registry)
            .expect("writing to a String does not fail");
        text
    }
}

impl Collector for Metrics {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut encoder = Encoder::new(encoder);
        encoder.info(
            "heliostat_build_info",
            "Role, version and commit of this server; the value is always 1.",
            [("role", self.role), ("version", env!("CARGO_PKG_VERSION")), ("commit", self.commit)],
        )?;
        response_cache::encode(&self.serving, &self.names, &mut encoder)?;
        housekeeping::encode(&self.housekeeping, &mut encoder)?;
        disk_room::encode(self.room, &mut encoder)?;
        if let Some(counters) = &self.database {
            database::encode(counters, &mut encoder)?;
        }
        if let Some(upstream) = &self.upstream {
            upstream.encode(&mut encoder)?;
        }
        if let Some(disk) = &self.disk {
            disk.encode(&mut encoder)?;
        }
        if let Some(mirrors) = &self.mirrors {
            mirrors.encode(&mut encoder)?;
        }
        if let Some(status) = &self.following {
            following::encode(status, &mut encoder)?;
        }
        if let Some(followed) = &self.followed {
            followed.encode(&mut encoder)?;
        }
        if let Some(mirror) = &self.mirror {
            mirror.encode(&mut encoder)?;
        }
        if let Some(origin) = &self.origin {
            origin.encode(&mut encoder)?;
        }
        if let Some(hints) = &self.hints {
            hints.encode(&mut encoder)?;
        }
        requests::encode(&self.clients, &mut encoder)?;
        connections::encode(&self.clients, &mut encoder)?;
        encoder.counter(
            "heliostat_log_dropped_lines_total",
            "Lines of the log that were lost because nothing read standard error.",
            dropped_log_lines(),
        )?;
        self.process.encode(&mut encoder)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use heliostat_git_serve::StoredAnswers;

    use super::*;

    fn stored(repository: u64, bytes: u64) -> StoredAnswers {
        StoredAnswers { repository, entries: 2, bytes }
    }

    #[test]
    fn metrics_have_names_units_and_values() {
        let serving = ServingCounters {
            hits: 3,
            misses: 1,
            served_bytes: 4_000,
            saved: Duration::from_millis(1_500),
            repositories: vec![stored(7, 1_000)],
            ..ServingCounters::default()
        };
        let housekeeping = HousekeepingCounters { pending: 2, bundles: 1, ..HousekeepingCounters::default() };
        let names = RepositoryNames::in_projects(vec![(7, "PRJ".to_owned(), "site".to_owned())]);
        let text = Metrics { role: "mirror", serving, names, housekeeping, ..Metrics::default() }.text();
        let mut described: Vec<_> = text.lines().filter(|line| line.starts_with("# HELP ")).collect();
        let families = described.len();
        described.sort_unstable_by_key(|line| line.split(' ').nth(2));
        described.dedup_by_key(|line| line.split(' ').nth(2));
        assert_eq!(described.len(), families, "Prometheus refuses a family that comes twice");
        for line in [
            "heliostat_response_cache_requests_total{result=\"hit\"} 3",
            "heliostat_response_cache_requests_total{result=\"miss\"} 1",
            "heliostat_response_cache_served_bytes_total 4000",
            "heliostat_response_cache_cpu_saved_seconds_total 1.5",
            "heliostat_response_cache_prewarmed_total 0",
            "heliostat_housekeeping_pending_repositories 2",
            "heliostat_repositories_with_bundle 1",
            "heliostat_response_cache_entries 2",
            "heliostat_response_cache_repository_size_bytes{project=\"PRJ\",repository=\"site\"} 1000",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("heliostat_build_info{role=\"mirror\""), "{text}");
        assert!(!text.contains("heliostat_mirror_ready"), "an upstream follows no other server\n{text}");
    }
}
