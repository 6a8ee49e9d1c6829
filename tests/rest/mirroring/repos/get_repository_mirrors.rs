//! GET /repos/{repoId}/mirrors: the mirrors, each with a signed link to the repository there.

use serde_json::json;
use url::Url;

use crate::harness::{
    Attempt, Client, Identity, eventually, shared_joined_by_hand, shared_pair, start_joined_by_hand, walk,
};

fn path_of(repository: &serde_json::Value) -> String {
    format!("/rest/mirroring/latest/repos/{}/mirrors", repository["id"])
}

#[tokio::test]
async fn behaviour_the_link_leads_to_the_repository_on_the_mirror_without_credentials() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let page = pair.admin().get(&path_of(&repository)).await.promised(200);
    assert_eq!((&page["size"], &page["limit"], &page["isLastPage"]), (&json!(1), &json!(25), &json!(true)));
    let server = &page["values"][0]["mirrorServer"];
    assert_eq!(server["id"], pair.mirror_id().await);
    assert_eq!((&server["name"], &server["enabled"]), (&json!("Saigon"), &json!(true)));

    let link = page["values"][0]["links"]["self"][0]["href"].as_str().expect("is text");
    let link = Url::parse(link).expect("is a URL");
    assert_eq!(link.origin(), pair.mirror.base_url().origin());
    assert_eq!(link.path(), pair.mirror_path(&format!("/repos/{}", repository["id"])).await);
    let query = link.query().expect("has a token");
    assert!(query.starts_with("jwt="), "{query}");
    let anonymous = Client::new(pair.mirror.base_url(), Identity::Anonymous);
    let there = anonymous.get(&format!("{}?{query}", link.path())).await.promised(200);
    assert_eq!((&there["available"], &there["mirrorName"]), (&json!(true), &json!("Saigon")));
}

#[tokio::test]
async fn behaviour_tells_of_each_copy_what_its_mirror_has_reported() {
    let joined = start_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let copy = async || {
        let page = upstream.admin().get(&path_of(&repository)).await.promised(200);
        page["values"][0]["copy"].clone()
    };
    assert_eq!(copy().await, json!({"standing": "UNKNOWN"}));
    let metadata = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let newest = upstream.admin().get(&metadata).await.promised(200)["properties"]["generation"].clone();
    let itself = upstream.client(&joined.identity());
    let reports = format!("/rest/mirroring/latest/mirrorServers/{}/events", joined.mirror_id);
    let report = |outcome: &str| json!({"mirrorRepoId": 1, "upstreamRepoId": repository["id"].to_string(), "type": outcome, "generation": newest});
    itself.post(&reports, &report("SYNCHRONIZED")).await.promised(204);
    let synchronized = copy().await;
    assert_eq!((&synchronized["standing"], &synchronized["generation"]), (&json!("UP_TO_DATE"), &newest));
    assert!(synchronized["reportedDate"].is_i64(), "{synchronized}");
    itself.post(&reports, &report("SYNCHRONIZATION_FAILED")).await.promised(204);
    assert_eq!(copy().await["standing"], "BEHIND");
}

#[tokio::test]
async fn behaviour_unless_pre_authorised_the_link_needs_credentials() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = path_of(&repository);
    let link = |query: &'static str| {
        let path = format!("{path}{query}");
        async move {
            let page = pair.admin().get(&path).await.promised(200);
            page["values"][0]["links"]["self"][0]["href"].as_str().expect("is text").to_owned()
        }
    };
    let plain = Url::parse(&link("?preAuthorized=false").await).expect("is a URL");
    assert_eq!(plain.query(), None);
    assert_eq!(plain.path(), pair.mirror_path(&format!("/repos/{}", repository["id"])).await);
    Client::new(pair.mirror.base_url(), Identity::Anonymous).get(plain.path()).await.refused(401);
    pair.mirror_admin().get(plain.path()).await.promised(200);
    for signed in [link("?preAuthorized=true").await, link("").await] {
        assert!(signed.starts_with(&format!("{plain}?jwt=")), "{signed}");
    }
    pair.admin().get(&format!("{path}?preAuthorized=maybe")).await.refused(400);
}

#[tokio::test]
async fn behaviour_goes_through_the_mirrors_in_pages() {
    let joined = start_joined_by_hand().await;
    joined.another("Second").await;
    joined.another("Third").await;
    let repository = joined.upstream.empty_repository(false).await;
    let listed = walk(&joined.upstream.admin(), &path_of(&repository), 2).await;
    let mut names: Vec<_> = listed.iter().map(|one| one["mirrorServer"]["name"].to_string()).collect();
    names.sort_unstable();
    assert_eq!(names, ["\"Hand-made\"", "\"Second\"", "\"Third\""]);
    joined.upstream.admin().get("/rest/mirroring/latest/repos/999999/mirrors").await.refused(404);
}

#[tokio::test]
async fn behaviour_a_mirror_that_cannot_be_reached_is_not_offered() {
    let joined = start_joined_by_hand().await;
    let (_, _second) = joined.another("Second").await;
    let admin = joined.upstream.admin();
    let repository = joined.upstream.empty_repository(false).await;
    let offered = |count: usize| {
        let path = path_of(&repository);
        let admin = &admin;
        async move {
            let page = admin.get(&path).await.promised(200);
            (page["values"].as_array().map(Vec::len) == Some(count)).then_some(page)
        }
    };
    assert!(offered(2).await.is_some());
    // Nothing listens there, and the next event shows it.
    let itself = joined.upstream.client(&joined.identity());
    let own_path = format!("/rest/mirroring/latest/mirrorServers/{}", joined.mirror_id);
    itself.put(&own_path, &json!({"baseUrl": "http://127.0.0.1:10001"})).await.promised(200);
    joined.upstream.empty_repository(false).await;
    let page = eventually("the mirror to be left out", || offered(1)).await;
    assert_eq!(page["values"][0]["mirrorServer"]["name"], "Second");
    itself.put(&own_path, &json!({"baseUrl": joined.mirror.base.as_str()})).await.promised(200);
    eventually("the mirror to be offered again", || offered(2)).await;
}

#[tokio::test]
async fn authorisation_who_may_read_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, path_of(&repository));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    call.by(&joined.identity(), 200).await;
}
