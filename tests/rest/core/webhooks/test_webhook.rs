//! POST .../repos/{repositorySlug}/webhooks/test: sends a ping and answers what came back.

use heliostat_auth::{Secret, body_signature};
use reqwest::Method;
use serde_json::json;

use super::administrators_only;
use crate::harness::{Attempt, Receiver, every_value, shared_joined_by_hand, webhooks_path};

#[tokio::test]
async fn behaviour_an_existing_webhook_is_called_with_its_secrets() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let receiver = Receiver::answering(|_| (418, json!({"short": "and stout"})));
    let body = json!({"name": "x", "url": receiver.url(), "events": ["repo:refs_changed"], "active": false,
        "configuration": {"secret": "s"}, "credentials": {"username": "ci", "password": "p"}});
    let webhook = upstream.admin().post(&webhooks_path(&repository), &body).await.promised(200);
    let path = format!("{}/test?webhookId={}", webhooks_path(&repository), webhook["id"]);
    let tested = upstream.admin().post_nothing(&path).await.promised(200);
    assert_eq!((&tested["event"], &tested["attempt"]), (&json!("diagnostics:ping"), &json!(1)));
    assert_eq!(
        (&tested["result"]["outcome"], &tested["result"]["statusCode"]),
        (&json!("FAILURE"), &json!(418))
    );
    assert_eq!(tested["result"]["body"], json!({"short": "and stout"}).to_string());
    let received = receiver.received();
    assert_eq!(received.len(), 1, "a test is not repeated");
    assert_eq!(received[0].header("x-event-key"), "diagnostics:ping");
    assert_eq!(received[0].header("x-hub-signature"), body_signature(&Secret::new("s"), &received[0].bytes));
    assert_eq!(received[0].authorization, "Basic Y2k6cA==");
    assert_eq!(received[0].body["repository"]["slug"], repository["slug"]);
    let log = format!("{}/{}/invocations", webhooks_path(&repository), webhook["id"]);
    assert_eq!(every_value(&upstream.admin(), &log).await.len(), 0);
}

#[tokio::test]
async fn behaviour_an_address_is_called_before_it_is_a_webhook() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let receiver = Receiver::start();
    let path = |query: &str| format!("{}/test?{query}", webhooks_path(&repository));
    let body = json!({"username": "ci", "password": "p"});
    let address = format!("url={}&sslVerificationRequired=false", receiver.url());
    let tested = upstream.admin().post(&path(&address), &body).await.promised(200);
    assert_eq!(tested["result"]["outcome"], "SUCCESS");
    assert_eq!(receiver.received()[0].authorization, "Basic Y2k6cA==");
    // Nothing listens there.
    let silent = upstream.admin().post_nothing(&path("url=http://127.0.0.1:9/")).await.promised(200);
    assert_eq!((&silent["result"]["outcome"], silent["result"].get("statusCode")), (&json!("ERROR"), None));
    let description = silent["result"]["description"].as_str().expect("is text");
    assert!(description.contains("http://127.0.0.1:9/ cannot be reached"), "{description}");

    for query in
        ["", "webhookId=1&url=http://127.0.0.1:9/", "url=http://169.254.169.254/", "url=x", "webhookId=x"]
    {
        upstream.admin().post_nothing(&path(query)).await.refused(400);
    }
    upstream.admin().post(&path(&address), &json!({"username": "a:b"})).await.refused(400);
    upstream.admin().post_nothing(&path("webhookId=2147483647")).await.refused(404);
    upstream
        .admin()
        .send_raw(Method::POST, &path(&address), Some((b"username=ci", "application/x-www-form-urlencoded")))
        .await
        .refused(415);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let receiver = Receiver::start();
    let path = format!("{}/test?url={}", webhooks_path(&repository), receiver.url());
    let call = Attempt::post_nothing(&joined.upstream, path);
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
    assert_eq!(receiver.received().len(), 3, "only those who may cause calls");
}
