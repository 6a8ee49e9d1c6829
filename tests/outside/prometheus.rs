//! Prometheus' own checker and the strict reader of its Python client find nothing wrong with the metrics of all roles, with
//! the alert rules, and with the queries of the dashboard.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use tempfile::TempDir;
use url::Url;

use crate::harness::{Identity, Pair, Server, ServerOptions, clone_url, eventually, must_succeed, tool};

/// Where the system's package puts it.
const PROMTOOL: &str = "/usr/bin/promtool";

/// What is handed to operators beside the binary.
fn deployed(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy").join(path)
}

fn promtool(arguments: &[&str]) -> Command {
    let mut command = Command::new(PROMTOOL);
    command.args(arguments).stdin(Stdio::null());
    command
}

/// What a text tells of, without the values.
fn samples(text: &str) -> BTreeSet<&str> {
    let samples = text.lines().filter(|line| !line.starts_with('#'));
    samples.filter_map(|line| Some(line.rsplit_once(' ')?.0)).collect()
}

/// Both texts of a server, each in a file.
async fn texts(server: &Server, folder: &TempDir) -> [PathBuf; 2] {
    const OPEN: &str = "application/openmetrics-text";
    let text = async |accept: &'static str| {
        server.anonymous().with_header("Accept", accept).get("/metrics").await.expect(200).text
    };
    // What the server does by itself may be counted for the first time between the two.
    let read = eventually("nothing new to be told of", || async {
        let read = [text(OPEN).await, text("text/plain").await];
        let again = text(OPEN).await;
        let is_all = samples(&read[0]) == samples(&again);
        is_all.then_some(read)
    });
    let paths = ["open", "classic"].map(|name| folder.path().join(name));
    for (path, text) in paths.iter().zip(read.await) {
        fs::write(path, text).expect("a file can be written");
    }
    paths
}

async fn is_clean(role: &str, server: &Server) {
    let folder = tempfile::tempdir().expect("a folder can be made");
    // Whatever is only counted when it is asked for.
    server.anonymous().get("/status").await;
    server.anonymous().get("/metrics").await.expect(200);
    let [open_metrics, classic] = texts(server, &folder).await;
    let mut check = promtool(&["check", "metrics"]);
    check.stdin(fs::File::open(&classic).expect("it was written"));
    let complaints = must_succeed(&format!("promtool-{role}"), check);
    assert_eq!(complaints.trim(), "", "{role}");
    let reader = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/prometheus/strict_reader.py");
    let mut read = tool("python3");
    read.arg(reader).arg(open_metrics).arg(classic);
    must_succeed(&format!("prometheus-client-{role}"), read);
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn nothing_is_wrong_with_the_metrics_of_any_role() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let origin: &Url = pair.upstream.base_url();
    let of_origin = Server::mirror_of_origin(origin, ServerOptions::default());
    for (role, server) in
        [("upstream", &pair.upstream), ("mirror", &pair.mirror), ("origin-mirror", &of_origin)]
    {
        let url = clone_url(server.base_url(), &repository, None);
        let references = format!("{}/info/refs?service=git-upload-pack", url.path());
        server.anonymous().get(&references).await;
        server.anonymous().as_(Identity::impostor()).get(&references).await;
        is_clean(role, server).await;
    }
}

#[test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
fn prometheus_takes_the_rules_and_the_queries_of_the_dashboard() {
    let rules = deployed("prometheus/heliostat.rules.yml");
    let mut check = promtool(&["check", "rules", "--lint=all", "--lint-fatal"]);
    check.arg(&rules);
    must_succeed("promtool-rules", check);
    let mut check = promtool(&["test", "rules"]);
    check.arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/prometheus/alerts.yml"));
    must_succeed("promtool-alerts", check);
    let mut check = promtool(&["check", "config", "--syntax-only"]);
    check.arg(deployed("prometheus/prometheus.yml"));
    must_succeed("promtool-config", check);

    // What Grafana fills in stands for any values here; a rule of its own holds each query.
    let dashboard = fs::read_to_string(deployed("grafana/heliostat.json")).expect("it is there");
    let dashboard: Value = serde_json::from_str(&dashboard).expect("is JSON");
    let panels = dashboard["panels"].as_array().expect("panels");
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let mut recorded = String::from("groups:\n  - name: dashboard\n    rules:\n");
    for (number, target) in targets.enumerate() {
        let query = target["expr"].as_str().expect("a query").replace("$__rate_interval", "5m");
        let query = Value::from(query);
        writeln!(recorded, "      - record: query:{number}\n        expr: {query}").expect("a text grows");
    }
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("dashboard.yml");
    fs::write(&file, recorded).expect("a file can be written");
    let mut check = promtool(&["check", "rules"]);
    check.arg(&file);
    must_succeed("promtool-dashboard", check);
}
