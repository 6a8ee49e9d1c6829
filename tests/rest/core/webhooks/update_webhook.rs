//! PUT .../webhooks/{webhookId}: changes what the body names.

use serde_json::{Value, json};

use super::administrators_only;
use crate::harness::{Attempt, Receiver, shared_joined_by_hand, webhooks_path};

const URL: &str = "http://127.0.0.1:9/hook";

#[tokio::test]
async fn behaviour_what_is_left_out_stays() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let mut expected = upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    let path = format!("{}/{}", webhooks_path(&repository), expected["id"]);
    let steps = [
        (json!({"name": "New"}), json!({"name": "New"})),
        (json!({"url": "https://ci.example.com/x"}), json!({"url": "https://ci.example.com/x"})),
        (json!({"events": ["pr:opened"]}), json!({"events": ["pr:opened"]})),
        (json!({"active": false}), json!({"active": false})),
        (json!({"sslVerificationRequired": false}), json!({"sslVerificationRequired": false})),
        (json!({"configuration": {"secret": "s"}}), json!({"configuration": {"secretSet": true}})),
        (json!({"configuration": {"secretSet": false}}), json!({})),
        (json!({"configuration": {"secret": ""}}), json!({"configuration": {"secretSet": false}})),
        (
            json!({"credentials": {"username": "ci", "password": "p"}}),
            json!({"credentials": {"username": "ci"}}),
        ),
        (json!({}), json!({})),
    ];
    for (change, effect) in steps {
        let changed = upstream.admin().put(&path, &change).await.promised(200);
        for (field, value) in effect.as_object().expect("is an object") {
            expected[field] = value.clone();
        }
        expected["updatedDate"] = changed["updatedDate"].clone();
        assert_eq!(changed, expected, "{change}");
    }
    let without = upstream.admin().put(&path, &json!({"credentials": {"username": ""}})).await.promised(200);
    assert!(without.get("credentials").is_none(), "{without}");
    for (field, change) in [
        ("name", json!({"name": ""})),
        ("url", json!({"url": "http://0.0.0.0/"})),
        ("events", json!({"events": ["repo:burnt"]})),
        ("active", json!({"active": "no"})),
        ("credentials.username", json!({"credentials": {"password": "without a user"}})),
    ] {
        assert_eq!(upstream.admin().put(&path, &change).await.refused(400)["context"], field, "{change}");
    }
    let unknown = format!("{}/999999", webhooks_path(&repository));
    upstream.admin().put(&unknown, &json!({"name": "x"})).await.refused(404);
}

#[tokio::test]
async fn behaviour_credentials_do_not_follow_to_another_server() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let (first, second) = (Receiver::start(), Receiver::start());
    let webhook = upstream.new_webhook(&repository, &first.url(), &["repo:refs_changed"]).await;
    let path = format!("{}/{}", webhooks_path(&repository), webhook["id"]);
    let push = |branch: &str| {
        checkout.push(&upstream.admin_url(&repository), &[&format!("HEAD:refs/heads/{branch}")]);
    };
    let change = async |change: Value| upstream.admin().put(&path, &change).await.promised(200);

    change(json!({"credentials": {"username": "ci", "password": "p"}})).await;
    push("one");
    // "ci:p" in base64.
    assert_eq!(first.wait_for(1).await[0].authorization, "Basic Y2k6cA==");
    // Another path on the same server is still the same receiver, and what was read can be written back.
    let mut read = change(json!({"url": format!("{}/more", first.url())})).await;
    read["url"] = json!(format!("{}/again", first.url()));
    change(read).await;
    push("two");
    let received = first.wait_for(2).await;
    assert_eq!(
        (received[1].path.as_str(), received[1].authorization.as_str()),
        ("/hook/again", "Basic Y2k6cA==")
    );

    let moved = change(json!({"url": second.url()})).await;
    assert!(moved.get("credentials").is_none(), "{moved}");
    push("three");
    assert_eq!(second.wait_for(1).await[0].authorization, "");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let created = joined.upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    let path = format!("{}/{}", webhooks_path(&repository), created["id"]);
    let call = Attempt::put(&joined.upstream, path, json!({"name": "Changed"}));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
