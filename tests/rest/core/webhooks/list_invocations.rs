//! GET .../webhooks/{webhookId}/invocations: the delivery log.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::json;

use super::administrators_only;
use crate::harness::{
    Attempt, Receiver, eventually, every_value, shared_joined_by_hand, walk, webhooks_path,
};

#[tokio::test]
async fn behaviour_shows_each_attempt_with_what_was_sent_and_what_came_back() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let calls = AtomicUsize::new(0);
    let receiver = Receiver::answering(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => (500, json!({"long": "x".repeat(100_000)})),
        _ => (202, json!({"queued": true})),
    });
    let body = json!({"name": "x", "url": receiver.url(), "events": ["repo:refs_changed"],
        "configuration": {"secret": "never logged"}, "credentials": {"username": "ci", "password": "never logged"}});
    let webhook = upstream.admin().post(&webhooks_path(&repository), &body).await.promised(200);
    let path = format!("{}/{}/invocations", webhooks_path(&repository), webhook["id"]);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/next"]);
    let received = receiver.wait_for(2).await;
    let log = eventually("both attempts in the log", || async {
        Some(every_value(&upstream.admin(), &path).await).filter(|log| log.len() == 2)
    })
    .await;
    assert_eq!(walk(&upstream.admin(), &path, 1).await, log);

    let (second, first) = (&log[0], &log[1]);
    assert!(second["id"].as_i64() > first["id"].as_i64(), "the newest is first");
    for (call, request, attempt) in [(first, &received[0], 1), (second, &received[1], 2)] {
        assert_eq!((&call["attempt"], &call["event"]), (&json!(attempt), &json!("repo:refs_changed")));
        assert_eq!(call["eventScope"], json!({"id": repository["id"].to_string(), "type": "repository"}));
        assert_eq!(call["requestId"], request.header("x-request-id"));
        assert_eq!(call["request"]["body"].as_str().map(str::as_bytes), Some(request.bytes.as_slice()));
        assert_eq!(
            (&call["request"]["method"], &call["request"]["url"]),
            (&json!("POST"), &json!(receiver.url()))
        );
        let headers = &call["request"]["headers"];
        assert_eq!(headers["X-Hub-Signature"], request.header("x-hub-signature"));
        assert_eq!((headers.get("Authorization"), &headers["X-Event-Key"]), (None, &call["event"]));
        let number = |field: &str| call[field].as_i64().expect("is a number");
        assert_eq!(number("finish") - number("start"), number("duration"));
    }
    assert_eq!(
        (&first["result"]["outcome"], &first["result"]["statusCode"]),
        (&json!("FAILURE"), &json!(500))
    );
    assert_eq!(first["result"]["body"].as_str().map(str::len), Some(32 * 1024), "long answers are cut");
    assert_eq!(
        (&second["result"]["outcome"], &second["result"]["statusCode"]),
        (&json!("SUCCESS"), &json!(202))
    );
    assert_eq!(second["result"]["body"], json!({"queued": true}).to_string());
    assert_eq!(second["result"]["headers"]["content-type"], "application/json");
    assert!(!format!("{log:?}{}", upstream.log()).contains("never logged"), "a secret is in a log");

    let failures = every_value(&upstream.admin(), &format!("{path}?outcome=FAILURE")).await;
    assert_eq!(failures.as_slice(), std::slice::from_ref(first));
    assert_eq!(every_value(&upstream.admin(), &format!("{path}?event=pr:opened")).await.len(), 0);
    upstream.admin().get(&format!("{path}?outcome=PERHAPS")).await.refused(400);
    upstream.admin().get(&format!("{path}?event=repo:burnt")).await.refused(400);
    upstream.admin().get(&format!("{}/999999/invocations", webhooks_path(&repository))).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let url = "http://127.0.0.1:9/hook";
    let created = joined.upstream.new_webhook(&repository, url, &["repo:refs_changed"]).await;
    let path = format!("{}/{}/invocations", webhooks_path(&repository), created["id"]);
    let call = Attempt::get(&joined.upstream, path);
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
