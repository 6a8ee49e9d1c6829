//! POST /requests: a mirror asks to join, and learns its fate by asking again.

use serde_json::json;
use url::Url;

use crate::harness::{Attempt, Identity, Server, ServerOptions, request_of};

const PATH: &str = "/rest/mirroring/latest/requests";

fn base(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL")
}

#[tokio::test]
async fn behaviour_files_the_request_once_and_brings_it_up_to_date() {
    let upstream = Server::upstream(ServerOptions::default());
    let anonymous = upstream.anonymous();
    let id = heliostat_auth::server_id();
    let mut body = request_of(&id, "Saigon", &base(10_001));
    body["state"] = json!("ACCEPTED");
    let request = anonymous.post(PATH, &body).await.promised(200);
    body["state"] = json!("PENDING");
    body["id"] = request["id"].clone();
    assert_eq!(request, body, "the upstream alone decides the state");

    let mut moved = request_of(&id, "Hanoi", &base(10_002));
    moved["mirrorType"] = json!("FARM");
    moved["productVersion"] = json!("0.2.0");
    let again = anonymous.post(PATH, &moved).await.promised(200);
    assert_eq!(again["id"], request["id"]);
    assert_eq!((&again["mirrorName"], &again["mirrorType"]), (&json!("Hanoi"), &json!("FARM")));
    let kept = upstream.admin().get(&format!("{PATH}/{}", request["id"])).await.promised(200);
    assert_eq!(kept, again);
    assert_eq!(kept["mirrorBaseUrl"], "http://127.0.0.1:10002");
}

#[tokio::test]
async fn behaviour_only_the_necessary_fields_are_necessary() {
    let upstream = Server::upstream(ServerOptions::default());
    let full = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    for field in ["mirrorId", "mirrorName", "mirrorBaseUrl", "addonDescriptorUri"] {
        let mut body = full.clone();
        body.as_object_mut().expect("is an object").remove(field);
        let error = upstream.anonymous().post(PATH, &body).await.refused(409);
        assert_eq!(error["context"], field);
        body[field] = json!("\n");
        let error = upstream.anonymous().post(PATH, &body).await.refused(409);
        assert_eq!(
            (&error["context"], &error["exceptionName"]),
            (&json!(field), &json!("ArgumentValidationException"))
        );
    }
    let mut body = full;
    for field in ["mirrorType", "productType", "productVersion"] {
        body.as_object_mut().expect("is an object").remove(field);
    }
    let request = upstream.anonymous().post(PATH, &body).await.promised(200);
    assert_eq!(request["mirrorType"], "SINGLE");
    assert!(request.get("productType").is_none(), "{request}");
}

#[tokio::test]
async fn authorisation_anyone() {
    let upstream = Server::upstream(ServerOptions::default());
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    let call = Attempt::post(&upstream, PATH, body);
    call.by(&Identity::Anonymous, 200).await;
    call.by(&Identity::impostor(), 200).await;
    call.by(&upstream.new_user().await, 200).await;
    call.by(&Identity::admin(), 200).await;
}

#[tokio::test]
async fn authorisation_anyone_but_not_as_often_as_he_likes() {
    let upstream = Server::upstream(ServerOptions::default());
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    for _ in 0..1000 {
        let answer = upstream.anonymous().post(PATH, &body).await;
        if answer.status == 429 {
            let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok());
            let wait: Option<u64> = wait.and_then(|seconds| seconds.parse().ok());
            assert!(wait.is_some_and(|seconds| (1..=3600).contains(&seconds)), "Retry-After is {wait:?}");
            answer.refused(429);
            return;
        }
        answer.promised(200);
    }
    panic!("a thousand requests were answered");
}
