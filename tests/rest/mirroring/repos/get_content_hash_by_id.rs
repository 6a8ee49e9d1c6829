//! GET /repos/{repoId}: one repository with what mirrors compare.

use serde_json::json;

use crate::harness::{Attempt, Identity, refs_hash, repository_path, shared_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/repos";

#[tokio::test]
async fn behaviour_the_hash_follows_the_refs_and_the_generation_counts() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let path = format!("{PATH}/{}", repository["id"]);
    let first = upstream.admin().get(&path).await.promised(200);
    assert_eq!(first["properties"]["contentHash"], refs_hash(checkout.path()));
    checkout.commit("second.txt", "second\n");
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let second = upstream.admin().get(&path).await.promised(200);
    assert_eq!(second["properties"]["contentHash"], refs_hash(checkout.path()));
    let generation = |of: &serde_json::Value| of["properties"]["generation"].as_i64().expect("is a number");
    assert_eq!(generation(&second), generation(&first) + 1);
    assert_eq!(second["properties"]["metadataHash"], first["properties"]["metadataHash"]);

    let described = json!({"description": "What it is about."});
    upstream.admin().put(&repository_path(&repository), &described).await.promised(201);
    let third = upstream.admin().get(&path).await.promised(200);
    assert_eq!(third["properties"]["contentHash"], second["properties"]["contentHash"]);
    assert_ne!(third["properties"]["metadataHash"], second["properties"]["metadataHash"]);
}

#[tokio::test]
async fn behaviour_names_the_default_branch_when_asked() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = format!("{PATH}/{}", repository["id"]);
    let mut answer = upstream.admin().get(&format!("{path}?includeDefaultBranch=true")).await.promised(200);
    assert_eq!(answer["properties"]["defaultBranchId"], "refs/heads/main");
    for query in ["", "?includeDefaultBranch=false"] {
        let plain = upstream.admin().get(&format!("{path}{query}")).await.promised(200);
        assert!(plain["properties"].get("defaultBranchId").is_none(), "{plain}");
    }
    upstream.admin().get(&format!("{path}?includeDefaultBranch=maybe")).await.refused(400);
    answer.as_object_mut().expect("is an object").remove("properties");
    assert_eq!(answer, repository, "beside the properties it is what the core API answers");
    for unknown in ["999999", "x", "-1"] {
        upstream.admin().get(&format!("{PATH}/{unknown}")).await.refused(404);
    }
}

#[tokio::test]
async fn behaviour_the_nonce_of_the_question_is_repeated() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = format!("{PATH}/{}", repository["id"]);
    let plain = upstream.admin().get(&path).await.promised(200);
    assert!(plain["properties"].get("nonce").is_none(), "{plain}");
    let proven = upstream.admin().get(&format!("{path}?nonce=one-of-a-kind")).await.promised(200);
    assert_eq!(proven["properties"]["nonce"], "one-of-a-kind");
    upstream.admin().get(&format!("{path}?nonce={}", "x".repeat(65))).await.refused(400);
}

#[tokio::test]
async fn authorisation_mirrors_see_every_repository_and_users_what_they_may_read() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, format!("{PATH}/{}", repository["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    for permission in ["REPO_READ", "REPO_WRITE", "REPO_ADMIN"] {
        call.by(&upstream.user_on_repository(&repository, permission).await, 200).await;
    }
    call.by(&upstream.user_on_project(&repository["project"], "PROJECT_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    call.by(&joined.identity(), 200).await;
    let public = upstream.empty_repository(true).await;
    Attempt::get(upstream, format!("{PATH}/{}", public["id"])).by(&upstream.new_user().await, 200).await;
}
