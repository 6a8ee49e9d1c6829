//! GET /projects/{projectKey}/repos/{repositorySlug}/purge: how far the latest order is.

use serde_json::json;

use crate::harness::{Attempt, Identity, repository_path, shared_joined_by_hand, shared_pair};

#[tokio::test]
async fn behaviour_nothing_is_ordered_at_first() {
    let upstream = &shared_pair().await.upstream;
    let repository = upstream.empty_repository(true).await;
    let path = format!("{}/purge", repository_path(&repository));
    let before = upstream.admin().get(&path).await.promised(200);
    assert_eq!(before, json!({ "number": 0, "state": "NEVER_ORDERED", "mirrors": before["mirrors"] }));
    upstream.admin().post_nothing(&path).await.promised(202);
    let after = upstream.admin().get(&path).await.promised(200);
    assert!(after["number"] == 1 && after["orderedAt"].is_i64() && after["state"] != "NEVER_ORDERED");
    upstream.admin().get(&path.replace("/purge", "-and-another/purge")).await.refused(404);
}

#[tokio::test]
async fn behaviour_a_mirror_that_has_reported_nothing_is_listed_with_when_it_was_last_heard_of() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(true).await;
    let path = format!("{}/purge", repository_path(&repository));
    upstream.admin().post_nothing(&path).await.promised(202);
    let progress = upstream.admin().get(&path).await.promised(200);
    let listed = progress["mirrors"].as_array().expect("a list");
    let silent = listed.iter().find(|mirror| mirror["id"] == joined.mirror_id.as_str());
    let silent = silent.unwrap_or_else(|| panic!("it is not in {progress}"));
    assert!(silent["state"] == "PENDING" && silent["lastSeenDate"].is_i64(), "{silent}");
    assert!(silent.get("doneAt").is_none() && silent.get("reportedDate").is_none(), "{silent}");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, format!("{}/purge", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 200).await;
    call.by(&Identity::admin(), 200).await;
}
