//! Prometheus reads what each role does: from the server's own machine, or from anywhere with the token.

use std::io::Write;
use std::path::Path;

use crate::harness::{Client, Identity, Pair, Server, ServerOptions, clone_url, eventually};

const TOKEN: &str = "only-the-operators-know-this";

/// The value of a metric, with its labels in its name.
fn value_of(text: &str, name: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.parse().ok())
}

async fn read(client: &Client) -> String {
    let accept = "application/openmetrics-text;version=1.0.0,text/plain;version=0.0.4;q=0.5,*/*;q=0.1";
    let answer = client.clone().with_header("Accept", accept).get("/metrics").await.expect(200);
    assert_eq!(answer.media_type(), "application/openmetrics-text");
    assert!(answer.text.ends_with("# EOF\n"), "{}", answer.text);
    answer.text
}

/// Waits until a metric is at least so large.
async fn reaches(server: &Server, name: &str, least: f64) {
    eventually(&format!("{name} to reach {least}"), || async {
        (value_of(&read(&server.anonymous()).await, name)? >= least).then_some(())
    })
    .await;
}

fn token_file() -> tempfile::NamedTempFile {
    let mut file = tempfile::NamedTempFile::new().expect("a file can be made");
    writeln!(file, "{TOKEN}").expect("it can be written");
    file
}

fn with_file(file: &tempfile::NamedTempFile) -> ServerOptions {
    let path = file.path().to_str().expect("is UTF-8").to_owned();
    ServerOptions { arguments: vec!["--metrics-token-file".to_owned(), path], ..ServerOptions::default() }
}

#[tokio::test]
async fn both_roles_show_what_they_do() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    for (server, role) in [(&pair.upstream, "upstream"), (&pair.mirror, "mirror")] {
        let text = read(&server.anonymous()).await;
        assert!(text.contains(&format!("heliostat_build_info{{role=\"{role}\",version=")), "{text}");
        let (_, commit) = text.split_once(",commit=\"").expect("it says what it was built from");
        let commit = commit.split('"').next().unwrap_or_default();
        let is_checkout = Path::new(env!("CARGO_MANIFEST_DIR")).join("../.git").exists();
        let is_name = commit.len() >= 40 && commit.bytes().all(|byte| byte.is_ascii_hexdigit());
        assert!(is_name || !is_checkout, "{commit:?}");
        for name in [
            "heliostat_response_cache_requests_total{result=\"hit\"}",
            "heliostat_response_cache_served_bytes_total",
        ] {
            assert!(value_of(&text, name).is_some(), "{name}\n{text}");
        }
        assert!(value_of(&text, "process_resident_memory_bytes") > Some(1_000_000.0), "{text}");
        assert!(value_of(&text, "process_cpu_seconds_total") > Some(0.0), "{text}");
    }
    eventually("the mirror's metrics", || async {
        let text = read(&pair.mirror.anonymous()).await;
        let ready = value_of(&text, "heliostat_mirror_ready")? > 0.0;
        let available = value_of(&text, "heliostat_mirror_repositories_available")? > 0.0;
        (ready && available).then_some(())
    })
    .await;
    eventually("the upstream to know how its mirror stands", || async {
        let text = read(&pair.upstream.anonymous()).await;
        let name = "heliostat_upstream_mirror_standing{mirror=\"Saigon\",standing=\"up_to_date\"}";
        (value_of(&text, name)? > 0.0).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_mirror_says_how_fresh_its_answers_are() {
    let mut pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    let references = format!("{}/info/refs?service=git-upload-pack", url.path());
    let freshness = |server: &Server, identity| {
        let client = server.anonymous().as_(identity);
        let references = references.clone();
        async move {
            let answer = client.get(&references).await;
            answer.headers.get("heliostat-freshness").map(|value| value.to_str().expect("text").to_owned())
        }
    };
    assert_eq!(freshness(&pair.upstream, Identity::Anonymous).await, None, "it is the source");
    let current = freshness(&pair.mirror, Identity::Anonymous).await.expect("the mirror says it");
    assert!(current.starts_with("current;served="), "{current}");
    let counted = |word: &str| format!("heliostat_mirror_git_requests_total{{freshness=\"{word}\"}}");
    let text = read(&pair.mirror.anonymous()).await;
    assert_eq!(value_of(&text, &counted("current")), Some(1.0), "{text}");

    pair.upstream.kill();
    eventually("the mirror to notice that its upstream is away", || async {
        // A sign-in must be checked by the upstream, so this call notices.
        pair.mirror.anonymous().as_(Identity::impostor()).get("/rest/mirroring/latest/upstreamServers").await;
        let said = freshness(&pair.mirror, Identity::Anonymous).await?;
        said.starts_with("unverified;served=").then_some(())
    })
    .await;
    let text = read(&pair.mirror.anonymous()).await;
    assert!(value_of(&text, &counted("unverified")) > Some(0.0), "{text}");
}

#[tokio::test]
async fn who_does_not_ask_for_openmetrics_gets_the_text_of_prometheus() {
    let server = Server::upstream(ServerOptions::default());
    server.anonymous().get("/status").await.expect(200);
    let answer = server.anonymous().get("/metrics").await.expect(200);
    assert_eq!(answer.media_type(), "text/plain");
    for line in [
        "# TYPE heliostat_build_info gauge",
        "# TYPE heliostat_http_requests_total counter",
        "# TYPE heliostat_http_request_duration_seconds histogram",
        "# TYPE process_start_time_seconds gauge",
    ] {
        assert!(answer.text.lines().any(|found| found == line), "{line}\n{}", answer.text);
    }
    let has_others = answer.text.lines().any(|line| line == "# EOF" || line.starts_with("# UNIT"));
    assert!(!has_others, "{}", answer.text);
    let names = |text: &str| -> Vec<String> {
        let samples = text.lines().filter(|line| !line.starts_with('#'));
        let names = samples.filter_map(|line| line.split([' ', '{']).next().map(str::to_owned));
        let mut names: Vec<_> = names.collect();
        names.sort();
        names.dedup();
        names
    };
    assert_eq!(names(&answer.text), names(&read(&server.anonymous()).await));
}

#[tokio::test]
async fn pushes_requests_and_credentials_are_counted() {
    let pair = Pair::start().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let upstream = &pair.upstream;
    reaches(upstream, r#"heliostat_upstream_pushes_total{result="changed"}"#, 1.0).await;
    reaches(upstream, "heliostat_upstream_repositories", 1.0).await;
    reaches(upstream, r#"heliostat_http_requests_total{route="git_push",code="200"}"#, 2.0).await;
    reaches(upstream, r#"heliostat_http_request_duration_seconds_count{route="git_push"}"#, 2.0).await;
    reaches(upstream, r#"heliostat_authentications_total{scheme="basic",result="accepted"}"#, 1.0).await;
    reaches(
        upstream,
        r#"heliostat_upstream_mirror_deliveries_total{mirror="Saigon",result="delivered"}"#,
        1.0,
    )
    .await;
    reaches(upstream, "heliostat_database_up", 1.0).await;
    reaches(upstream, r#"heliostat_database_writes_total{result="committed"}"#, 1.0).await;
    reaches(&pair.mirror, r#"heliostat_mirror_synchronizations_total{result="succeeded"}"#, 1.0).await;

    let wrong = r#"heliostat_authentications_total{scheme="basic",result="refused"}"#;
    let before = value_of(&read(&upstream.anonymous()).await, wrong).expect("it is shown from the start");
    upstream.anonymous().as_(Identity::impostor()).get("/rest/api/latest/projects").await.expect_error(401);
    reaches(upstream, wrong, before + 1.0).await;

    let url = clone_url(upstream.base_url(), &repository, None);
    let references = format!("{}/info/refs?service=git-upload-pack", url.path());
    upstream.admin().get(&references).await.expect(200);
    reaches(upstream, r#"heliostat_http_response_start_seconds_count{route="git_refs"}"#, 1.0).await;
    let text = read(&upstream.anonymous()).await;
    assert!(value_of(&text, r#"heliostat_http_requests_running{route="metrics"}"#) >= Some(1.0), "{text}");
    // Counted once the answer has been sent.
    reaches(upstream, r#"heliostat_http_response_bytes_total{route="git_refs"}"#, 1.0).await;
}

#[tokio::test]
async fn a_proxy_does_not_open_them_to_the_world() {
    let server = Server::upstream(ServerOptions::default());
    let through_a_proxy = server.anonymous().with_header("X-Forwarded-For", "192.0.2.7");
    through_a_proxy.get("/metrics").await.expect_error(403);
    server.admin().post_nothing("/metrics").await.expect_error(405);
}

#[tokio::test]
async fn with_a_token_they_are_closed_to_others_and_it_is_in_no_log() {
    let file = token_file();
    let variable = ServerOptions {
        environment: vec![("HELIOSTAT_METRICS_TOKEN".to_owned(), TOKEN.to_owned())],
        ..ServerOptions::default()
    };
    let upstream = Server::upstream(with_file(&file));
    let mirror = Server::mirror(upstream.base_url(), "Lima", variable);
    for server in [&upstream, &mirror] {
        let reader = server.anonymous().as_(Identity::Token(TOKEN.to_owned()));
        read(&reader).await;
        read(&reader.with_header("X-Forwarded-For", "192.0.2.7")).await;
        server.anonymous().get("/metrics").await.expect_error(401);
        server.admin().get("/metrics").await.expect_error(401);
        let wrong = Identity::Token("only-the-operators-know-thiz".to_owned());
        server.anonymous().as_(wrong).get("/metrics").await.expect_error(401);
        assert!(!server.log().contains(TOKEN));
        let arguments = format!("/proc/{}/cmdline", server.process_id().expect("it runs"));
        let arguments = std::fs::read(arguments).expect("the system tells");
        assert!(!String::from_utf8_lossy(&arguments).contains(TOKEN));
    }
}
