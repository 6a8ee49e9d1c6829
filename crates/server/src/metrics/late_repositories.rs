//! The repositories of a mirror that have been behind for longest, by name: all of them would be too many.

use std::fmt;

use heliostat_mirror::DelayedSync;

use super::encoder::Encoder;

/// How many repositories have metrics of their own.
pub const MAX_LATE_REPOSITORIES: usize = 50;

/// Those of them that there are.
#[derive(Debug, Default)]
pub struct LateRepositories(Vec<LateRepository>);

#[derive(Debug)]
struct LateRepository {
    project: String,
    repository: String,
    lag_seconds: u64,
    generation: u64,
    upstream_generation: u64,
    failures: u64,
}

impl LateRepositories {
    /// What a mirror shows of these.
    pub fn new(late: &[DelayedSync]) -> Self {
        Self(late.iter().take(MAX_LATE_REPOSITORIES).map(LateRepository::new).collect())
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        self.gauges(
            encoder,
            "heliostat_mirror_repository_lag_seconds",
            "Seconds since the oldest change of a repository that is known and not here yet",
            |late| late.lag_seconds,
        )?;
        self.gauges(
            encoder,
            "heliostat_mirror_repository_generation",
            "The generation of a repository that is served here",
            |late| late.generation,
        )?;
        self.gauges(
            encoder,
            "heliostat_mirror_repository_upstream_generation",
            "The newest generation of a repository that the upstream is known to have",
            |late| late.upstream_generation,
        )?;
        self.gauges(
            encoder,
            "heliostat_mirror_repository_failures",
            "Synchronizations of a repository that have failed since the last one that did not",
            |late| late.failures,
        )
    }

    fn gauges(
        &self,
        encoder: &mut Encoder<'_>,
        name: &str,
        help: &str,
        value: fn(&LateRepository) -> u64,
    ) -> fmt::Result {
        let values: Vec<_> = self.0.iter().map(|late| (late.labels(), value(late))).collect();
        let most = format!("{help}, for the {MAX_LATE_REPOSITORIES} that have been behind for longest.");
        encoder.gauges(name, &most, &values)
    }
}

impl LateRepository {
    fn new(late: &DelayedSync) -> Self {
        let record = &late.record;
        let count = |number: i64| u64::try_from(number).unwrap_or(0);
        Self {
            project: record.project_key.clone(),
            repository: record.slug.clone(),
            lag_seconds: count(late.lag_ms / 1_000),
            generation: count(record.generation_synced.0),
            upstream_generation: count(record.generation_known.0),
            failures: count(record.failed_count.into()),
        }
    }

    fn labels(&self) -> [(&'static str, &str); 2] {
        [("project", &self.project), ("repository", &self.repository)]
    }
}

#[cfg(test)]
pub(super) fn sample() -> LateRepositories {
    LateRepositories(vec![LateRepository {
        project: "APP".to_owned(),
        repository: "engine".to_owned(),
        lag_seconds: 61,
        generation: 117,
        upstream_generation: 118,
        failures: 2,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::MirrorMetrics;
    use crate::metrics::snapshot::Metrics;

    #[test]
    fn a_repository_that_is_behind_is_told_by_name() {
        let mirror = MirrorMetrics::of_late(sample());
        let text = Metrics { mirror: Some(mirror), ..Metrics::default() }.text();
        for line in [
            r#"heliostat_mirror_repository_lag_seconds{project="APP",repository="engine"} 61"#,
            r#"heliostat_mirror_repository_generation{project="APP",repository="engine"} 117"#,
            r#"heliostat_mirror_repository_upstream_generation{project="APP",repository="engine"} 118"#,
            r#"heliostat_mirror_repository_failures{project="APP",repository="engine"} 2"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
