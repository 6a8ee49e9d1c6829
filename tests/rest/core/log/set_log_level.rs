//! PUT /logs/level: how much a server logs from now on.

use serde_json::json;

use super::who_runs_the_server;
use crate::harness::{Attempt, Identity, Pair, Server, ServerOptions, eventually, git};

const ADDRESS: &str = "/rest/api/latest/logs/level";

#[tokio::test]
async fn behaviour_more_is_logged_from_now_on_until_the_next_start() {
    let arguments = ["--log-level", "warn"].map(str::to_owned).to_vec();
    let mut upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let admin = upstream.admin();
    admin.get("/rest/api/latest/projects").await.promised(200);
    // A request is logged at its end, which may come after its client has the answer.
    eventually("the request to end", || async {
        let text = upstream.anonymous().get("/metrics").await.expect(200).text;
        text.contains("heliostat_http_requests_running{route=\"rest\"} 0\n").then_some(())
    })
    .await;
    let changed = admin.put(ADDRESS, &json!({"level": "info,heliostat_server=debug"})).await.promised(200);
    assert_eq!(changed["level"], "info,heliostat_server=debug");
    eventually("the change in the log", || async {
        upstream.log().contains("operation=\"setLogLevel\"").then_some(())
    })
    .await;
    assert!(!upstream.log().contains("operation=\"getProjects\""), "{}", upstream.log());

    for level in ["loud", "heliostat_git=loud"] {
        let refused = admin.put(ADDRESS, &json!({ "level": level })).await.refused(400);
        assert_eq!(refused["context"], "level");
    }
    assert_eq!(admin.get(ADDRESS).await.promised(200)["level"], "info,heliostat_server=debug");

    upstream.restart();
    assert_eq!(upstream.admin().get(ADDRESS).await.promised(200)["level"], "warn");
}

#[tokio::test]
async fn behaviour_the_signal_leads_to_debug_and_back() {
    let upstream = Server::upstream(ServerOptions::default());
    for level in ["debug", "info"] {
        upstream.change_log_level();
        eventually("the level to change", || async {
            (upstream.admin().get(ADDRESS).await.promised(200)["level"] == level).then_some(())
        })
        .await;
    }
}

#[tokio::test]
async fn behaviour_debug_tells_of_the_server_and_not_of_its_connections() {
    let arguments = ["--log-level", "debug"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let pair = Pair::start_with(ServerOptions::default(), options).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
    let log = pair.mirror.log();
    assert!(log.contains("DEBUG") && !log.contains("hyper_util"), "{log}");
}

#[tokio::test]
async fn behaviour_a_mirror_of_another_server_obeys_who_shows_its_token() {
    let upstream = Server::upstream(ServerOptions::default());
    let token = "a token of sixteen characters or more".replace(' ', "-");
    let environment = vec![("HELIOSTAT_METRICS_TOKEN".to_owned(), token.clone())];
    let options = ServerOptions { environment, ..ServerOptions::default() };
    let mirror = Server::mirror_of_origin(upstream.base_url(), options);
    let operator = mirror.client(&Identity::Token(token));
    operator.put(ADDRESS, &json!({"level": "debug"})).await.promised(200);
    assert_eq!(operator.get(ADDRESS).await.promised(200)["level"], "debug");
    mirror.anonymous().get(ADDRESS).await.refused(401);
}

#[tokio::test]
async fn authorisation_those_who_run_the_server() {
    who_runs_the_server(|server| Attempt::put(server, ADDRESS.to_owned(), json!({"level": "info"}))).await;
}
