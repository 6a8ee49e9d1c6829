//! GET /repo-hashes/metadata: the metadata hashes alone, on the upstream and on the mirror alike.

use serde_json::json;

use super::documents::{authorised, hashes};
use crate::harness::{eventually, shared_pair};

const PATH: &str = "/repo-hashes/metadata";

#[tokio::test]
async fn behaviour_answers_one_hash_and_the_same_on_both_roles() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    let id = repository["id"].as_i64().expect("is a number");
    let there = pair.admin().get(&format!("/rest/mirroring/latest/repos/{id}")).await.promised(200);
    let expected = json!({"metadata": there["properties"]["metadataHash"]});
    let (project, is_public, found) = hashes(&pair.admin(), PATH).await[&id].clone();
    assert_eq!((json!(project), is_public), (repository["project"]["id"].clone(), false));
    assert_eq!(found, expected);
    eventually("the mirror to have it", || async {
        let held = hashes(&pair.mirror_admin(), PATH).await;
        (held.get(&id) == Some(&(project, false, expected.clone()))).then_some(())
    })
    .await;
}

#[tokio::test]
async fn authorisation_readers_upstream_and_administrators_on_the_mirror() {
    authorised(PATH).await;
}
