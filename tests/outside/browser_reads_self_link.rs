//! A real browser reads a mirror's self link from a page of another origin, and nothing that it should not.
//!
//! `browser_reads_self_link.mjs` opens the page and fetches; what it was allowed to read is judged here.

use std::path::Path;

use serde_json::{Value, json};

use crate::harness::{ADMIN_PASSWORD, Identity, clone_url, must_succeed, shared_pair, tool};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_page_of_another_origin_reads_the_self_link_without_credentials() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let page = pair.admin().get(&path).await.promised(200);
    let link = page["values"][0]["links"]["self"][0]["href"].as_str().expect("is text").to_owned();
    let here = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;
    let on_mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let token = pair.upstream.new_token(&Identity::admin(), &["REPO_READ"]).await["token"].clone();

    let same = |path: &str| format!("{}{path}", pair.mirror.base());
    let settings = same(&pair.mirror_path("/settings").await);
    let bearer = format!("Bearer {}", token.as_str().expect("is text"));
    let git = format!("{on_mirror}/info/refs?service=git-upload-pack");
    let upstream = format!("{}/rest/api/latest/application-properties", pair.upstream.base());
    let questions = json!([
        {"name": "self link", "url": link, "credentials": "omit"},
        {"name": "no signature", "url": same(&here), "credentials": "omit"},
        {"name": "own header", "url": same(&here), "credentials": "omit", "authorization": bearer},
        {"name": "git", "url": git, "credentials": "omit"},
        {"name": "status", "url": same("/status"), "credentials": "omit"},
        {"name": "upstream", "url": upstream, "credentials": "omit"},
        {"name": "self link, signed in", "url": link, "credentials": "include"},
        {"name": "settings, signed in", "url": settings, "credentials": "include"},
    ]);
    let signed_in = json!({"username": "admin", "password": ADMIN_PASSWORD, "visit": settings});
    let answers = ask_a_browser(&questions, &signed_in);
    let of = |name: &str| answers.iter().find(|answer| answer["name"] == name).expect("was asked").clone();

    let read = of("self link");
    assert_eq!((&read["status"], &read["body"]["available"]), (&json!(200), &json!(true)), "{read}");
    assert_eq!(read["body"]["mirrorName"], "Saigon");
    assert_eq!(read["body"]["links"]["clone"][0]["href"], on_mirror.as_str());
    assert_eq!(of("own header")["status"], 200, "the header passed the preflight");
    let error = of("no signature");
    assert_eq!(error["status"], 401, "{error}");
    assert!(error["body"]["errors"][0]["message"].is_string(), "{error}");
    assert_eq!(of("visit")["status"], 200, "on the mirror's own origin the browser is signed in");
    for name in ["git", "status", "upstream", "self link, signed in", "settings, signed in"] {
        let answer = of(name);
        assert_eq!(answer["blocked"], "TypeError: Failed to fetch", "{name} was readable: {answer}");
    }
}

/// What pages were allowed to read of each address. Secrets are among the questions, so these go by the environment.
fn ask_a_browser(questions: &Value, signed_in: &Value) -> Vec<Value> {
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/browser_reads_self_link.mjs");
    let mut command = tool("node");
    command.arg(script).env("HELIOSTAT_QUESTIONS", questions.to_string());
    command.env("HELIOSTAT_SIGNED_IN", signed_in.to_string());
    let output = must_succeed("browser-reads-self-link", command);
    let line = output.lines().find_map(|line| line.strip_prefix("answers ")).expect("the script prints them");
    serde_json::from_str(line).expect("the answers are JSON")
}
