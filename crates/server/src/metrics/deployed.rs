//! Dashboard, alert rules and documents name only metrics, labels and values that are served.

use std::collections::{BTreeMap, BTreeSet};

use super::reference_page::all_metrics;

const DASHBOARD: &str = include_str!("../../../../deploy/grafana/heliostat.json");
const RULES: &str = include_str!("../../../../deploy/prometheus/heliostat.rules.yml");
const PAGE: &str = include_str!("../../../../docs/metrics.md");
const OPERATING: &str = include_str!("../../../../docs/operating.md");

/// How our names begin.
const PREFIXES: [&str; 2] = ["heliostat_", "process_"];
/// Labels that Prometheus adds.
const ADDED_LABELS: [&str; 2] = ["job", "instance"];
/// Labels with more values than a sample shows.
const OPEN_LABELS: [&str; 6] = ["code", "mirror", "project", "repository", "version", "role"];

/// What is served: by the name of a sample, its labels and their values.
type Served = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A name with the conditions on its labels.
#[derive(Debug)]
struct Selector {
    name: String,
    /// Label, operator, value.
    conditions: Vec<(String, String, String)>,
}

fn served() -> Served {
    let mut served = Served::new();
    for line in all_metrics().lines().filter(|line| !line.starts_with('#')) {
        let line = line.replace("\\\"", "'");
        let selector = selectors(&line).into_iter().next().unwrap_or_else(|| panic!("no sample: {line}"));
        let labels = served.entry(selector.name).or_default();
        for (label, _, value) in selector.conditions {
            labels.entry(label).or_default().insert(value);
        }
    }
    served
}

fn is_of_a_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_'
}

/// All names of ours in a text, with what stands in braces behind them.
fn selectors(text: &str) -> Vec<Selector> {
    let mut found = Vec::new();
    let mut rest = text;
    while let Some(begin) = rest.bytes().position(is_of_a_name) {
        rest = &rest[begin..];
        let end = rest.bytes().position(|byte| !is_of_a_name(byte)).unwrap_or(rest.len());
        let (name, behind) = rest.split_at(end);
        rest = behind;
        if PREFIXES.iter().any(|prefix| name.starts_with(prefix) && name != *prefix) {
            let conditions = behind.strip_prefix('{').map(conditions).unwrap_or_default();
            found.push(Selector { name: name.to_owned(), conditions });
        }
    }
    found
}

/// The conditions up to the closing brace; a list of labels without values, as documents have it, gives none.
fn conditions(mut text: &str) -> Vec<(String, String, String)> {
    let mut conditions = Vec::new();
    loop {
        text = text.trim_start_matches([',', ' ']);
        let Some(end) = text.bytes().position(|byte| !is_of_a_name(byte)) else { return conditions };
        let (label, behind) = text.split_at(end);
        let Some((operator, behind)) = behind.split_once('"') else { return conditions };
        if !["=", "!=", "=~", "!~"].contains(&operator) {
            return conditions;
        }
        let Some((value, behind)) = behind.split_once('"') else { return conditions };
        conditions.push((label.to_owned(), operator.to_owned(), value.to_owned()));
        text = behind;
    }
}

/// What a text says that is not so.
fn mistakes(text: &str, served: &Served) -> Vec<String> {
    let mut mistakes = Vec::new();
    for Selector { name, conditions } in selectors(text) {
        let Some(labels) = served.get(&name) else {
            mistakes.push(format!("{name} is not served"));
            continue;
        };
        for (label, operator, value) in conditions {
            if ADDED_LABELS.contains(&label.as_str()) {
                continue;
            }
            let Some(values) = labels.get(&label) else {
                mistakes.push(format!("{name} has no label {label}"));
                continue;
            };
            if OPEN_LABELS.contains(&label.as_str()) {
                continue;
            }
            let is_pattern = operator.ends_with('~');
            let said = value.split('|').filter(|_| is_pattern).chain((!is_pattern).then_some(value.as_str()));
            mistakes.extend(
                said.filter(|said| !values.contains(*said))
                    .map(|said| format!("{name} has no {label} {said:?}")),
            );
        }
    }
    mistakes
}

/// What a legend of Grafana names in braces, and no metric of its expression has.
fn unknown_labels(legend: &str, expression: &str, served: &Served) -> Vec<String> {
    let selected = selectors(expression);
    let has = |label: &str| {
        let labels =
            |selector: &Selector| served.get(&selector.name).is_some_and(|of| of.contains_key(label));
        ADDED_LABELS.contains(&label) || selected.iter().any(labels)
    };
    let named = legend.split("{{").skip(1).filter_map(|rest| Some(rest.split_once("}}")?.0));
    named.filter(|label| !has(label)).map(str::to_owned).collect()
}

/// The names of families, as documents have them, beside those of samples.
fn with_families(mut served: Served) -> Served {
    let histograms: Vec<_> = served
        .iter()
        .filter_map(|(name, labels)| Some((name.strip_suffix("_bucket")?.to_owned(), labels.clone())))
        .collect();
    served.extend(histograms);
    served
}

#[test]
fn dashboard_and_rules_name_what_is_served() {
    let served = served();
    // Inside JSON quotes are escaped.
    let dashboard = DASHBOARD.replace("\\\"", "\"");
    for (file, text) in
        [("deploy/grafana/heliostat.json", dashboard.as_str()), ("heliostat.rules.yml", RULES)]
    {
        assert_eq!(mistakes(text, &served), [""; 0], "{file}");
        assert!(selectors(text).len() > 30, "{file}");
    }
}

#[test]
fn documents_name_what_is_served() {
    let served = with_families(served());
    for (file, text) in [("docs/metrics.md", PAGE), ("docs/operating.md", OPERATING)] {
        let mut mistakes = mistakes(text, &served);
        // A name with a star, or the beginning of one that is told apart by its end; and what lines of the log are under.
        let is_other = ["_ is not served", "heliostat_access is", "heliostat_audit is"];
        mistakes.retain(|mistake| !is_other.iter().any(|other| mistake.contains(other)));
        assert_eq!(mistakes, [""; 0], "{file}");
    }
}

#[test]
fn the_dashboard_is_one_that_grafana_reads() {
    let dashboard: serde_json::Value = serde_json::from_str(DASHBOARD).expect("is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let mut ids: Vec<_> = panels.iter().map(|panel| panel["id"].as_u64().expect("a number")).collect();
    ids.sort_unstable();
    ids.dedup();
    assert_eq!(ids.len(), panels.len(), "each panel has an id of its own");
    let served = served();
    for panel in panels.iter().filter(|panel| panel["type"] != "row") {
        let targets = panel["targets"].as_array().expect("targets");
        assert!(!targets.is_empty(), "{panel}");
        for target in targets {
            let expression = target["expr"].as_str().expect("an expression");
            assert!(expression.contains(r#"job=~"$job",instance=~"$instance""#), "{expression}");
            let legend = target["legendFormat"].as_str().unwrap_or_default();
            assert_eq!(unknown_labels(legend, expression, &served), [""; 0], "{legend} of {expression}");
        }
    }
}

#[test]
fn a_mistake_is_found() {
    let served = served();
    for (text, mistake) in [
        ("rate(heliostat_http_request_total[5m])", "heliostat_http_request_total is not served"),
        (r#"heliostat_mirror_ready{state="x"}"#, "heliostat_mirror_ready has no label state"),
        (
            r#"heliostat_upstream_pushes_total{job="x",result=~"changed|lost"}"#,
            r#"heliostat_upstream_pushes_total has no result "lost""#,
        ),
        (
            r#"heliostat_authentications_total{result!="wrong"}"#,
            r#"heliostat_authentications_total has no result "wrong""#,
        ),
    ] {
        assert_eq!(mistakes(text, &served), [mistake]);
    }
    let lag = r#"topk(10, heliostat_upstream_mirror_lag_seconds{job="x"})"#;
    assert_eq!(unknown_labels("{{mirror}} {{instance}}", lag, &served), [""; 0]);
    assert_eq!(unknown_labels("{{repository_id}} {{instance}}", lag, &served), ["repository_id"]);
}
