//! A build server hears of a push at once, and of each mirror when that can be cloned from.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use heliostat_auth::{Secret, body_signature};
use serde_json::{Value, json};

use crate::harness::{
    Checkout, Pair, Received, Receiver, Server, ServerOptions, UpstreamByHand, eventually, every_value, git,
    git_output, shared_pair, unreachable_repository, webhooks_path,
};

const BOTH: [&str; 2] = ["repo:refs_changed", "mirror:repo_synchronized"];

fn names_commit(body: &Value, commit: &str) -> bool {
    body["changes"].as_array().is_some_and(|changes| changes.iter().any(|change| change["toHash"] == commit))
}

#[tokio::test]
async fn a_push_is_told_signed_and_then_each_mirror_when_it_serves_it() {
    let pair = shared_pair().await;
    let (repository, checkout) = (pair.upstream.empty_repository(false).await, Checkout::new());
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main", "HEAD:refs/heads/former"]);
    pair.mirrored(&repository).await;
    let mirror_url = pair.mirror_url(&repository);
    let folder = tempfile::tempdir().expect("a folder can be made");
    // What the mirror serves at the very moment at which it is told of.
    let receiver = Receiver::answering(move |request| {
        if request.header("x-event-key") != "mirror:repo_synchronized" {
            return (204, Value::Null);
        }
        let told = request.body["changes"].as_array().cloned().unwrap_or_default();
        let next = told.iter().find(|change| change["refId"] == "refs/heads/next");
        let Some(commit) = next.and_then(|change| change["toHash"].as_str()) else {
            return (204, Value::Null);
        };
        let output = git_output(folder.path(), &["ls-remote", mirror_url.as_str(), "refs/heads/next"]);
        let served = String::from_utf8_lossy(&output.stdout).into_owned();
        (if served.starts_with(commit) { 200 } else { 422 }, json!({ "served": served }))
    });
    let body =
        json!({"name": "CI", "url": receiver.url(), "events": BOTH, "configuration": {"secret": "key"}});
    let webhook = pair.admin().post(&webhooks_path(&repository), &body).await.promised(200);

    let before = git(checkout.path(), &["rev-parse", "HEAD"]);
    // The mirror's report of the first push may still be on its way, so this one has to come first.
    let settled = checkout.commit("settled.txt", "x\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/settled"]);
    receiver.wait_for_event("mirror:repo_synchronized", |body| names_commit(body, &settled)).await;

    let commit = checkout.commit("next.txt", "next\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/next", ":refs/heads/former"]);
    let pushed = receiver.wait_for_event("repo:refs_changed", |body| names_commit(body, &commit)).await;
    let synchronised =
        receiver.wait_for_event("mirror:repo_synchronized", |body| names_commit(body, &commit)).await;

    for request in [&pushed, &synchronised] {
        assert_eq!(request.header("x-hub-signature"), body_signature(&Secret::new("key"), &request.bytes));
        assert_eq!(request.header("content-type"), "application/json; charset=utf-8");
        assert!(request.header("user-agent").starts_with("heliostat"), "{}", request.header("user-agent"));
        assert_eq!(request.body["eventKey"], request.header("x-event-key"));
        let date = request.body["date"].as_str().expect("is text");
        assert!(date.len() == 24 && date.ends_with("+0000"), "{date}");
        let zero = "0".repeat(40);
        let change = |name: &str, from: &str, to: &str, kind: &str| {
            json!({"ref": {"id": format!("refs/heads/{name}"), "displayId": name, "type": "BRANCH"},
                "refId": format!("refs/heads/{name}"), "fromHash": from, "toHash": to, "type": kind})
        };
        let expected = [change("former", &before, &zero, "DELETE"), change("next", &zero, &commit, "ADD")];
        assert_eq!(request.body["changes"], json!(expected));
        let told = &request.body["repository"];
        assert_eq!(
            (&told["id"], &told["project"]["key"]),
            (&repository["id"], &repository["project"]["key"])
        );
        assert_eq!(told["links"], repository["links"], "the links are the upstream's");
        for internal in ["generation", "contentHash", "metadataHash", "fromGeneration"] {
            assert!(request.body.get(internal).is_none(), "{internal} is for mirrors");
        }
    }
    assert_eq!(pushed.body["actor"]["name"], "admin");
    let mirror =
        pair.admin().get("/rest/mirroring/latest/mirrorServers").await.promised(200)["values"][0].clone();
    assert_eq!(synchronised.body["mirrorServer"], json!({"id": mirror["id"], "name": mirror["name"]}));
    let at_mirror = pair.mirrored(&repository).await["cloneUrls"].clone();
    assert_eq!(synchronised.body["cloneUrls"], at_mirror, "where the mirror itself says that it is");
    assert_eq!(synchronised.body["syncType"], "INCREMENTAL");
    assert_eq!(synchronised.body["refLimitExceeded"], false);
    assert_ne!(pushed.header("x-request-id"), synchronised.header("x-request-id"));
    let path =
        format!("{}/{}/latest?event=mirror:repo_synchronized", webhooks_path(&repository), webhook["id"]);
    let latest = eventually("the log", || async {
        let answer = pair.admin().get(&path).await;
        // An earlier one is of the push before.
        let is_of_this = |found: &Value| found["requestId"] == synchronised.header("x-request-id");
        // The receiver runs git before it answers. If that takes too long, it is told once more.
        let is_answered = |found: &Value| found["result"]["statusCode"].is_number();
        let found = (answer.status == 200).then(|| answer.promised(200));
        found.filter(|found| is_of_this(found) && is_answered(found))
    });
    let latest = latest.await;
    assert_eq!(latest["result"]["statusCode"], 200, "told before it was served: {latest}");
}

#[tokio::test]
async fn a_receiver_that_fails_gets_the_same_again_and_later_events_wait() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let healthy = Arc::new(AtomicBool::new(false));
    let state = healthy.clone();
    let receiver =
        Receiver::answering(move |_| (if state.load(Ordering::Relaxed) { 200 } else { 503 }, Value::Null));
    let webhook = pair.upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    let first = checkout.commit("a.txt", "first\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/a"]);
    let second = checkout.commit("b.txt", "second\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/a"]);
    receiver.wait_for(2).await;
    healthy.store(true, Ordering::Relaxed);
    receiver.wait_for_event("repo:refs_changed", |body| names_commit(body, &second)).await;

    let received = receiver.received();
    let (last, tries): (&Received, _) = received.split_last().expect("something came");
    assert!(names_commit(&last.body, &second) && tries.len() >= 2, "{} calls", received.len());
    assert!(tries.iter().all(|request| names_commit(&request.body, &first)), "an event was overtaken");
    let ids: Vec<&str> = tries.iter().map(|request| request.header("x-request-id")).collect();
    assert!(ids.iter().all(|id| *id == ids[0] && !id.is_empty()), "{ids:?}");
    assert!(tries.iter().all(|request| request.bytes == tries[0].bytes), "the bytes differ");
    assert_ne!(ids[0], last.header("x-request-id"));

    let path = format!("{}/{}/invocations", webhooks_path(&repository), webhook["id"]);
    let log = eventually("every attempt in the log", || async {
        Some(every_value(&pair.admin(), &path).await).filter(|log| log.len() == received.len())
    })
    .await;
    let attempts: Vec<_> = log.iter().rev().map(|call| call["attempt"].as_u64()).collect();
    let expected = (1..=tries.len() as u64).chain([1]).map(Some).collect::<Vec<_>>();
    assert_eq!(attempts, expected);
    assert_eq!(log[0]["result"]["outcome"], "SUCCESS");
    assert_eq!(log[log.len() - 1]["result"]["statusCode"], 503);
}

#[tokio::test]
async fn an_upstream_that_is_killed_before_it_delivered_delivers_afterwards() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let healthy = Arc::new(AtomicBool::new(false));
    let state = healthy.clone();
    let receiver =
        Receiver::answering(move |_| (if state.load(Ordering::Relaxed) { 200 } else { 500 }, Value::Null));
    upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    let mut commits = Vec::new();
    for number in 0..3 {
        commits.push(checkout.commit("a.txt", &format!("{number}\n")));
        checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
        upstream.restart();
    }
    healthy.store(true, Ordering::Relaxed);
    receiver.wait_for_event("repo:refs_changed", |body| names_commit(body, &commits[2])).await;
    let taken: Vec<_> = receiver.received().into_iter().rev().take(3).collect();
    for (request, commit) in taken.iter().rev().zip(&commits) {
        assert!(names_commit(&request.body, commit), "not in order: {}", request.body);
    }
}

#[tokio::test]
async fn a_mirror_that_was_away_is_told_of_once_it_is_back_with_all_it_gained() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let receiver = Receiver::start();
    pair.upstream.new_webhook(&repository, &receiver.url(), &["mirror:repo_synchronized"]).await;
    // The mirror's report of the first push may still be on its way, so this one has to come first.
    let settled = checkout.commit("settled.txt", "x\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/settled"]);
    receiver.wait_for_event("mirror:repo_synchronized", |body| names_commit(body, &settled)).await;

    pair.mirror.kill();
    let first = checkout.commit("a.txt", "first\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/a", "HEAD:refs/heads/passing"]);
    let second = checkout.commit("b.txt", "second\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/a", ":refs/heads/passing"]);
    pair.mirror.restart();
    let told = receiver.wait_for_event("mirror:repo_synchronized", |body| names_commit(body, &second)).await;
    let zero = "0".repeat(40);
    let gained: Vec<_> = told.body["changes"].as_array().expect("is a list").iter().collect();
    assert_eq!(gained.len(), 1, "{}", told.body);
    assert_eq!((&gained[0]["fromHash"], &gained[0]["type"]), (&json!(zero), &json!("ADD")));
    assert!(!receiver.received().iter().any(|request| names_commit(&request.body, &first)));
}

#[tokio::test]
async fn a_mirror_says_at_its_start_what_it_serves_in_case_it_had_no_time_before() {
    let mut by_hand = UpstreamByHand::start_installed().await;
    let mut repository = unreachable_repository(5, 1);
    // Of a repository without refs nothing has to be fetched; the hash is that of nothing.
    let nothing = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";
    repository["properties"]["contentHash"] = json!(nothing);
    repository["properties"]["generation"] = json!(3);
    by_hand.list_repository(repository.clone());
    let created = json!({"eventKey": "repo:created", "repository": repository});
    by_hand.client().post(&by_hand.path("/addon/events"), &created).await.promised(204);
    let reports = |by_hand: &UpstreamByHand| {
        let received = by_hand.received().into_iter();
        let reports =
            received.filter(|request| request.path.ends_with("/events") && request.body["generation"] == 3);
        reports.map(|request| request.body).collect::<Vec<_>>()
    };
    let first = eventually("a report", || async { reports(&by_hand).pop() }).await;
    assert_eq!((&first["type"], &first["upstreamRepoId"]), (&json!("SYNCHRONIZED"), &json!("5")));
    let before = reports(&by_hand).len();
    by_hand.mirror.restart();
    let again = eventually("another report", || async {
        Some(reports(&by_hand)).filter(|reports| reports.len() > before)?.pop()
    })
    .await;
    assert_eq!((&again["type"], &again["mirrorRepoId"]), (&first["type"], &first["mirrorRepoId"]));
}
