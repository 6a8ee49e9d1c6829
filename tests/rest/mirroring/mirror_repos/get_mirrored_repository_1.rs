//! GET /mirrorRepos/{externalRepositoryId}: a repository as it is here, for those who may read it.

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};
use crate::rest::mirroring::upstream_servers::administrators::{path_of, removed_mirror, waiting_mirror};

#[tokio::test]
async fn behaviour_answers_what_the_operation_that_names_the_upstream_answers() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let id = &repository["id"];
    let mirrored = pair.mirror_admin().get(&path_of(&format!("/mirrorRepos/{id}"))).await.promised(200);
    assert_eq!(mirrored["repositoryId"], id.to_string());
    assert_eq!(mirrored["available"], true);
    let named = pair.mirror_path(&format!("/repos/{id}")).await;
    assert_eq!(mirrored["links"], pair.mirror_admin().get(&named).await.promised(200)["links"]);
    for unknown in ["999999", "x", "-1", "99999999999999999999"] {
        pair.mirror_admin().get(&path_of(&format!("/mirrorRepos/{unknown}"))).await.refused(404);
    }
}

#[tokio::test]
async fn authorisation_readers_and_no_one_else() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let call = Attempt::get(&pair.mirror, path_of(&format!("/mirrorRepos/{}", repository["id"])));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 404).await;
    call.by(&pair.upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&pair.upstream.user_on_project(&repository["project"], "PROJECT_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = Attempt::get(&by_hand.mirror, path_of("/mirrorRepos/24"));
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&by_hand.identity(), 404).await;
    let removed = removed_mirror().await;
    Attempt::get(&removed.mirror, path_of("/mirrorRepos/24")).by(&removed.user(), 404).await;
    let waiting = waiting_mirror().await;
    Attempt::get(&waiting.mirror, path_of("/mirrorRepos/24")).by(&waiting.user(), 503).await;
}
