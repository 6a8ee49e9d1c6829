//! POST /requests: a mirror asks to join, and learns its fate by asking again.

use serde_json::json;
use url::Url;

use crate::harness::{Attempt, Identity, Server, ServerOptions, eventually, request_of};

const PATH: &str = "/rest/mirroring/latest/requests";

fn base(port: u16) -> Url {
    Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL")
}

#[tokio::test]
async fn behaviour_files_the_request_once_and_brings_what_it_says_of_the_mirror_up_to_date() {
    let upstream = Server::upstream(ServerOptions::default());
    let anonymous = upstream.anonymous();
    let id = heliostat_auth::server_id();
    let key = json!(heliostat_auth::shared_secret().expose());
    let mut body = request_of(&id, "Saigon", &base(10_001));
    body["state"] = json!("ACCEPTED");
    body["registrationKey"] = key.clone();
    let request = anonymous.post(PATH, &body).await.promised(200);
    body["state"] = json!("PENDING");
    body["id"] = request["id"].clone();
    body.as_object_mut().expect("is an object").remove("registrationKey");
    assert_eq!(request, body, "the upstream alone decides the state, and does not show the key");

    let mut described = request_of(&id, "Hanoi", &base(10_001));
    described["mirrorType"] = json!("FARM");
    described["productVersion"] = json!("0.2.0");
    described["registrationKey"] = key;
    let again = anonymous.post(PATH, &described).await.promised(200);
    assert_eq!(again["id"], request["id"]);
    assert_eq!((&again["mirrorName"], &again["mirrorType"]), (&json!("Hanoi"), &json!("FARM")));
    let kept = upstream.admin().get(&format!("{PATH}/{}", request["id"])).await.promised(200);
    assert_eq!(kept, again);
}

#[tokio::test]
async fn behaviour_an_open_request_stays_as_it_was_shown_when_it_is_repeated() {
    let upstream = Server::upstream(ServerOptions::default());
    let anonymous = upstream.anonymous();
    let id = heliostat_auth::server_id();
    let mut own = request_of(&id, "Saigon", &base(10_001));
    own["registrationKey"] = json!(heliostat_auth::shared_secret().expose());
    let request = anonymous.post(PATH, &own).await.promised(200);
    let with = |field: &str, value: serde_json::Value| {
        let mut changed = own.clone();
        changed[field] = value;
        changed
    };
    let elsewhere = request_of(&id, "Saigon", &base(10_002));
    let mut below = with("addonDescriptorUri", json!("http://127.0.0.1:10001/other"));
    below["registrationKey"] = json!(heliostat_auth::shared_secret().expose());
    let mut renamed = with("mirrorName", json!("Hanoi"));
    renamed["registrationKey"] = json!(heliostat_auth::shared_secret().expose());
    let mut keyless = with("productVersion", json!("9"));
    keyless.as_object_mut().expect("is an object").remove("registrationKey");
    for (field, changed) in [
        ("mirrorBaseUrl", elsewhere),
        ("addonDescriptorUri", below),
        ("registrationKey", renamed),
        ("registrationKey", keyless),
        ("registrationKey", with("registrationKey", json!("too short"))),
    ] {
        let error = anonymous.post(PATH, &changed).await.refused(409);
        assert_eq!(error["context"], field, "{changed}");
    }
    let kept = upstream.admin().get(&format!("{PATH}/{}", request["id"])).await.promised(200);
    assert_eq!(kept, request);
}

#[tokio::test]
async fn behaviour_a_mirror_that_has_moved_gets_another_request() {
    let upstream = Server::upstream(ServerOptions::default());
    let (anonymous, admin) = (upstream.anonymous(), upstream.admin());
    let id = heliostat_auth::server_id();
    let key = json!(heliostat_auth::shared_secret().expose());
    let asks = |port: u16| {
        let mut body = request_of(&id, "Saigon", &base(port));
        body["registrationKey"] = key.clone();
        body
    };
    let first = anonymous.post(PATH, &asks(10_001)).await.promised(200);
    let second = anonymous.post(PATH, &asks(10_002)).await.promised(200);
    assert_ne!(first["id"], second["id"]);
    assert_eq!(
        (&second["state"], &second["mirrorBaseUrl"]),
        (&json!("PENDING"), &json!("http://127.0.0.1:10002"))
    );
    assert_eq!(admin.get(PATH).await.promised(200)["values"], json!([second]));
    admin.post_nothing(&format!("{PATH}/{}/accept", first["id"])).await.refused(409);
}

#[tokio::test]
async fn behaviour_an_open_request_is_forgotten_without_a_decision() {
    let arguments = vec!["--request-lifetime".to_owned(), "1s".to_owned()];
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    let request = upstream.anonymous().post(PATH, &body).await.promised(200);
    eventually("the end of the request", || async {
        let listed = upstream.admin().get(PATH).await.promised(200);
        (listed["size"] == 0).then_some(())
    })
    .await;
    upstream.admin().get(&format!("{PATH}/{}", request["id"])).await.refused(409);
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
async fn authorisation_anyone_but_not_as_often_as_they_like() {
    let upstream = Server::upstream(ServerOptions::default());
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    for _ in 0..1000 {
        let answer = upstream.anonymous().post(PATH, &body).await;
        if answer.status == 429 {
            let wait = answer.retry_after();
            assert!(wait.is_some_and(|seconds| (1..=3600).contains(&seconds)), "Retry-After is {wait:?}");
            answer.refused(429);
            return;
        }
        answer.promised(200);
    }
    panic!("a thousand requests were answered");
}

#[tokio::test]
async fn behind_a_proxy_each_network_has_a_limit_of_its_own() {
    let upstream = Server::upstream(ServerOptions::default());
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &base(10_001));
    let from = |address| upstream.anonymous().with_header("X-Forwarded-For", address);
    let flooding = from("203.0.113.1, 192.0.2.7");
    let mut answered = 0;
    while flooding.post(PATH, &body).await.status != 429 {
        answered += 1;
        assert!(answered < 1000, "a thousand requests were answered");
    }
    // What a client writes there itself stands before what the proxy has seen.
    from("192.0.2.7, 198.51.100.9").post(PATH, &body).await.promised(200);
}
