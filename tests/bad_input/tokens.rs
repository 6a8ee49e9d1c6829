//! Signed calls between servers: expired, forged, replayed on another path, or from an unknown server.

use heliostat_auth::{Claims, Secret, query_string_hash, sign};
use serde_json::json;

use crate::harness::{Client, Identity, Pair, now_seconds, signed, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/analyticsSettings";

fn with_token(client: &Client, token: &str) -> Client {
    client.as_(Identity::Raw(format!("JWT {token}")))
}

#[tokio::test]
async fn a_good_token_is_accepted_and_every_bad_one_is_not() {
    let joined = start_joined_by_hand().await;
    let (id, secret, client) = (&joined.mirror_id, &joined.secret, &joined.upstream_client);
    with_token(client, &signed(id, secret, "GET", PATH)).get(PATH).await.expect(200);

    with_token(client, &signed(id, "forged secret", "GET", PATH)).get(PATH).await.expect_error(401);
    with_token(client, &signed("AAAA-BBBB-CCCC-DDDD", secret, "GET", PATH)).get(PATH).await.expect_error(401);
    let replayed = signed(id, secret, "GET", "/rest/mirroring/latest/repos");
    with_token(client, &replayed).get(PATH).await.expect_error(401);
    let other_method = signed(id, secret, "POST", PATH);
    with_token(client, &other_method).get(PATH).await.expect_error(401);
    with_token(client, &signed(id, secret, "GET", PATH)).get(&format!("{PATH}?x=1")).await.expect_error(401);

    let hash = query_string_hash("GET", PATH, None);
    let old = sign(&Secret::new(secret.as_str()), &Claims::new(id, hash, now_seconds() - 400, 180));
    let error = with_token(client, &old).get(PATH).await.expect_error(401);
    assert!(error["message"].as_str().is_some_and(|message| message.contains(" s")), "no seconds in {error}");
}

#[tokio::test]
async fn an_installed_event_from_an_unknown_server_changes_nothing() {
    let pair = Pair::start().await;
    let upstream = pair.upstream_id().await;
    let path = format!("/rest/mirroring/latest/upstreamServers/{upstream}/addon/installed");
    let anonymous = Client::new(pair.mirror.base_url(), Identity::Anonymous);
    let base = pair.upstream.base_url().as_str().trim_end_matches('/');
    for event in [
        json!({"clientKey": "unknown", "sharedSecret": "s".repeat(64), "baseUrl": "http://127.0.0.1:9"}),
        json!({"clientKey": "unknown", "sharedSecret": "s".repeat(64), "baseUrl": base}),
        json!({"clientKey": "unknown", "sharedSecret": "s".repeat(64)}),
    ] {
        let status = anonymous.post(&path, &event).await.status;
        assert!((400..500).contains(&status), "{event} was answered {status}");
    }
    anonymous.post(&path, &json!({})).await.expect_error(400);
    // The mirror still follows its upstream.
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
}

#[tokio::test]
async fn events_and_uninstalling_need_the_upstreams_signature() {
    let pair = crate::harness::shared_pair().await;
    let upstream = pair.upstream_id().await;
    let base = format!("/rest/mirroring/latest/upstreamServers/{upstream}/addon");
    let anonymous = Client::new(pair.mirror.base_url(), Identity::Anonymous);
    anonymous.post(&format!("{base}/events"), &json!({"eventKey": "repo:deleted"})).await.expect_error(401);
    anonymous.post_nothing(&format!("{base}/uninstalled")).await.expect_error(401);
    let forged = signed("heliostat", "forged", "POST", &format!("{base}/uninstalled"));
    with_token(&anonymous, &forged).post_nothing(&format!("{base}/uninstalled")).await.expect_error(401);
    let page = pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers").await.expect(200).json();
    assert_eq!(page["values"][0]["state"], "INSTALLED");
}

#[tokio::test]
async fn a_mirror_cannot_speak_for_another_one() {
    let joined = start_joined_by_hand().await;
    let path = "/rest/mirroring/latest/mirrorServers/AAAA-BBBB-CCCC-DDDD/events";
    let event = json!({"type": "SYNCHRONIZED", "upstreamRepoId": "1", "mirrorRepoId": 1});
    let token = signed(&joined.mirror_id, &joined.secret, "POST", path);
    let status = with_token(&joined.upstream_client, &token).post(path, &event).await.status;
    assert!(status == 403 || status == 404, "was answered {status}");
}
