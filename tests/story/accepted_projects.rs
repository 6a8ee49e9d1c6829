//! What an administrator chooses while accepting a mirror holds, whichever server is killed in between: the mirror
//! never follows more than was chosen.

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_PASSWORD, FakeMirror, Received, Server, ServerOptions, UpstreamByHand, eventually, good_descriptor,
    http, request_of,
};

const REQUESTS: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
async fn an_upstream_that_is_killed_before_the_mirror_has_answered_tells_it_the_same_again() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let project = upstream.new_project(false).await["id"].to_string();
    let mirror = FakeMirror::start_deaf(1, good_descriptor).await;
    let request = request_of(&heliostat_auth::server_id(), "Saigon", &mirror.base);
    let filed = upstream.anonymous().post(REQUESTS, &request).await.expect(200).json();
    let address = format!("{}{REQUESTS}/{}/accept", upstream.base(), filed["id"]);
    let accept = http().post(address).basic_auth("admin", Some(ADMIN_PASSWORD));
    let accept = accept.json(&json!({"projectIds": [project]}));
    let accepting = tokio::spawn(async move { accept.send().await.map(|answer| answer.status()) });
    let told = || mirror.received().into_iter().filter(|event| event.get("sharedSecret").is_some());
    eventually("the mirror to be told", || async { told().next() }).await;
    upstream.kill();
    assert!(
        accepting.await.expect("no panic").is_err(),
        "the administrator was not told that it is accepted"
    );

    upstream.restart();
    let settings = eventually("the mirror to be told again", || async {
        // Who asks again and again for longer is told to wait.
        let status = upstream.anonymous().post(REQUESTS, &request).await.status;
        assert!([200, 429].contains(&status), "{status}");
        told().nth(1)
    });
    assert_eq!(settings.await["settings"], json!({"mode": "SELECTED_PROJECTS", "projectIds": [project]}));
}

#[tokio::test]
async fn a_mirror_that_is_killed_while_it_is_installed_never_looks_at_more_than_was_chosen() {
    let mut by_hand = UpstreamByHand::start().await;
    let mut event = by_hand.installed_event(&by_hand.secret);
    event["settings"] = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]});
    let path = by_hand.path("/addon/installed");
    // The mirror asks back before it believes the event, and stores it right afterwards.
    let asked_back = |by_hand: &UpstreamByHand| {
        by_hand.received().iter().filter(|request| request.path.ends_with("/analyticsSettings")).count()
    };
    for _ in 0..4 {
        let before = asked_back(&by_hand);
        let post = http().post(format!("{}{path}", by_hand.mirror.base())).json(&event);
        let told = tokio::spawn(async move { post.send().await.map(|answer| answer.status()) });
        eventually("the mirror to ask back", || async { (asked_back(&by_hand) > before).then_some(()) })
            .await;
        by_hand.mirror.kill();
        let _ = told.await.expect("no panic");
        by_hand.mirror.restart();
        never_asked_for_all(&by_hand);
        if state(&by_hand).await == "INSTALLED" {
            break;
        }
    }
    if state(&by_hand).await != "INSTALLED" {
        by_hand.mirror.anonymous().post(&path, &event).await.expect(204);
        by_hand.mirror.kill();
        by_hand.mirror.restart();
    }
    assert_eq!(state(&by_hand).await, "INSTALLED");
    assert_eq!(by_hand.get("/settings").await.expect(200).json(), event["settings"]);
    eventually("the mirror to look at the project", || async {
        by_hand.received().iter().any(|request| request.path.contains("/projects/7/repos")).then_some(())
    })
    .await;
    never_asked_for_all(&by_hand);
}

async fn state(by_hand: &UpstreamByHand) -> Value {
    by_hand.mirror.anonymous().get("/status").await.json()["upstream"]["state"].clone()
}

#[track_caller]
fn never_asked_for_all(by_hand: &UpstreamByHand) {
    let is_for_all = |request: &Received| {
        let compares = request.path.ends_with("/repo-hashes/differences");
        request.path.contains("/latest/repos?") || (compares && request.body["projectIds"] != json!([7]))
    };
    let asked = by_hand.received().into_iter();
    let all: Vec<String> = asked.filter(is_for_all).map(|request| request.path).collect();
    assert!(all.is_empty(), "it began with everything: {all:?}");
}
