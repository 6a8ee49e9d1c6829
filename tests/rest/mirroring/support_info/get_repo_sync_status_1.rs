//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repoSyncStatus: how one copy stands.

use crate::harness::{Attempt, eventually, refs_hash, repository_path, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

fn path_end(repository: &serde_json::Value) -> String {
    let core = repository_path(repository);
    format!("/supportInfo{}/repoSyncStatus", core.strip_prefix("/rest/api/latest").expect("a core path"))
}

#[tokio::test]
async fn behaviour_tells_both_ids_and_the_hashes_of_what_is_here() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    let mirrored = pair.mirrored(&repository).await;
    let path = path_of(&path_end(&repository));
    let there = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let upstream = pair.admin().get(&there).await.promised(200);
    let state = eventually("the push on the mirror", || async {
        let state = pair.mirror_admin().get(&path).await.promised(200);
        (state["hashes"]["content"] == refs_hash(checkout.path())).then_some(state)
    })
    .await;
    assert_eq!(state["externalRepoId"], repository["id"].to_string());
    assert_eq!(state["localRepoId"], mirrored["localRepositoryId"]);
    assert_eq!(state["localProjectId"], repository["project"]["id"]);
    assert_eq!(state["upstreamId"], pair.upstream_id().await);
    assert_eq!(state["hashes"]["metadata"], upstream["properties"]["metadataHash"]);
    assert_eq!(state["failedSyncCount"], 0);
    let date = |name: &str| state[name].as_i64().expect("is a number");
    assert!(date("initialSyncDate") <= date("lastSyncDate"), "{state}");

    let key = repository["project"]["key"].as_str().expect("is text");
    let lower = path.replace(key, &key.to_lowercase());
    assert_ne!(lower, path);
    let again = pair.mirror_admin().get(&lower).await.promised(200);
    assert_eq!(again["localRepoId"], state["localRepoId"], "keys are found in any case");
}

#[tokio::test]
async fn behaviour_what_is_not_held_is_404() {
    let pair = shared_pair().await;
    for (key, slug) in [("NONE", "none"), ("%00", "none"), ("NONE", "..%2fx")] {
        let end = format!("/supportInfo/projects/{key}/repos/{slug}/repoSyncStatus");
        pair.mirror_admin().get(&path_of(&end)).await.refused(404);
    }
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    // A repository that is not there: those who may ask learn just that.
    let end = "/supportInfo/projects/NONE/repos/none/repoSyncStatus";
    administrators::of_the_mirror(404, end, Attempt::get).await;
}
