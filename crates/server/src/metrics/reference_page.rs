//! `docs/metrics.md` lists exactly what is served, so that it cannot go stale.

use std::time::Duration;

use heliostat_git_serve::{ServingCounters, StoredAnswers};
use heliostat_storage::DatabaseCounters;
use heliostat_upstream::{FollowingStatus, UpstreamCounts};

use super::disk_agreement::DiskMetrics;
use super::hints::HintMetrics;
use super::mirror::MirrorMetrics;
use super::origin::OriginMetrics;
use super::repository_names::RepositoryNames;
use super::snapshot::Metrics;
use super::upstream::UpstreamMetrics;
use super::{following, late_repositories, mirror_standings, requests};

const PAGE: &str = include_str!("../../../../docs/metrics.md");

/// A row for each metric of the text that Prometheus reads: name with labels, type, help.
fn rows(text: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut help = "";
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if let Some(rest) = line.strip_prefix("# HELP ") {
            help = rest.split_once(' ').expect("a name and a help text").1;
        } else if let Some(kind) = line.strip_prefix("# TYPE ").and_then(|rest| rest.split(' ').nth(1)) {
            let unit = lines.next_if(|line| line.starts_with("# UNIT "));
            assert_eq!(unit.is_some(), line.contains("_seconds ") || line.contains("_bytes "), "{line}");
            let sample = lines.next().expect("a sample");
            let (name, labels) = sample.split_once('{').map_or_else(
                || (sample.split(' ').next().expect("a name"), String::new()),
                |(name, labels)| (name, label_names(labels)),
            );
            // The first sample of a histogram is its sum.
            let name = if kind == "histogram" { name.trim_end_matches("_sum") } else { name };
            rows.push(format!("| `{name}{labels}` | {kind} | {help} |"));
        }
    }
    rows
}

fn label_names(labels: &str) -> String {
    let names: Vec<&str> =
        labels.split("=\"").filter_map(|part| part.rsplit(['"', ',', '{']).next()).collect();
    let names = &names[..names.len() - 1];
    format!("{{{}}}", names.join(","))
}

/// One sample at least of every metric that there is.
pub(super) fn all_metrics() -> String {
    let repositories = vec![StoredAnswers { repository: 1, entries: 1, bytes: 1 }];
    let serving = ServingCounters { repositories, waited: Duration::ZERO, ..ServingCounters::default() };
    let mirror = MirrorMetrics::of_late(late_repositories::sample());
    let disk = DiskMetrics::default();
    Metrics {
        role: "mirror",
        serving,
        names: RepositoryNames::at_paths([(1, "acme/tool".to_owned())]),
        database: Some(DatabaseCounters::default()),
        upstream: Some(UpstreamMetrics {
            counts: Some(UpstreamCounts::default()),
            ..UpstreamMetrics::default()
        }),
        disk: Some(disk),
        mirrors: Some(mirror_standings::sample()),
        following: Some(FollowingStatus::default()),
        followed: Some(following::sample()),
        mirror: Some(mirror),
        origin: Some(OriginMetrics::default()),
        hints: Some(HintMetrics::default()),
        clients: requests::sample(),
        ..Metrics::default()
    }
    .text()
}

#[test]
fn the_page_lists_what_is_served() {
    let wanted = rows(&all_metrics());
    let listed: Vec<&str> = PAGE.lines().filter(|line| line.starts_with("| `")).collect();
    assert!(listed == wanted, "docs/metrics.md must have these rows:\n{}\n", wanted.join("\n"));
}

#[test]
fn every_help_text_is_a_sentence_and_every_name_follows_the_practice() {
    for row in rows(&all_metrics()) {
        let cells: Vec<&str> = row.trim_matches(['|', ' ']).split(" | ").collect();
        let &[name, kind, help] = cells.as_slice() else { panic!("three cells: {row}") };
        let name = name.trim_matches('`').split('{').next().expect("a name");
        assert!(name.starts_with("heliostat_") || name.starts_with("process_"), "{name}");
        assert_eq!(name.ends_with("_total"), kind == "counter", "{name}");
        let parts: Vec<&str> = name.split('_').collect();
        let says_its_type = ["counter", "gauge", "histogram", "summary", "untyped"];
        assert!(!parts.iter().any(|part| says_its_type.contains(part)), "{name}");
        // Names with these endings belong to the samples of a histogram.
        assert!(!parts.last().is_some_and(|last| ["count", "sum", "bucket"].contains(last)), "{name}");
        let is_base_unit = |part: &&str| !["ms", "us", "milliseconds", "minutes", "kb", "mb"].contains(part);
        assert!(parts.iter().all(is_base_unit), "{name}");
        assert!(help.ends_with('.') && help.starts_with(char::is_uppercase), "{name}: {help}");
    }
}
