//! Joining with an address that points elsewhere, and an upstream that answers nonsense or nothing.

use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use tokio::net::TcpListener;
use url::Url;

use crate::harness::{
    ADMIN_PASSWORD, Client, FakeMirror, Identity, Server, ServerOptions, eventually, good_descriptor,
    request_of,
};

const REQUESTS: &str = "/rest/mirroring/latest/requests";

fn admin(upstream: &Server) -> Client {
    Client::new(upstream.base_url(), Identity::User("admin".into(), ADMIN_PASSWORD.into()))
}

async fn accept_is_refused(upstream: &Server, body: &Value) {
    let request = admin(upstream).post(REQUESTS, body).await.expect(200).json();
    let error =
        admin(upstream).post_nothing(&format!("{REQUESTS}/{}/accept", request["id"])).await.expect_error(409);
    assert!(error["message"].as_str().is_some_and(|message| message.len() > 20), "{error}");
    let again = admin(upstream).get(&format!("{REQUESTS}/{}", request["id"])).await.expect(200).json();
    assert_eq!(again["state"], "PENDING", "a refused acceptance must leave the request as it was");
    let mirrors = admin(upstream).get("/rest/mirroring/latest/mirrorServers").await.expect(200).json();
    assert_eq!(mirrors["size"], 0);
}

#[tokio::test]
async fn another_client_cannot_lead_the_request_of_a_mirror_to_its_own_address() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    let client = admin(&upstream);
    let shown = eventually("the mirror's request", || async {
        client.get(REQUESTS).await.expect(200).json()["values"].get(0).cloned()
    })
    .await;
    let forger = FakeMirror::start(good_descriptor).await;
    let mut forged = request_of(shown["mirrorId"].as_str().expect("is text"), "Saigon", &forger.base);
    for key in [None, Some(heliostat_auth::shared_secret())] {
        if let Some(key) = key {
            forged["registrationKey"] = json!(key.expose());
        }
        let error = upstream.anonymous().post(REQUESTS, &forged).await.expect_error(409);
        assert_eq!(error["context"], "mirrorBaseUrl");
    }
    let accept = format!("{REQUESTS}/{}/accept", shown["id"]);
    let seen = json!({"mirrorBaseUrl": shown["mirrorBaseUrl"]});
    let accepted = client.post(&accept, &seen).await.expect(200).json();
    assert_eq!(accepted["baseUrl"], mirror.base());
    assert!(forger.requests().is_empty(), "the forger was told something");
}

#[tokio::test]
async fn a_descriptor_elsewhere_is_not_accepted_by_those_who_do_not_name_its_address() {
    let upstream = Server::upstream(ServerOptions::default());
    let elsewhere = FakeMirror::start(good_descriptor).await;
    let mirror = FakeMirror::start(good_descriptor).await;
    let mut body = request_of(&heliostat_auth::server_id(), "Elsewhere", &mirror.base);
    body["addonDescriptorUri"] = json!(format!("{}descriptor", elsewhere.base));
    accept_is_refused(&upstream, &body).await;
    let shown = admin(&upstream).get(REQUESTS).await.expect(200).json()["values"][0].clone();
    assert_eq!(shown["mirrorInternalUrl"], elsewhere.base.as_str().trim_end_matches('/'));
    let accept = format!("{REQUESTS}/{}/accept", shown["id"]);
    let seen = json!({"mirrorBaseUrl": shown["mirrorBaseUrl"], "mirrorInternalUrl": mirror.base.as_str()});
    let error = admin(&upstream).post(&accept, &seen).await.expect_error(409);
    assert_eq!(error["context"], "mirrorInternalUrl");
    assert!(elsewhere.requests().is_empty() && mirror.requests().is_empty(), "neither was told anything");
}

#[tokio::test]
async fn a_descriptor_that_sends_secrets_elsewhere_is_refused() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(|base| {
        let mut descriptor = good_descriptor(base);
        descriptor["lifecycle"]["installed"] = json!("http://127.0.0.1:9/steal");
        descriptor
    })
    .await;
    accept_is_refused(&upstream, &request_of(&heliostat_auth::server_id(), "Thief", &mirror.base)).await;
    assert!(mirror.received().is_empty());
}

#[tokio::test]
async fn nonsense_and_too_long_descriptors_are_refused() {
    let upstream = Server::upstream(ServerOptions::default());
    let nonsense = FakeMirror::start(|_| json!([1, 2, 3])).await;
    accept_is_refused(&upstream, &request_of(&heliostat_auth::server_id(), "Nonsense", &nonsense.base)).await;
    let long = FakeMirror::start(|base| {
        let mut descriptor = good_descriptor(base);
        descriptor["description"] = json!("x".repeat(100_000));
        descriptor
    })
    .await;
    accept_is_refused(&upstream, &request_of(&heliostat_auth::server_id(), "Long", &long.base)).await;
}

#[tokio::test]
async fn special_purpose_and_unreachable_addresses_are_refused() {
    let upstream = Server::upstream(ServerOptions::default());
    for address in ["http://169.254.169.254", "http://[fe80::1]", "http://0.0.0.0", "http://127.0.0.1:1"] {
        let base = Url::parse(address).expect("is a URL");
        let body = request_of(&heliostat_auth::server_id(), &format!("At {address}"), &base);
        let answer = admin(&upstream).post(REQUESTS, &body).await;
        if answer.status == 200 {
            let accept = format!("{REQUESTS}/{}/accept", answer.json()["id"]);
            admin(&upstream).post_nothing(&accept).await.expect_error(409);
        } else {
            assert!(answer.status == 400 || answer.status == 409, "{address}: {}", answer.status);
        }
    }
    let mut inside = request_of(
        &heliostat_auth::server_id(),
        "Inside",
        &Url::parse("http://127.0.0.1:10001").expect("is a URL"),
    );
    inside["addonDescriptorUri"] = json!("http://169.254.169.254/descriptor");
    let error = admin(&upstream).post(REQUESTS, &inside).await.expect_error(409);
    assert_eq!(error["context"], "addonDescriptorUri");
    assert!(error["message"].as_str().is_some_and(|text| text.contains("its --internal-url")), "{error}");
    let metadata = Url::parse("http://169.254.169.254").expect("is a URL");
    let named = request_of(&heliostat_auth::server_id(), "Named", &metadata);
    let error = admin(&upstream).post(REQUESTS, &named).await.expect_error(409);
    assert!(error["message"].as_str().is_some_and(|text| text.contains("its --base-url")), "{error}");
    let local = ["file:///etc/passwd", "ftp://example.com", "http://user:secret@example.com", "nonsense"];
    for address in local {
        let mut body =
            request_of(&heliostat_auth::server_id(), "Odd", &Url::parse("http://a").expect("is a URL"));
        body["mirrorBaseUrl"] = json!(address);
        body["addonDescriptorUri"] = json!(address);
        admin(&upstream).post(REQUESTS, &body).await.expect_error(409);
    }
}

#[tokio::test]
async fn an_upstream_that_answers_nonsense_or_nothing_leaves_the_mirror_waiting_with_a_reason() {
    for reply in
        ["HTTP/1.1 200 OK\r\ncontent-length: 8\r\nconnection: close\r\n\r\nnonsense", "garbage\r\n\r\n", ""]
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let base =
            Url::parse(&format!("http://{}", listener.local_addr().expect("has one"))).expect("is a URL");
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let _ = stream.write_all(reply.as_bytes()).await;
            }
        });
        let mirror = Server::mirror(&base, "Lonely", ServerOptions::default());
        let client = Client::new(mirror.base_url(), Identity::Anonymous);
        let status = eventually("a reason in /status", || async {
            let status = client.get("/status").await.expect(503).json();
            status["reason"].as_str().is_some_and(|reason| !reason.is_empty()).then_some(status)
        })
        .await;
        assert_ne!(status["state"], "SYNCHRONIZED");
    }
}

#[tokio::test]
async fn a_second_mirror_with_a_taken_name_or_address_is_409_and_so_is_a_rejected_one() {
    let upstream = Server::upstream(ServerOptions::default());
    let client = admin(&upstream);
    let base = |port: u16| Url::parse(&format!("http://127.0.0.1:{port}")).expect("is a URL");
    let first = request_of(&heliostat_auth::server_id(), "First", &base(10_001));
    let accepted = client.post(REQUESTS, &first).await.expect(200).json();
    let again = client.post(REQUESTS, &first).await.expect(200).json();
    assert_eq!(accepted["id"], again["id"], "a repeated request is the same request");
    let error = client
        .post(REQUESTS, &request_of(&heliostat_auth::server_id(), "First", &base(10_002)))
        .await
        .expect_error(409);
    assert_eq!(error["context"], "mirrorName");
    let error = client
        .post(REQUESTS, &request_of(&heliostat_auth::server_id(), "Second", &base(10_001)))
        .await
        .expect_error(409);
    assert_eq!(error["context"], "mirrorBaseUrl");
    let message = error["message"].as_str().expect("is text");
    let (id, mirror_id) = (accepted["id"].to_string(), first["mirrorId"].as_str().expect("is text"));
    assert!(message.contains("heliostat request delete") && !message.contains("First"), "{message}");
    assert!(!message.contains(mirror_id), "anyone may ask: {message}");
    eventually("a line of the log that names the request in the way", || async {
        let log = upstream.log();
        let mut lines =
            log.lines().filter(|line| line.contains("has the name or the base URL of another one"));
        lines
            .any(|line| line.contains("holder.request") && line.contains(mirror_id) && line.contains(&id))
            .then_some(())
    })
    .await;
    client.post_nothing(&format!("{REQUESTS}/{}/reject", accepted["id"])).await.expect(200);
    client.post(REQUESTS, &first).await.expect_error(409);
}
