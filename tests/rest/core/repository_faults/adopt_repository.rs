//! POST /admin/repository-faults/adopt: takes over a repository that has no record.

use serde_json::json;

use super::FAULTS;
use crate::harness::{
    Attempt, Identity, Server, ServerOptions, git, lay_on_disk, place_of, shared_pair, unique,
};

fn path() -> String {
    format!("{FAULTS}/adopt")
}

#[tokio::test]
async fn behaviour_the_repository_is_served_under_its_new_name() {
    let upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(true).await;
    let key = repository["project"]["key"].clone();
    for number in [4711, 4712] {
        lay_on_disk(&upstream, &repository, number);
    }
    let body = |number: i64, name: &str| json!({"number": number, "projectKey": key, "name": name});
    let adopted = upstream.admin().post(&path(), &body(4711, "Found Again")).await.promised(201);
    assert_eq!((&adopted["id"], &adopted["slug"]), (&4711.into(), &"found-again".into()));
    let url = upstream.admin_url(&adopted);
    assert!(git(checkout.path(), &["ls-remote", url.as_str()]).contains("refs/heads/main"));
    checkout.commit("more.txt", "pushed to what was adopted\n");
    checkout.push(&url, &["HEAD:refs/heads/main"]);
    // New repositories get numbers of their own.
    assert!(upstream.new_repository(&repository["project"]).await["id"].as_i64() > Some(4711));

    let refused = upstream.admin().post(&path(), &body(4711, "again")).await.refused(409);
    assert_eq!(refused["context"], "number");
    upstream.admin().post(&path(), &body(4712, "Found Again")).await.refused(409);
    upstream.admin().post(&path(), &body(9_999, "none")).await.refused(404);
    upstream.admin().post(&path(), &body(0, "zero")).await.refused(400);
    upstream.admin().post(&path(), &body(4712, "a/b")).await.refused(400);
    // What is damaged is not taken over.
    let pack_or_object = place_of(&upstream, 4712).join("refs/heads/main");
    std::fs::write(pack_or_object, format!("{}\n", "1".repeat(40))).expect("a reference can be written");
    upstream.admin().post(&path(), &body(4712, "damaged")).await.refused(409);
    let found = upstream.admin().get(FAULTS).await.promised(200);
    assert_eq!((&found["unrecordedCount"], &found["unrecorded"][0]["number"]), (&1.into(), &4712.into()));
}

#[tokio::test]
async fn authorisation_administrators_of_the_server() {
    let pair = shared_pair().await;
    let project = pair.new_project(false).await;
    let body =
        || json!({"number": 9_999, "projectKey": project["key"], "name": format!("repo-{}", unique())});
    let call = || Attempt::post(&pair.upstream, path(), body());
    call().by(&Identity::Anonymous, 401).await;
    call().by(&Identity::impostor(), 401).await;
    call().by(&pair.new_user().await, 403).await;
    call().by(&pair.upstream.user_on_project(&project, "PROJECT_ADMIN").await, 403).await;
    call().by(&pair.upstream.user_with("ADMIN").await, 404).await;
    call().by(&Identity::admin(), 404).await;
}
