//! A build tool's page in a browser: it asks the upstream for a repository's mirrors, and each mirror's self link from
//! an origin of its own.
//!
//! What a browser lets the page read is decided by headers, which are checked here; a real browser is asked in
//! `outside::browser_reads_self_link`. The tool passes over 404 and 409.

use reqwest::Method;
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::reading::{client_at, every_href};
use crate::harness::{Answer, Client, Identity, Pair, clone_url, shared_pair};

const PAGE: &str = "https://builds.example.com";

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a browser shows the answer to the page, when the request carried none of the browser's credentials.
fn readable(answer: &Answer) -> bool {
    matches!(header(&answer.headers, "access-control-allow-origin"), Some(origin) if origin == PAGE || origin == "*")
}

/// Whether a browser shows it when the request carried cookies or a remembered password.
fn readable_with_credentials(answer: &Answer) -> bool {
    header(&answer.headers, "access-control-allow-origin") == Some(PAGE)
        && header(&answer.headers, "access-control-allow-credentials") == Some("true")
}

async fn preflight(client: &Client, path: &str, method: &str, headers: Option<&str>) -> Answer {
    let client =
        client.clone().with_header("origin", PAGE).with_header("access-control-request-method", method);
    let client = match headers {
        Some(headers) => client.with_header("access-control-request-headers", headers),
        None => client,
    };
    client.send(Method::OPTIONS, path, None).await
}

fn allows(answer: &Answer, header_name: &str, wanted: &str) -> bool {
    let listed = header(&answer.headers, header_name).unwrap_or_default();
    listed.split(',').any(|one| one.trim().eq_ignore_ascii_case(wanted))
}

async fn self_link(pair: &Pair, repository: &Value) -> (Client, String) {
    let path = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let page = pair.admin().get(&path).await.promised(200);
    let descriptor = &page["values"][0];
    assert!(descriptor["mirrorServer"]["id"].is_string(), "{descriptor}");
    client_at(descriptor["links"]["self"][0]["href"].as_str().expect("is text"))
}

#[tokio::test]
async fn the_self_link_is_readable_from_any_origin_without_credentials() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let (mirror, link) = self_link(pair, &repository).await;

    let answer = mirror.clone().with_header("origin", PAGE).get(&link).await.expect(200);
    assert!(readable(&answer), "{:?}", answer.headers);
    assert!(!readable_with_credentials(&answer), "{:?}", answer.headers);
    assert!(allows(&answer, "vary", "origin"), "caches must not show it to others: {:?}", answer.headers);
    let mirrored = answer.promised(200);
    assert_eq!((&mirrored["available"], &mirrored["mirrorName"]), (&true.into(), &"Saigon".into()));
    assert!(!every_href(&mirrored["links"]["clone"]).is_empty(), "{mirrored}");

    let allowed = preflight(&mirror, &link, "GET", Some("authorization,content-type")).await.expect(200);
    assert!(readable(&allowed), "{:?}", allowed.headers);
    assert!(allows(&allowed, "access-control-allow-methods", "GET"), "{:?}", allowed.headers);
    for name in ["authorization", "content-type"] {
        assert!(allows(&allowed, "access-control-allow-headers", name), "{:?}", allowed.headers);
    }
    // Without an origin there is nothing to allow.
    let plain = mirror.get(&link).await.expect(200);
    assert_eq!(header(&plain.headers, "access-control-allow-origin"), None);
}

#[tokio::test]
async fn a_preflight_that_asks_for_too_much_is_refused_in_the_envelope() {
    let pair = shared_pair().await;
    let mirror = pair.mirror.anonymous();
    let path = pair.mirror_path("/repos/1").await;
    for (method, headers) in [("PATCH", None), ("GET", Some("x-forwarded-for"))] {
        let refused = preflight(&mirror, &path, method, headers).await;
        assert!(!readable(&refused), "{method} {headers:?}: {:?}", refused.headers);
        let status = refused.status;
        assert!((400..500).contains(&status), "{method} {headers:?}: {status}");
        refused.expect_error(status);
    }
}

#[tokio::test]
async fn errors_are_readable_too_and_the_same_as_for_other_clients() {
    let pair = shared_pair().await;
    let page = pair.mirror.admin().with_header("origin", PAGE);
    let list = "/rest/mirroring/latest/upstreamServers";
    let wrong = [
        (Method::GET, pair.mirror_path("/repos/999999").await, 404),
        (Method::GET, format!("{list}?start=x"), 400),
        (Method::GET, format!("{list}/x/addon/events"), 405),
        (Method::GET, "/rest/nothing".to_owned(), 404),
    ];
    for (method, path, status) in wrong {
        let elsewhere = page.send(method.clone(), &path, None).await;
        assert!(readable(&elsewhere), "{method} {path}: {:?}", elsewhere.headers);
        let here = pair.mirror.admin().send(method, &path, None).await;
        assert_eq!(elsewhere.expect_error(status), here.expect_error(status));
    }
    let (mirror, link) = {
        let (repository, _) = pair.pushed_repository(false).await;
        pair.mirrored(&repository).await;
        self_link(pair, &repository).await
    };
    let stale = mirror.with_header("origin", PAGE).get(&link.replace("jwt=", "jwt=x")).await;
    assert!(readable(&stale), "{:?}", stale.headers);
    stale.expect_error(401);
}

#[tokio::test]
async fn nothing_else_is_open_to_other_origins() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let on_mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let git = format!("{}/info/refs?service=git-upload-pack", on_mirror.path());
    let closed = [
        (&pair.mirror, git.as_str()),
        (&pair.mirror, "/"),
        (&pair.mirror, "/status"),
        (&pair.upstream, "/rest/mirroring/latest/repos"),
        (&pair.upstream, "/rest/api/latest/projects"),
        (&pair.upstream, "/rest/api/1.0/application-properties"),
    ];
    for (server, path) in closed {
        for identity in [Identity::Anonymous, Identity::admin()] {
            let answer = server.client(&identity).with_header("origin", PAGE).get(path).await;
            assert!(!readable(&answer), "{path}: {:?}", answer.headers);
        }
        let asked = preflight(&server.anonymous(), path, "GET", Some("authorization")).await;
        assert!(!readable(&asked), "{path}: {:?}", asked.headers);
    }
    // Even where other origins may read, no browser may add its credentials.
    let path = pair.mirror_path("/settings").await;
    let answer = pair.mirror.admin().with_header("origin", PAGE).get(&path).await.expect(200);
    assert!(readable(&answer) && !readable_with_credentials(&answer), "{:?}", answer.headers);
}

#[tokio::test]
async fn the_tool_passes_over_a_repository_that_it_may_not_see() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let path = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let outsider = pair.upstream.client(&pair.new_user().await);
    let status = outsider.get(&path).await.status;
    assert!([404, 409].contains(&status), "answered {status}");
}
