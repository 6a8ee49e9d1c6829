//! The figures by name, with a help text each. Counters come in pairs that explain each other: hits and misses,
//! served and generated.

use std::fmt;
use std::time::Duration;

use heliostat_git::{ServingCounters, StoredAnswers, UpkeepCounters};
use heliostat_mirror::MirrorStatus;
use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeLabelSet, EncodeMetric};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::{Registry, Unit};

use super::process::ProcessFigures;

/// Figures of single repositories are shown for this many of them: those whose stored answers are the largest.
pub const MAX_LABELLED_REPOSITORIES: usize = 100;

/// Everything that is shown, at one moment.
#[derive(Debug, Default)]
pub struct Figures {
    /// `upstream` or `mirror`.
    pub role: &'static str,
    /// Answering Git's readers.
    pub serving: ServingCounters,
    /// Keeping repositories fast.
    pub upkeep: UpkeepCounters,
    /// Following the upstream, at a mirror.
    pub mirror: Option<MirrorFigures>,
    /// The process.
    pub process: ProcessFigures,
}

/// How far a mirror is.
#[derive(Debug)]
pub struct MirrorFigures {
    ready: bool,
    available: usize,
    failing: usize,
    lag: Duration,
}

impl From<MirrorStatus> for MirrorFigures {
    fn from(status: MirrorStatus) -> Self {
        let lag_ms = status.lag_ms.and_then(|lag| u64::try_from(lag).ok()).unwrap_or_default();
        MirrorFigures {
            ready: status.ready,
            available: status.available,
            failing: status.failing,
            lag: Duration::from_millis(lag_ms),
        }
    }
}

impl Figures {
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

impl Collector for Figures {
    fn encode(&self, encoder: DescriptorEncoder<'_>) -> fmt::Result {
        let mut sheet = Sheet(encoder);
        let build = [("role", self.role), ("version", env!("CARGO_PKG_VERSION"))];
        sheet.labelled_gauges("heliostat_build", "What runs here", &[(build, 1)])?;
        self.encode_serving(&mut sheet)?;
        self.encode_upkeep(&mut sheet)?;
        if let Some(mirror) = &self.mirror {
            mirror.encode(&mut sheet)?;
        }
        self.process.encode(&mut sheet)
    }
}

impl Figures {
    fn encode_serving(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let serving = &self.serving;
        sheet.labelled_counters(
            "heliostat_answers",
            "Answers to clones and fetches: stored already, being computed for another client, or computed",
            &[
                ([("source", "stored")], serving.hits),
                ([("source", "joined")], serving.joins),
                ([("source", "computed")], serving.misses),
            ],
        )?;
        for (name, help, bytes) in [
            (
                "heliostat_answers_served",
                "Bytes of stored answers that clients have read",
                serving.served_bytes,
            ),
            ("heliostat_answers_generated", "Bytes of answers that were computed", serving.generated_bytes),
        ] {
            sheet.write(name, help, Some(&Unit::Bytes), &ConstCounter::new(bytes))?;
        }
        for (name, help, time) in [
            ("heliostat_answers_cpu_saved", "Processor time that stored answers have saved", serving.saved),
            (
                "heliostat_computation_wait",
                "How long computations have waited for their turn",
                serving.waited,
            ),
        ] {
            sheet.seconds(name, help, time)?;
        }
        for (name, help, count) in [
            (
                "heliostat_answers_prepared",
                "Answers that were computed before anybody asked, because a branch had moved",
                serving.prepared,
            ),
            (
                "heliostat_answers_from_bundle",
                "Computed clones that began with the pack behind the repository's bundle",
                serving.from_bundle,
            ),
            (
                "heliostat_answers_abandoned",
                "Computations that nobody waited for any more",
                serving.abandoned,
            ),
            ("heliostat_answers_not_stored", "Answers that could not be stored", serving.not_stored),
            ("heliostat_answers_damaged", "Stored answers that were damaged on disk", serving.damaged),
            ("heliostat_answers_evicted", "Stored answers that made room for others", serving.evictions),
            ("heliostat_computation_turns", "Computations that have had their turn", serving.turns),
            ("heliostat_computation_waits", "Those that had to wait for their turn", serving.waits),
        ] {
            sheet.write(name, help, None, &ConstCounter::new(count))?;
        }
        sheet.gauge("heliostat_computations_running", "Computations under way", serving.running)?;
        sheet.gauge(
            "heliostat_computations_waiting",
            "Computations that wait for their turn",
            serving.waiting,
        )?;
        self.encode_repositories(sheet)
    }

    fn encode_repositories(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let all = &self.serving.repositories;
        let sum = |part: fn(&StoredAnswers) -> u64| all.iter().map(part).sum::<u64>();
        sheet.gauge("heliostat_stored_answers", "Answers that are stored", sum(|stored| stored.entries))?;
        sheet.gauge(
            "heliostat_stored_answers_bytes",
            "Bytes of the answers that are stored",
            sum(|stored| stored.bytes),
        )?;
        let mut largest = all.clone();
        largest.sort_by_key(|stored| (std::cmp::Reverse(stored.bytes), stored.repository));
        largest.truncate(MAX_LABELLED_REPOSITORIES);
        let labelled = |part: fn(&StoredAnswers) -> u64| -> Vec<_> {
            largest.iter().map(|stored| ([("repository", stored.repository)], part(stored))).collect()
        };
        let most = format!("of the {MAX_LABELLED_REPOSITORIES} repositories with the most bytes");
        sheet.labelled_gauges(
            "heliostat_repository_stored_answers",
            &format!("Stored answers {most}"),
            &labelled(|stored| stored.entries),
        )?;
        sheet.labelled_gauges(
            "heliostat_repository_stored_answers_bytes",
            &format!("Bytes of stored answers {most}"),
            &labelled(|stored| stored.bytes),
        )
    }
}

impl Figures {
    fn encode_upkeep(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        let upkeep = &self.upkeep;
        for (name, help, count) in [
            ("heliostat_upkeep_runs", "Repositories whose packs were worked on", upkeep.runs),
            ("heliostat_upkeep_failures", "Of those, how many could not be finished", upkeep.failures),
            ("heliostat_upkeep_removed_packs", "Packs that others have replaced", upkeep.removed_packs),
        ] {
            sheet.write(name, help, None, &ConstCounter::new(count))?;
        }
        sheet.seconds("heliostat_upkeep_busy", "How long all runs took together", upkeep.busy)?;
        let pending = "Repositories that have changed and wait to be looked at, or are being worked on";
        sheet.gauge("heliostat_upkeep_pending", pending, upkeep.pending)?;
        sheet.gauge("heliostat_bundles", "Repositories that clients can begin with a bundle", upkeep.bundles)
    }
}

impl MirrorFigures {
    fn encode(&self, sheet: &mut Sheet<'_>) -> fmt::Result {
        sheet.gauge(
            "heliostat_mirror_ready",
            "Whether this mirror may take traffic",
            u64::from(self.ready),
        )?;
        sheet.gauge(
            "heliostat_mirror_repositories_available",
            "Repositories that can be cloned here",
            self.available as u64,
        )?;
        sheet.gauge(
            "heliostat_mirror_repositories_failing",
            "Repositories whose synchronization failed",
            self.failing as u64,
        )?;
        sheet.seconds_gauge("heliostat_mirror_lag", "Age of the oldest change that is not here yet", self.lag)
    }
}

/// Where the figures are written to, in the forms that are used here.
pub struct Sheet<'a>(DescriptorEncoder<'a>);

impl Sheet<'_> {
    /// A time that only grows.
    pub fn seconds(&mut self, name: &str, help: &str, value: Duration) -> fmt::Result {
        self.write(name, help, Some(&Unit::Seconds), &ConstCounter::new(value.as_secs_f64()))
    }

    /// A number of now.
    pub fn gauge(&mut self, name: &str, help: &str, value: u64) -> fmt::Result {
        self.write(name, help, None, &ConstGauge::new(value))
    }

    /// A time of now.
    pub fn seconds_gauge(&mut self, name: &str, help: &str, value: Duration) -> fmt::Result {
        self.write(name, help, Some(&Unit::Seconds), &ConstGauge::new(value.as_secs_f64()))
    }

    fn labelled_counters(
        &mut self,
        name: &str,
        help: &str,
        values: &[(impl EncodeLabelSet, u64)],
    ) -> fmt::Result {
        let counter = ConstCounter::new(0_u64);
        let mut family = self.0.encode_descriptor(name, help, None, counter.metric_type())?;
        values
            .iter()
            .try_for_each(|(labels, value)| ConstCounter::new(*value).encode(family.encode_family(labels)?))
    }

    fn labelled_gauges(
        &mut self,
        name: &str,
        help: &str,
        values: &[(impl EncodeLabelSet, u64)],
    ) -> fmt::Result {
        let gauge = ConstGauge::new(0_u64);
        let mut family = self.0.encode_descriptor(name, help, None, gauge.metric_type())?;
        values
            .iter()
            .try_for_each(|(labels, value)| ConstGauge::new(*value).encode(family.encode_family(labels)?))
    }

    fn write(
        &mut self,
        name: &str,
        help: &str,
        unit: Option<&Unit>,
        metric: &impl EncodeMetric,
    ) -> fmt::Result {
        metric.encode(self.0.encode_descriptor(name, help, unit, metric.metric_type())?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(repository: u64, bytes: u64) -> StoredAnswers {
        StoredAnswers { repository, entries: 2, bytes }
    }

    #[test]
    fn figures_have_names_units_and_values() {
        let serving = ServingCounters {
            hits: 3,
            misses: 1,
            served_bytes: 4_000,
            saved: Duration::from_millis(1_500),
            repositories: vec![stored(7, 1_000)],
            ..ServingCounters::default()
        };
        let upkeep = UpkeepCounters { pending: 2, bundles: 1, ..UpkeepCounters::default() };
        let text = Figures { role: "mirror", serving, upkeep, ..Figures::default() }.text();
        let mut described: Vec<_> = text.lines().filter(|line| line.starts_with("# HELP ")).collect();
        let families = described.len();
        described.sort_unstable_by_key(|line| line.split(' ').nth(2));
        described.dedup_by_key(|line| line.split(' ').nth(2));
        assert_eq!(described.len(), families, "who reads them refuses a family that comes twice");
        for line in [
            "heliostat_answers_total{source=\"stored\"} 3",
            "heliostat_answers_total{source=\"computed\"} 1",
            "heliostat_answers_served_bytes_total 4000",
            "heliostat_answers_cpu_saved_seconds_total 1.5",
            "heliostat_answers_prepared_total 0",
            "heliostat_upkeep_pending 2",
            "heliostat_bundles 1",
            "heliostat_stored_answers 2",
            "heliostat_repository_stored_answers_bytes{repository=\"7\"} 1000",
            "# EOF",
        ] {
            assert!(text.lines().any(|found| found == line), "{line}\n{text}");
        }
        assert!(text.contains("heliostat_build{role=\"mirror\""), "{text}");
        assert!(!text.contains("heliostat_mirror_ready"), "an upstream follows nobody\n{text}");
    }

    #[test]
    fn only_the_largest_repositories_have_figures_of_their_own() {
        let count = MAX_LABELLED_REPOSITORIES as u64 + 20;
        let repositories: Vec<_> = (1..=count).map(|id| stored(id, id)).collect();
        let serving = ServingCounters { repositories, ..ServingCounters::default() };
        let text = Figures { serving, ..Figures::default() }.text();
        let shown =
            text.lines().filter(|line| line.starts_with("heliostat_repository_stored_answers{")).count();
        assert_eq!(shown, MAX_LABELLED_REPOSITORIES);
        assert!(text.contains(&format!("{{repository=\"{count}\"}}")));
        assert!(!text.contains("{repository=\"20\"}"));
        assert!(text.contains(&format!("heliostat_stored_answers {}\n", 2 * count)));
    }
}
