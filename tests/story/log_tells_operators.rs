//! What the log tells operators: a line for each request, for each failed login, and for each act of an administrator.

use std::collections::BTreeSet;
use std::path::Path;

use reqwest::Method;
use serde_json::{Value, json};
use tokio::io::AsyncReadExt;
use tokio::net::TcpListener;

use crate::harness::{
    Checkout, Identity, Pair, Receiver, Server, ServerOptions, begin_clone, clone_url, commit_noise,
    eventually, git, git_fails, repository_path, webhooks_path,
};

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";

fn in_json() -> ServerOptions {
    let arguments = ["--log-format", "json"].map(str::to_owned).to_vec();
    ServerOptions { arguments, ..ServerOptions::default() }
}

/// What a server has logged under a module.
fn lines(server: &Server, module: &str) -> Vec<Value> {
    let log = server.log();
    let lines = log.lines().filter_map(|line| serde_json::from_str::<Value>(line).ok());
    lines.filter(|line| line["target"] == module).collect()
}

/// The line about a request that has these values, once it is there.
async fn line_with(server: &Server, module: &str, values: &[(&str, &str)]) -> Value {
    let has = |line: &Value| values.iter().all(|(field, value)| line[*field] == *value);
    eventually(&format!("a line of {module} with {values:?}"), || async {
        lines(server, module).into_iter().find(has)
    })
    .await
}

/// The text that the filter for fail2ban finds when a login has failed from there.
fn sought_by_fail2ban(address: &str) -> String {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/fail2ban/filter.d/heliostat.conf");
    let text = std::fs::read_to_string(file).expect("there is a filter");
    let expression =
        text.lines().find_map(|line| line.strip_prefix("failregex = ")).expect("it seeks something");
    // How lines begin is for fail2ban itself to judge, in the tests from outside.
    let (_, told) = expression.split_once("\\s*WARN ").expect("it seeks a warning");
    format!("WARN {}", told.replace("\\.", ".").replace("\\s", " ").replace("<HOST>", address))
}

#[tokio::test]
async fn each_request_has_a_line_with_who_what_and_how_much() {
    let pair = Pair::start_with(in_json(), in_json()).await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let pushed = line_with(&pair.upstream, "heliostat_access", &[("operation", "gitPush")]).await;
    assert_eq!((pushed["user.name"].as_str(), pushed["http.status"].as_u64()), (Some("admin"), Some(200)));
    assert_eq!(pushed["client.address"], "127.0.0.1");

    let url = pair.mirror_url(&repository);
    for copy in ["first", "second"] {
        git(checkout.path(), &["clone", "--quiet", "--depth=1", url.as_str(), copy]);
    }
    let wanted = [("operation", "gitFetch"), ("cache", "hit")];
    let read = line_with(&pair.mirror, "heliostat_access", &wanted).await;
    assert_eq!(read["user.name"], "admin", "{read}");
    let slug = repository["slug"].as_str().expect("a slug");
    assert!(read["repository.path"].as_str().is_some_and(|path| path.contains(slug)), "{read}");
    assert!(read["size_bytes"].as_u64() > Some(0) && read["duration_ms"].is_u64(), "{read}");
    assert_eq!((read["complete"].as_bool(), read["http.status"].as_u64()), (Some(true), Some(200)));
    let mirror = line_with(&pair.upstream, "heliostat_access", &[("operation", "authenticate")]).await;
    assert!(mirror["server.name"].as_str().is_some_and(|name| name.starts_with("mirror ")), "{mirror}");
    assert!(mirror["user.name"].is_null(), "{mirror}");
    let head = pair.admin().unjudged().send(Method::HEAD, "/rest/api/latest/projects", None).await;
    let id = head.headers["x-request-id"].to_str().expect("is text").to_owned();
    let head = line_with(&pair.upstream, "heliostat_access", &[("request.id", &id)]).await;
    assert_eq!((head["complete"].as_bool(), head["size_bytes"].as_u64()), (Some(true), Some(0)));
}

#[tokio::test]
async fn a_request_has_one_id_and_one_trace_at_both_servers() {
    let pair = Pair::start_with(in_json(), in_json()).await;
    let client = pair.mirror.client(&pair.new_user().await);
    let client = client.with_header("X-Request-Id", "build-17");
    let client = client.with_header("traceparent", &format!("00-{TRACE}-00f067aa0ba902b7-01"));
    let answer = client.get("/rest/mirroring/latest/supportInfo/out-of-sync-repos/content").await;
    assert_eq!(answer.headers["x-request-id"], "build-17");
    let asked = [("request.id", "build-17"), ("trace.id", TRACE)];
    line_with(&pair.mirror, "heliostat_access", &asked).await;
    let passed_on = line_with(&pair.upstream, "heliostat_access", &asked).await;
    assert_eq!(passed_on["operation"], "authenticate");

    // What could be taken for something else in a log is no id.
    let answer = pair.admin().with_header("X-Request-Id", "two words").get("/rest/api/latest/projects").await;
    assert_ne!(answer.headers["x-request-id"], "two words");
}

#[tokio::test]
async fn failed_logins_are_told_with_the_address_and_never_with_a_secret() {
    let upstream = Server::upstream(ServerOptions::default());
    upstream.client(&Identity::impostor()).get("/rest/api/latest/users").await.refused(401);
    let log = || upstream.log();
    // Just as docs/operating.md shows it.
    let told =
        "WARN heliostat_audit: login failed client.address=127.0.0.1 user.name=\"admin\" scheme=\"Basic\"";
    eventually("the failed login in the log", || async { log().contains(told).then_some(()) }).await;
    assert!(log().contains(&sought_by_fail2ban("127.0.0.1")), "{}", log());

    // Who shows nothing has not failed, nor who has not shown the password yet; and a name may be a token.
    upstream.anonymous().get("/rest/api/latest/users").await.refused(401);
    let before_the_password = Identity::User("admin".to_owned(), String::new());
    upstream.client(&before_the_password).get("/rest/api/latest/users").await.refused(401);
    let token = Identity::User("a-token-instead-of-a-name".to_owned(), "x-oauth-basic".to_owned());
    upstream.client(&token).get("/rest/api/latest/users").await.refused(401);
    upstream
        .client(&Identity::Token("a-guessed-token".to_owned()))
        .get("/rest/api/latest/users")
        .await
        .refused(401);
    eventually("all failed logins in the log", || async {
        (log().matches("login failed").count() == 3).then_some(())
    })
    .await;
    for secret in ["a guess", "a-guessed-token", "a-token-instead-of-a-name"] {
        assert!(!log().contains(secret), "{secret}\n{}", log());
    }
}

#[tokio::test]
async fn a_login_that_fails_at_a_mirror_is_told_with_the_clients_address_there_only() {
    let pair = Pair::start_with(in_json(), in_json()).await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let url = clone_url(pair.mirror.base_url(), &repository, Some(("admin", "a guess")));
    git_fails(checkout.path(), &["ls-remote", url.as_str()]);
    let told = line_with(&pair.mirror, "heliostat_audit", &[("message", "login failed")]).await;
    assert_eq!(
        (told["user.name"].as_str(), told["client.address"].as_str()),
        (Some("admin"), Some("127.0.0.1"))
    );
    let elsewhere = [("message", "login failed at another server")];
    let told = line_with(&pair.upstream, "heliostat_audit", &elsewhere).await;
    assert!(told["client.address"].is_null(), "a mirror must not be banned for its users: {told}");
    assert!(lines(&pair.upstream, "heliostat_audit").iter().all(|line| line["message"] != "login failed"));
}

#[tokio::test]
async fn a_signature_that_is_refused_bans_no_address() {
    let upstream = Server::upstream(in_json());
    let removed = Identity::Server("B0F5-CS21-45C2-CCK3".to_owned(), "0".repeat(64));
    upstream.client(&removed).get("/rest/mirroring/latest/analyticsSettings").await.refused(401);
    let refused = [("message", "signature refused"), ("client.address", "127.0.0.1")];
    let told = line_with(&upstream, "heliostat_audit", &refused).await;
    assert_eq!(told["operation"], "analyticsSettings", "{told}");
    assert!(!upstream.log().contains("login failed"), "{}", upstream.log());
}

#[tokio::test]
async fn what_administrators_do_is_told_with_who_and_about_what() {
    let upstream = Server::upstream(in_json());
    let (project, user) = (upstream.new_project(false).await, upstream.user_with("ADMIN").await);
    let secret = "never logged, whatever happens";
    let body = json!({"name": "grace", "password": secret});
    upstream.admin().post("/rest/api/latest/admin/users", &body).await.promised(204);
    let (user, key) = (user.name(), project["key"].as_str().expect("a key"));
    let body = json!({"key": "OTHER", "name": "Other"});
    let plain = upstream.client(&upstream.new_user().await);
    plain.post("/rest/api/latest/projects", &body).await.refused(403);
    let body = json!({"originalPassword": "a guess", "password": secret, "passwordConfirm": secret});
    plain.put("/rest/api/latest/users/credentials", &body).await.refused(400);
    upstream.admin().delete(&format!("/rest/api/latest/projects/{key}")).await.expect(204);

    let audit = "heliostat_audit";
    line_with(&upstream, audit, &[("operation", "createProject"), ("subject", key), ("outcome", "done")])
        .await;
    line_with(&upstream, audit, &[("operation", "createUser"), ("subject", "grace")]).await;
    line_with(&upstream, audit, &[("operation", "createProject"), ("outcome", "refused")]).await;
    line_with(&upstream, audit, &[("operation", "updateOwnPassword"), ("outcome", "refused")]).await;
    let deleted = line_with(&upstream, audit, &[("operation", "deleteProject")]).await;
    assert!(deleted["http.path"].as_str().is_some_and(|path| path.ends_with(key)), "{deleted}");
    assert_eq!(deleted["user.name"], "admin");
    let granted = line_with(&upstream, audit, &[("operation", "setPermissionForUsers")]).await;
    let parameters = granted["parameters"].as_str().expect("they say who was granted what");
    assert!(parameters.contains(user) && parameters.contains("permission=ADMIN"), "{granted}");
    assert!(!upstream.log().contains(secret));
    let acts: BTreeSet<String> =
        lines(&upstream, audit).iter().map(|line| line["operation"].to_string()).collect();
    assert!(!acts.contains("\"getProjects\""), "what is only read is no act: {acts:?}");
}

#[tokio::test]
async fn what_only_the_body_of_a_request_names_is_told_without_its_secrets() {
    let pair = Pair::start_with(in_json(), in_json()).await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    let (admin, secret) = (pair.admin(), "never-logged");
    let hook = json!({
        "name": "CI", "url": format!("http://127.0.0.1:9/hook?key={secret}"), "events": ["repo:refs_changed"],
    });
    admin.post(&webhooks_path(&repository), &hook).await.promised(200);
    let refused = json!({"url": format!("http://ann:{secret}@127.0.0.1:9/tool.git")});
    admin.put(&format!("{}/following", repository_path(&repository)), &refused).await.refused(400);
    let (key, slug) = (&repository["project"]["key"], &repository["slug"]);
    let restoration = json!({"projectKey": key, "repositorySlug": slug, "mirror": "nowhere"});
    admin.post("/rest/api/latest/admin/repository-faults/restore", &restoration).await.refused(404);
    let mirror_admin = pair.mirror_admin();
    let mode = pair.mirror_path("/settings/mode").await;
    mirror_admin.put(&mode, &json!("SELECTED_PROJECTS")).await.promised(200);
    let id = repository["project"]["id"].to_string();
    mirror_admin.post(&pair.mirror_path("/settings/projects").await, &json!([id])).await.promised(200);

    let name = format!("{}/{}", key.as_str().expect("a key"), slug.as_str().expect("a slug"));
    for (server, operation, subject) in [
        (&pair.upstream, "createWebhook", "http://127.0.0.1:9"),
        (&pair.upstream, "setFollowing", "http://127.0.0.1:9/tool.git"),
        (&pair.upstream, "restoreRepository", name.as_str()),
        (&pair.mirror, "setMirrorMode", "SELECTED_PROJECTS"),
        (&pair.mirror, "startMirroringProjects", id.as_str()),
    ] {
        line_with(server, "heliostat_audit", &[("operation", operation), ("subject", subject)]).await;
    }
    assert!(!pair.upstream.log().contains(secret), "{}", pair.upstream.log());
}

#[tokio::test]
async fn what_an_administrator_has_asked_for_is_told_although_they_leave_before_the_answer() {
    let upstream = Server::upstream(in_json());
    let (admin, repository) = (upstream.admin(), upstream.empty_repository(false).await);
    // It takes the call of a webhook, and answers nothing.
    let receiver = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let address = receiver.local_addr().expect("it is bound");
    let path = format!("{}/test?url=http://{address}/hook", webhooks_path(&repository));
    let called = {
        let asking = admin.post_nothing(&path);
        tokio::select! {
            answer = asking => panic!("nothing has answered: {answer:?}"),
            called = receiver.accept() => called,
        }
    };
    let wanted = [("operation", "testWebhook"), ("outcome", "unanswered")];
    let told = line_with(&upstream, "heliostat_audit", &wanted).await;
    assert_eq!((told["user.name"].as_str(), told["http.status"].as_u64()), (Some("admin"), Some(499)));
    drop(called);
}

#[tokio::test]
async fn a_client_that_leaves_is_no_error_of_the_server() {
    let upstream = Server::upstream(in_json());
    let repository = upstream.empty_repository(true).await;
    let checkout = Checkout::new();
    let commit = commit_noise(&checkout);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let url = clone_url(upstream.base_url(), &repository, None);
    let (mut stream, _) = begin_clone(&url, &commit).await;
    stream.read_u8().await.expect("the answer goes on");
    drop(stream);
    let wanted = [("operation", "gitFetch"), ("message", "the client left before the end of its answer")];
    let told = line_with(&upstream, "heliostat_access", &wanted).await;
    assert_eq!(told["complete"], false);
    let log = upstream.log();
    let is_fault = |line: &&str| line.contains("\"WARN\"") || line.contains("\"ERROR\"");
    let faults: Vec<&str> = log.lines().filter(is_fault).collect();
    assert!(faults.is_empty(), "{faults:#?}");
}

#[tokio::test]
async fn each_request_is_told_to_a_collector_of_traces() {
    let collector = Receiver::start();
    let arguments = ["--otlp-endpoint", &collector.url()].map(str::to_owned).to_vec();
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let parent = "00f067aa0ba902b7";
    let traced = upstream.admin().with_header("traceparent", &format!("00-{TRACE}-{parent}-01"));
    traced.get("/rest/api/latest/projects").await.promised(200);
    let unsampled =
        upstream.admin().with_header("traceparent", &format!("00-{}-{parent}-00", "7".repeat(32)));
    unsampled.get("/rest/api/latest/projects").await.promised(200);
    traced.get("/rest/api/latest/users").await.promised(200);

    let told = || {
        let batches = collector.received().into_iter().filter(|batch| batch.path.ends_with("/v1/traces"));
        let spans = batches.flat_map(|batch| {
            batch.body["resourceSpans"][0]["scopeSpans"][0]["spans"].as_array().cloned().unwrap_or_default()
        });
        spans.collect::<Vec<Value>>()
    };
    let named = |name: &str| told().into_iter().find(|span| span["name"] == name && span["traceId"] == TRACE);
    let span = eventually("the span", || async { named("getUsers").and(named("getProjects")) }).await;
    assert_eq!((span["parentSpanId"].as_str(), span["kind"].as_u64()), (Some(parent), Some(2)));
    let user = json!({"key": "user.name", "value": {"stringValue": "admin"}});
    assert!(span["attributes"].as_array().is_some_and(|all| all.contains(&user)), "{span}");
    let unwanted = told().into_iter().any(|span| span["traceId"] == "7".repeat(32));
    assert!(!unwanted, "who has begun the trace does not want it recorded");
}

#[tokio::test]
async fn numbers_are_numbers_and_nothing_of_rust_shows_through() {
    let mut pair = Pair::start_with(in_json(), in_json()).await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    assert!(pair.mirror.terminate().success() && pair.upstream.terminate().success());
    for server in [&pair.upstream, &pair.mirror] {
        for line in server.log().lines() {
            let line: Value = serde_json::from_str(line).expect("each line is JSON");
            assert!(line["spans"].is_null(), "the span stands there twice: {line}");
            for (field, value) in line.as_object().expect("a line is an object") {
                let Some(text) = value.as_str() else { continue };
                let counts =
                    ["_ms", "_bytes", "generation", "repository.id"].iter().any(|end| field.ends_with(end));
                assert!(!counts || text.parse::<f64>().is_err(), "{field} is a number: {line}");
                assert!(!text.starts_with("Some(") && text != "None", "{field}: {line}");
            }
        }
    }
}
