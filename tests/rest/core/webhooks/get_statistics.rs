//! GET .../webhooks/{webhookId}/statistics: how the calls have gone.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::administrators_only;
use crate::harness::{Attempt, Receiver, eventually, shared_joined_by_hand, unique, webhooks_path};

#[tokio::test]
async fn behaviour_counts_each_outcome_and_shows_the_last_of_each() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let calls = AtomicUsize::new(0);
    // The first call gets an answer that is no HTTP at all, the second is refused.
    let receiver = Receiver::answering(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => (7, Value::Null),
        1 => (503, json!({"reason": "starting"})),
        _ => (200, Value::Null),
    });
    let url = format!("{}?token=hidden-{}", receiver.url(), unique());
    let webhook = upstream.new_webhook(&repository, &url, &["repo:refs_changed"]).await;
    let path = format!("{}/{}/statistics", webhooks_path(&repository), webhook["id"]);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/next"]);
    let request_id = receiver.wait_for(3).await[0].header("x-request-id").to_owned();
    let history = eventually("the log", || async {
        let found = upstream.admin().get(&path).await.promised(200);
        (found["counts"]["successes"] == 1).then_some(found)
    })
    .await;
    assert_eq!((&history["counts"]["errors"], &history["counts"]["failures"]), (&json!(1), &json!(1)));
    let start = history["counts"]["window"]["start"].as_i64().expect("is a number");
    for (field, attempt, outcome, status) in [
        ("lastError", 1, "ERROR", Value::Null),
        ("lastFailure", 2, "FAILURE", json!(503)),
        ("lastSuccess", 3, "SUCCESS", json!(200)),
    ] {
        let last = &history[field];
        assert_eq!((&last["attempt"], &last["outcome"]), (&json!(attempt), &json!(outcome)), "{last}");
        assert_eq!((&last["statusCode"], &last["requestId"]), (&status, &json!(request_id)), "{last}");
        assert!(last["start"].as_i64().is_some_and(|at| at >= start), "{history}");
    }
    eventually("an operator to learn of failures", || async {
        upstream.log().contains("the receiver").then_some(())
    })
    .await;
    assert!(!upstream.log().contains("hidden-"), "what an address carries is for its owner only");
    let none = upstream.admin().get(&format!("{path}?event=pr:opened")).await.promised(200);
    assert_eq!((&none["counts"]["successes"], none.get("lastSuccess")), (&json!(0), None));
    upstream.admin().get(&format!("{path}?event=repo:burnt")).await.refused(400);
    upstream.admin().get(&format!("{}/999999/statistics", webhooks_path(&repository))).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let url = "http://127.0.0.1:9/hook";
    let created = joined.upstream.new_webhook(&repository, url, &["repo:refs_changed"]).await;
    let path = format!("{}/{}/statistics", webhooks_path(&repository), created["id"]);
    let call = Attempt::get(&joined.upstream, path);
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
