//! How it goes with repositories of an upstream that follow one of another server: all of them together, and one by one
//! those that are furthest behind. Those go by their id, because monitoring sees them whether or not a client has asked for
//! them, hidden ones included.

use std::fmt;

use heliostat_storage::Repository;
use heliostat_upstream::{FollowedRepository, FollowingStatus};

use super::encoder::Encoder;

/// How many repositories have metrics of their own.
pub const MAX_FOLLOWED_REPOSITORIES: usize = 50;

/// What `fault` says of a repository whose last poll did not fail.
const NO_FAULT: &str = "none";

/// Those of them that there are.
#[derive(Debug)]
pub struct FollowedRepositories(Vec<Followed>);

#[derive(Debug)]
struct Followed {
    repository_id: String,
    /// The name on the wire, in lower case as values of labels are.
    fault: Option<String>,
    attempted_at: u64,
    succeeded_at: u64,
    lag_seconds: u64,
}

pub fn encode(status: &FollowingStatus, encoder: &mut Encoder<'_>) -> fmt::Result {
    encoder.gauge(
        "heliostat_upstream_following_repositories",
        "Repositories that follow one of another server.",
        status.repositories as u64,
    )?;
    encoder.gauge(
        "heliostat_upstream_following_repositories_failing",
        "Repositories that could not be brought in step with what they follow by the last poll.",
        status.failing as u64,
    )?;
    encoder.gauge(
        "heliostat_upstream_following_lag_seconds",
        "Seconds since the repository was equal to what it follows that was so least lately.",
        status.longest_lag.unwrap_or_default().as_secs_f64(),
    )?;
    encoder.counters(
        "heliostat_upstream_following_polls_total",
        "Polls of the sources that repositories follow, by how they ended.",
        &[
            ([("result", "unchanged")], status.unchanged),
            ([("result", "changed")], status.changed),
            ([("result", "failed")], status.failed),
        ],
    )
}

impl FollowedRepositories {
    /// What an upstream shows of these.
    pub fn new(followed: Vec<(Repository, FollowedRepository)>) -> Self {
        let shown = followed.into_iter().take(MAX_FOLLOWED_REPOSITORIES);
        Self(shown.map(|(repository, followed)| Followed::new(&repository, &followed)).collect())
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        self.gauges(
            encoder,
            "heliostat_upstream_following_repository_last_attempt_timestamp_seconds",
            "When the last poll began of what a repository follows, 0 if none has ended",
            |followed| followed.attempted_at,
        )?;
        self.gauges(
            encoder,
            "heliostat_upstream_following_repository_last_success_timestamp_seconds",
            "When the last poll began that left a repository equal to what it follows, 0 if none has",
            |followed| followed.succeeded_at,
        )?;
        self.gauges(
            encoder,
            "heliostat_upstream_following_repository_lag_seconds",
            "Seconds since a repository was equal to what it follows, or began to follow it",
            |followed| followed.lag_seconds,
        )?;
        let failing = self.0.iter().map(|followed| {
            let [repository] = followed.labels();
            let fault = followed.fault.as_deref();
            ([repository, ("fault", fault.unwrap_or(NO_FAULT))], u64::from(fault.is_some()))
        });
        let help = of_most(
            "Whether the last poll of what a repository follows failed: 1 if it did, with its reason in fault, else 0",
        );
        encoder.gauges("heliostat_upstream_following_repository_failing", &help, &failing.collect::<Vec<_>>())
    }

    fn gauges(
        &self,
        encoder: &mut Encoder<'_>,
        name: &str,
        help: &str,
        value: fn(&Followed) -> u64,
    ) -> fmt::Result {
        let values: Vec<_> = self.0.iter().map(|followed| (followed.labels(), value(followed))).collect();
        encoder.gauges(name, &of_most(help), &values)
    }
}

impl Followed {
    fn new(repository: &Repository, followed: &FollowedRepository) -> Self {
        let FollowedRepository { following, now_ms, .. } = followed;
        let seconds = |milliseconds: i64| u64::try_from(milliseconds / 1_000).unwrap_or(0);
        let equal_at = following.last_success_at.unwrap_or(following.created_at);
        Self {
            repository_id: repository.id.to_string(),
            fault: following.error.as_ref().map(|error| error.fault.as_str().to_lowercase()),
            attempted_at: following.last_attempt_at.map_or(0, seconds),
            succeeded_at: following.last_success_at.map_or(0, seconds),
            lag_seconds: seconds(now_ms.saturating_sub(equal_at)),
        }
    }

    fn labels(&self) -> [(&'static str, &str); 1] {
        [("repository_id", &self.repository_id)]
    }
}

fn of_most(help: &str) -> String {
    format!(
        "{help}, for the {MAX_FOLLOWED_REPOSITORIES} that fail or, after these, were equal to it least lately."
    )
}

#[cfg(test)]
pub(super) fn sample() -> FollowedRepositories {
    FollowedRepositories(vec![Followed {
        repository_id: "7".to_owned(),
        fault: Some("too_many".to_owned()),
        attempted_at: 1_764_000_060,
        succeeded_at: 1_764_000_000,
        lag_seconds: 75,
    }])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::snapshot::Metrics;

    #[test]
    fn each_repository_that_follows_has_metrics_by_its_id() {
        let mut sample = sample();
        let equal = Followed {
            repository_id: "8".to_owned(),
            fault: None,
            attempted_at: 1_764_000_070,
            succeeded_at: 1_764_000_070,
            lag_seconds: 5,
        };
        sample.0.push(equal);
        let text = Metrics { followed: Some(sample), ..Metrics::default() }.text();
        let name = "heliostat_upstream_following_repository";
        for rest in [
            r#"last_attempt_timestamp_seconds{repository_id="7"} 1764000060"#,
            r#"last_success_timestamp_seconds{repository_id="7"} 1764000000"#,
            r#"lag_seconds{repository_id="7"} 75"#,
            r#"failing{repository_id="7",fault="too_many"} 1"#,
            r#"failing{repository_id="8",fault="none"} 0"#,
        ] {
            let line = format!("{name}_{rest}");
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
