//! How the mirrors of an upstream stand: what an operator looks at first when builds somewhere are late.

use std::fmt;

use heliostat_downstream::{DeliveryCounts, MirrorStanding, Standing};
use heliostat_storage::MirrorServer;

use super::encoder::Encoder;

/// Every standing, and its name in a label.
const STANDINGS: [(Standing, &str); 4] = [
    (Standing::UpToDate, "up_to_date"),
    (Standing::Behind, "behind"),
    (Standing::Unreachable, "unreachable"),
    (Standing::Unknown, "unknown"),
];

/// Each mirror by name.
#[derive(Debug)]
pub struct MirrorStandings(Vec<(String, MirrorStanding)>);

impl MirrorStandings {
    /// What an upstream shows that knows this of its mirrors.
    pub fn new(mirrors: Vec<(MirrorServer, MirrorStanding)>) -> Self {
        Self(mirrors.into_iter().map(|(mirror, standing)| (mirror.name, standing)).collect())
    }

    pub(super) fn encode(&self, encoder: &mut Encoder<'_>) -> fmt::Result {
        let states: Vec<_> = self
            .0
            .iter()
            .flat_map(|(name, mirror)| {
                STANDINGS.map(|(standing, word)| {
                    ([("mirror", name.as_str()), ("standing", word)], u64::from(mirror.standing == standing))
                })
            })
            .collect();
        encoder.gauges(
            "heliostat_upstream_mirror_standing",
            "How a mirror stands: 1 for up_to_date, behind, unreachable or unknown, 0 for the others.",
            &states,
        )?;
        let pending: Vec<_> = self
            .0
            .iter()
            .map(|(name, mirror)| ([("mirror", name.as_str())], mirror.pending_events))
            .collect();
        encoder.gauges(
            "heliostat_upstream_mirror_pending_events",
            "Events that a mirror has not taken in yet.",
            &pending,
        )?;
        let deliveries: Vec<_> = self
            .0
            .iter()
            .flat_map(|(name, mirror)| {
                let DeliveryCounts { delivered, failed, refused } = mirror.deliveries;
                [("delivered", delivered), ("failed", failed), ("refused", refused)]
                    .map(|(result, count)| ([("mirror", name.as_str()), ("result", result)], count))
            })
            .collect();
        encoder.counters(
            "heliostat_upstream_mirror_deliveries_total",
            "Attempts to tell a mirror of events, by how they ended: delivered, failed (sent again), refused (not sent \
             again; the mirror finds it by its own comparison).",
            &deliveries,
        )?;
        let lag: Vec<_> = self
            .0
            .iter()
            .map(|(name, mirror)| ([("mirror", name.as_str())], seconds(mirror.lag_ms)))
            .collect();
        encoder.gauges(
            "heliostat_upstream_mirror_lag_seconds",
            "Seconds since the oldest change that a mirror is known to lack; 0 if none is known.",
            &lag,
        )?;
        let failing: Vec<_> =
            self.0.iter().map(|(name, mirror)| ([("mirror", name.as_str())], failing(mirror))).collect();
        encoder.gauges(
            "heliostat_upstream_mirror_repositories_failing",
            "Repositories that a mirror could not synchronize, when it last told.",
            &failing,
        )?;
        let heard: Vec<_> = self
            .0
            .iter()
            .map(|(name, mirror)| ([("mirror", name.as_str())], seconds(mirror.heard_at)))
            .collect();
        encoder.gauges(
            "heliostat_upstream_mirror_last_contact_timestamp_seconds",
            "When a mirror was last heard of; 0 if it never was.",
            &heard,
        )
    }
}

fn failing(mirror: &MirrorStanding) -> u64 {
    let told = mirror.told.as_ref().and_then(|(copies, _)| copies.failing);
    told.and_then(|failing| u64::try_from(failing).ok()).unwrap_or(0)
}

fn seconds(at_ms: Option<i64>) -> u64 {
    at_ms.and_then(|at_ms| u64::try_from(at_ms / 1_000).ok()).unwrap_or(0)
}

#[cfg(test)]
pub(super) fn sample() -> MirrorStandings {
    let standing = MirrorStanding {
        standing: Standing::Behind,
        told: None,
        heard_at: Some(1_764_000_000_500),
        pending_events: 3,
        lag_ms: Some(61_500),
        last_error: None,
        deliveries: DeliveryCounts { delivered: 7, failed: 2, refused: 0 },
    };
    MirrorStandings(vec![("Near \"us\"".to_owned(), standing)])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::snapshot::Metrics;

    #[test]
    fn each_mirror_has_one_standing() {
        let text = Metrics { mirrors: Some(sample()), ..Metrics::default() }.text();
        for line in [
            r#"heliostat_upstream_mirror_standing{mirror="Near \"us\"",standing="up_to_date"} 0"#,
            r#"heliostat_upstream_mirror_standing{mirror="Near \"us\"",standing="behind"} 1"#,
            r#"heliostat_upstream_mirror_pending_events{mirror="Near \"us\""} 3"#,
            r#"heliostat_upstream_mirror_deliveries_total{mirror="Near \"us\"",result="failed"} 2"#,
            r#"heliostat_upstream_mirror_lag_seconds{mirror="Near \"us\""} 61"#,
            r#"heliostat_upstream_mirror_repositories_failing{mirror="Near \"us\""} 0"#,
            r#"heliostat_upstream_mirror_last_contact_timestamp_seconds{mirror="Near \"us\""} 1764000000"#,
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
    }
}
