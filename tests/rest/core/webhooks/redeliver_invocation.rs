//! POST .../invocations/{invocationId}/redeliver: sends once more what a call has sent.

use std::sync::atomic::{AtomicUsize, Ordering};

use serde_json::{Value, json};

use super::administrators_only;
use crate::harness::{
    Attempt, Receiver, Server, eventually, every_value, shared_joined_by_hand, webhooks_path,
};

/// More branches than a body of 32 KiB can tell of.
const BRANCHES: usize = 250;

/// The log of a webhook, once it has so many calls.
async fn log_of(upstream: &Server, webhook: &str, calls: usize) -> Vec<Value> {
    eventually("the calls in the log", || async {
        let log = every_value(&upstream.admin(), &format!("{webhook}/invocations")).await;
        (log.len() == calls).then_some(log)
    })
    .await
}

#[tokio::test]
async fn behaviour_the_same_event_is_sent_once_more_and_logged() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let calls = AtomicUsize::new(0);
    // 400 is final: the server itself does not try again.
    let receiver = Receiver::answering(move |_| match calls.fetch_add(1, Ordering::Relaxed) {
        0 => (400, json!("not now")),
        _ => (202, json!({"queued": true})),
    });
    let body = json!({"name": "x", "url": receiver.url(), "events": ["repo:refs_changed"], "configuration": {"secret": "s"}});
    let webhook = upstream.admin().post(&webhooks_path(&repository), &body).await.promised(200);
    let webhook = format!("{}/{}", webhooks_path(&repository), webhook["id"]);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/next"]);
    let refused = log_of(upstream, &webhook, 1).await.remove(0);

    let path = format!("{webhook}/invocations/{}/redeliver", refused["id"]);
    let again = upstream.admin().post_nothing(&path).await.promised(200);
    assert_eq!((&again["result"]["outcome"], &again["attempt"]), (&json!("SUCCESS"), &json!(2)));
    let received = receiver.received();
    assert_eq!(received.len(), 2);
    assert_eq!(received[0].bytes, received[1].bytes);
    for header in ["x-request-id", "x-event-key", "x-hub-signature"] {
        assert_eq!(received[0].header(header), received[1].header(header), "{header}");
    }
    let log = log_of(upstream, &webhook, 2).await;
    assert_eq!((&log[0]["attempt"], &log[0]["requestId"]), (&json!(2), &refused["requestId"]));

    for unknown in ["0", "999999999", "x"] {
        let path = format!("{webhook}/invocations/{unknown}/redeliver");
        upstream.admin().post_nothing(&path).await.refused(404);
    }
}

#[tokio::test]
async fn behaviour_what_was_too_long_for_the_log_is_not_sent_in_part() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let receiver = Receiver::start();
    let created = upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    let webhook = format!("{}/{}", webhooks_path(&repository), created["id"]);
    let branches: Vec<String> = (0..BRANCHES).map(|number| format!("HEAD:refs/heads/b{number}")).collect();
    let branches: Vec<&str> = branches.iter().map(String::as_str).collect();
    checkout.push(&upstream.admin_url(&repository), &branches);
    let long = log_of(upstream, &webhook, 1).await.remove(0);
    let path = format!("{webhook}/invocations/{}/redeliver", long["id"]);
    upstream.admin().post_nothing(&path).await.refused(409);
    assert_eq!(receiver.received().len(), 1);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let url = "http://127.0.0.1:9/hook";
    let created = joined.upstream.new_webhook(&repository, url, &["repo:refs_changed"]).await;
    let path = format!("{}/{}/invocations/0/redeliver", webhooks_path(&repository), created["id"]);
    let call = Attempt::post_nothing(&joined.upstream, path);
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 404).await;
}
