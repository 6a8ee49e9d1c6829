//! A user opens an address that was meant for a program in a browser: a clone URL, or a link of the contract.

use reqwest::header::LOCATION;
use serde_json::{Value, json};
use url::Url;

use crate::harness::{Answer, Client, Identity, Server, clone_url, shared_pair};

/// What browsers want when a user types an address.
const BROWSER: &str = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8";

fn path_of(url: &str) -> String {
    Url::parse(url).expect("is a URL").path().to_owned()
}

fn self_link(thing: &Value) -> String {
    path_of(thing["links"]["self"][0]["href"].as_str().expect("it has a link to itself"))
}

fn browser(server: &Server) -> Client {
    server.client(&Identity::Anonymous).unjudged().with_header("accept", BROWSER)
}

/// What is there, after at most one step further.
async fn opened(server: &Server, path: &str) -> Answer {
    let answer = browser(server).get(path).await;
    if answer.status != 303 {
        return answer.expect(200);
    }
    let location = answer.headers[LOCATION].to_str().expect("is text").to_owned();
    browser(server).get(&location).await.expect(200)
}

#[tokio::test]
async fn every_link_and_every_clone_url_leads_to_a_page() {
    let pair = shared_pair().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let admin = pair.admin();
    let users = admin.get("/rest/api/latest/users").await.promised(200);
    let mirrors = admin.get("/rest/mirroring/latest/mirrorServers").await.promised(200);
    let copy = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;
    let copy = self_link(&pair.mirror_admin().get(&copy).await.promised(200));
    let clone = |server: &Server| clone_url(server.base_url(), &repository, None).path().to_owned();
    for (server, path) in [
        (&pair.upstream, clone(&pair.upstream)),
        (&pair.upstream, self_link(&repository)),
        (&pair.upstream, self_link(&repository["project"])),
        (&pair.upstream, self_link(&users["values"][0])),
        (&pair.upstream, self_link(&mirrors["values"][0])),
        (&pair.mirror, clone(&pair.mirror)),
        (&pair.mirror, copy),
    ] {
        let page = opened(server, &path).await;
        assert!(page.media_type().starts_with("text/html"), "{path}: {}", page.media_type());
    }
}

#[tokio::test]
async fn a_page_tells_nothing_of_what_is_hidden() {
    let pair = shared_pair().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    let hidden = opened(&pair.upstream, &self_link(&repository)).await.text;
    let slug = repository["slug"].as_str().expect("a repository has a slug");
    let missing = opened(&pair.upstream, &self_link(&repository).replace(slug, "there-is-none")).await.text;
    // Apart from what marks the style and script of one answer, it is one page.
    let without_mark = |page: &str| {
        page.split("nonce=\"")
            .map(|part| part.split_once('"').map_or(part, |(_, rest)| rest))
            .collect::<String>()
    };
    assert_eq!(without_mark(&hidden), without_mark(&missing));
}

#[tokio::test]
async fn programs_are_answered_as_ever() {
    let pair = shared_pair().await;
    let mirrors = "/rest/mirroring/latest/mirrorServers";
    let page = pair.admin().get(mirrors).await.promised(200);
    let link = self_link(&page["values"][0]);
    for accept in ["*/*", "application/json", "application/json, text/html"] {
        let mirror = pair.admin().with_header("accept", accept).get(&link).await.promised(200);
        assert_eq!(mirror["id"], page["values"][0]["id"]);
    }
}

#[tokio::test]
async fn a_browser_is_told_by_a_page_what_is_not_there_and_programs_as_ever() {
    let pair = shared_pair().await;
    for (server, path) in [
        (&pair.upstream, "/there-is-none"),
        (&pair.upstream, "/openapi/there-is-none"),
        (&pair.mirror, "/mirrors"),
        (&pair.mirror, "/account"),
    ] {
        let page = browser(server).get(path).await.expect(404);
        assert!(page.media_type().starts_with("text/html"), "{path}: {}", page.media_type());
        for part in [path, "href=\"/\"", "href=\"/#sign-in\""] {
            assert!(page.text.contains(part), "{part}: {}", page.text);
        }
        let told = server.client(&Identity::Anonymous).unjudged().get(path).await.expect(404);
        assert_eq!(told.media_type(), "application/json", "{path}");
    }
    let sent = browser(&pair.upstream).post("/projects", &json!({})).await.expect(405);
    assert!(
        sent.media_type().starts_with("text/html") && sent.headers.contains_key("allow"),
        "{}",
        sent.text
    );
    let elsewhere = browser(&pair.upstream).with_header("origin", "https://evil.example.com");
    let refused = elsewhere.post("/projects", &json!({})).await.expect(403);
    assert!(refused.media_type().starts_with("text/html"), "{}", refused.text);
    for path in ["/rest/api/latest/projects/NONE", "/rest/there-is-none"] {
        let told = browser(&pair.upstream).get(path).await;
        assert_eq!(told.media_type(), "application/json", "{path}: {}", told.status);
    }
}

#[tokio::test]
async fn the_addresses_of_projects_lead_to_what_a_mirror_has() {
    let pair = shared_pair().await;
    for path in ["/projects", "/projects/PRJ"] {
        let page = opened(&pair.mirror, path).await;
        assert!(page.media_type().starts_with("text/html"), "{path}: {}", page.media_type());
        assert!(page.text.contains("id=\"repositories\""), "{path}: {}", page.text);
    }
}
