//! GET /upstreamServers/{upstreamId}/repos/{upstreamRepoId}: whether a repository can be cloned here, and from where.

use reqwest::Method;
use serde_json::json;
use url::Url;

use crate::harness::{
    Attempt, Client, Identity, clone_url, eventually, shared_pair, shared_upstream_by_hand,
};

#[tokio::test]
async fn behaviour_clone_here_and_push_there() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;
    let mirrored = pair.mirror_admin().get(&path).await.promised(200);

    assert_eq!(mirrored["repositoryId"], repository["id"].to_string());
    assert!(mirrored["localRepositoryId"].is_i64(), "{mirrored}");
    assert_eq!(mirrored["mirrorName"], "Saigon");
    assert_eq!((&mirrored["available"], &mirrored["status"]), (&json!(true), &json!("AVAILABLE")));
    let url = |base| clone_url(base, &repository, None).to_string();
    let clone = json!([{"name": "http", "href": url(pair.mirror.base_url())}]);
    let push = json!([{"name": "http", "href": url(pair.upstream.base_url())}]);
    assert_eq!((&mirrored["cloneUrls"], &mirrored["links"]["clone"]), (&clone, &clone));
    assert_eq!((&mirrored["pushUrls"], &mirrored["links"]["push"]), (&push, &push));
    assert_eq!(mirrored["links"]["self"], json!([{"href": format!("{}{path}", pair.mirror.base())}]));
    assert!(mirrored.get("lastError").is_none(), "{mirrored}");

    let there = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let upstream = pair.admin().get(&there).await.promised(200)["properties"]["generation"].clone();
    eventually("the mirror to serve the push", || async {
        let mirrored = pair.mirror_admin().get(&path).await.promised(200);
        (mirrored["generation"] == upstream && mirrored["upstreamGeneration"] == upstream).then_some(())
    })
    .await;
}

#[tokio::test]
async fn behaviour_what_is_not_there_is_404() {
    let pair = shared_pair().await;
    for end in ["/repos/999999", "/repos/x", "/repos/-1", "/repos/99999999999999999999"] {
        pair.mirror_admin().get(&pair.mirror_path(end).await).await.refused(404);
    }
    pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers/other/repos/1").await.refused(404);
}

#[tokio::test]
async fn authorisation_readers_and_no_one_else() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let call = Attempt::get(&pair.mirror, pair.mirror_path(&format!("/repos/{}", repository["id"])).await);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 404).await;
    call.by(&pair.upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&pair.upstream.user_on_project(&repository["project"], "PROJECT_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = Attempt::get(&by_hand.mirror, by_hand.path("/repos/24"));
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&by_hand.identity(), 404).await;
}

#[tokio::test]
async fn authorisation_a_signed_link_opens_its_own_resource_only() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let (other, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.mirrored(&other).await;
    let path = format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"]);
    let descriptors = pair.admin().get(&path).await.promised(200);
    let link = descriptors["values"][0]["links"]["self"][0]["href"].as_str().expect("is text").to_owned();
    let link = Url::parse(&link).expect("is a URL");
    let anonymous = Client::new(pair.mirror.base_url(), Identity::Anonymous);

    let good = format!("{}?{}", link.path(), link.query().expect("has a token"));
    let found = anonymous.get(&good).await.promised(200);
    assert_eq!(found["repositoryId"], repository["id"].to_string());
    let own = format!("/repos/{}?", repository["id"]);
    let elsewhere = good.replace(&own, &format!("/repos/{}?", other["id"]));
    anonymous.get(&elsewhere).await.refused(401);
    anonymous.get(&format!("{good}&x=1")).await.refused(401);
    anonymous.get(&good.replace("jwt=", "jwt=x")).await.refused(401);
    let settings = pair.mirror_path("/settings").await;
    anonymous
        .send(Method::GET, &format!("{settings}?{}", link.query().expect("has")), None)
        .await
        .refused(401);
}
