//! GET /projects/{projectKey}/repos/{repositorySlug}/usage: what a repository takes on the disk.

use crate::harness::{Attempt, Identity, noise, repository_path, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_it_grows_with_a_push_and_tells_when_that_was() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let path = format!("{}/usage", repository_path(&repository));
    let before = upstream.admin().get(&path).await.promised(200);
    let noise: String = noise().take(4_096).map(|number| format!("{number:016x}")).collect();
    checkout.commit("noise.txt", &noise);
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let after = upstream.admin().get(&path).await.promised(200);
    let number = |usage: &serde_json::Value, field: &str| usage[field].as_i64().expect("is a number");
    assert!(number(&after, "sizeBytes") > number(&before, "sizeBytes"), "{before} {after}");
    assert!(number(&after, "updatedDate") >= number(&before, "updatedDate"), "{before} {after}");
    upstream.admin().get(&path.replace("/usage", "-and-another/usage")).await.refused(404);
}

#[tokio::test]
async fn authorisation_who_may_read_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::get(upstream, format!("{}/usage", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 200).await;
    call.by(&Identity::admin(), 200).await;
    let public = upstream.empty_repository(true).await;
    Attempt::get(upstream, format!("{}/usage", repository_path(&public))).by(&Identity::Anonymous, 200).await;
}
