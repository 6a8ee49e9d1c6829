//! POST .../repos/{repositorySlug}/webhooks: registers an address that is told of pushes.

use serde_json::json;

use super::administrators_only;
use crate::harness::{Attempt, every_value, now_seconds, shared_joined_by_hand, webhooks_path};

const URL: &str = "http://127.0.0.1:9/hook";
const LIMIT: usize = 50;

#[tokio::test]
async fn behaviour_answers_everything_but_the_secrets() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = webhooks_path(&repository);
    let before = now_seconds() * 1000;
    let body = json!({
        "name": " Build server ", "url": URL, "active": false, "sslVerificationRequired": false,
        "events": ["repo:refs_changed", "pr:opened", "repo:refs_changed"],
        "configuration": {"secret": "never shown again"},
        "credentials": {"username": "ci", "password": "not shown either"},
    });
    let answer = upstream.admin().post(&path, &body).await;
    assert!(!answer.text.contains("shown"), "{}", answer.text);
    let created = answer.promised(200);
    let id = created["id"].clone();
    let created_at = created["createdDate"].as_i64().expect("is a number");
    assert!(created_at >= before && created_at <= (now_seconds() + 1) * 1000, "{created}");
    let expected = json!({
        "id": id, "name": "Build server", "url": URL, "active": false, "sslVerificationRequired": false,
        "events": ["repo:refs_changed", "pr:opened"], "scopeType": "repository",
        "createdDate": created_at, "updatedDate": created_at,
        "configuration": {"secretSet": true}, "credentials": {"username": "ci"},
    });
    assert_eq!(created, expected);
    assert_eq!(every_value(&upstream.admin(), &path).await, [expected]);

    let plain = json!({"name": "x", "url": URL, "events": ["mirror:repo_synchronized"]});
    let plain = upstream.admin().post(&path, &plain).await.promised(200);
    assert_eq!((&plain["active"], &plain["sslVerificationRequired"]), (&json!(true), &json!(true)));
    assert_eq!(plain["configuration"], json!({"secretSet": false}));
    assert!(plain.get("credentials").is_none(), "{plain}");
    for secret in ["never shown again", "not shown either"] {
        assert!(!upstream.log().contains(secret), "{secret:?} is in the log");
    }
}

#[tokio::test]
async fn behaviour_what_is_wrong_creates_nothing_and_is_named() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = webhooks_path(&repository);
    let good = json!({"name": "x", "url": URL, "events": ["repo:refs_changed"]});
    for (field, value) in [
        ("name", json!("")),
        ("name", json!("two\nlines")),
        ("name", json!("x".repeat(256))),
        ("url", json!("")),
        ("url", json!("ci.example.com")),
        ("url", json!("ftp://ci.example.com/hook")),
        ("url", json!("http://ada:secret@ci.example.com/hook")),
        ("url", json!("http://169.254.169.254/latest/meta-data")),
        ("url", json!("http://[fe80::1]/hook")),
        ("url", json!(format!("http://ci.example.com/{}", "x".repeat(2048)))),
        ("events", json!([])),
        ("events", json!("repo:refs_changed")),
        ("events", json!(["repo:refs_changed", "repo:burnt"])),
        ("events", json!(["diagnostics:ping"])),
        ("active", json!("yes")),
        ("sslVerificationRequired", json!(1)),
        ("configuration.secret", json!(null)),
        ("credentials.username", json!(null)),
    ] {
        let mut body = good.clone();
        match field {
            "configuration.secret" => body["configuration"] = json!({"secret": "two\nlines"}),
            "credentials.username" => body["credentials"] = json!({"username": "a:b", "password": "x"}),
            _ => body[field] = value,
        }
        let error = upstream.admin().post(&path, &body).await.refused(400);
        assert_eq!(error["context"], field, "{body}: {error}");
    }
    let error =
        upstream.admin().post(&path, &json!({"name": "x", "url": URL, "events": ["repo:burnt"]})).await;
    let message = error.refused(400)["message"].as_str().expect("is text").to_owned();
    assert!(message.contains("repo:burnt") && message.contains("mirror:repo_synchronized"), "{message}");
    for missing in ["name", "url", "events"] {
        let mut body = good.clone();
        body.as_object_mut().expect("is an object").remove(missing);
        assert_eq!(upstream.admin().post(&path, &body).await.refused(400)["context"], missing);
    }
    assert_eq!(every_value(&upstream.admin(), &path).await, [] as [serde_json::Value; 0]);
    let unknown = path.replace("/webhooks", "-unknown/webhooks");
    upstream.admin().post(&unknown, &good).await.refused(404);
}

#[tokio::test]
async fn behaviour_a_repository_has_a_bounded_number() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    for _ in 0..LIMIT {
        upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    }
    let one_more = json!({"name": "x", "url": URL, "events": ["repo:refs_changed"]});
    let path = webhooks_path(&repository);
    let error = upstream.admin().post(&path, &one_more).await.refused(409);
    assert!(error["message"].as_str().is_some_and(|message| message.contains("50")), "{error}");
    let first = every_value(&upstream.admin(), &path).await[0]["id"].clone();
    upstream.admin().delete(&format!("{path}/{first}")).await.promised(204);
    upstream.admin().post(&path, &one_more).await.promised(200);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let body = json!({"name": "x", "url": URL, "events": ["repo:refs_changed"]});
    let call = Attempt::post(upstream, webhooks_path(&repository), body);
    administrators_only(upstream, &joined.identity(), &repository, &call, 200).await;
    assert_eq!(every_value(&upstream.admin(), &webhooks_path(&repository)).await.len(), 3);
}
