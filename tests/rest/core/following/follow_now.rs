//! POST /projects/{projectKey}/repos/{repositorySlug}/following/now: its source is looked at now.

use super::{NOWHERE, Source, administrators_only, follow, path_of, stands};
use crate::harness::{Attempt, eventually, git, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_what_is_new_comes_before_the_interval_has_passed() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let now = format!("{}/now", path_of(&repository));
    upstream.admin().post_nothing(&now).await.refused(404);
    let source = Source::new();
    follow(upstream, &repository, &source.url).await;
    let first = stands(upstream, &repository, "IN_STEP").await;

    let tip = source.checkout.commit("new.txt", "new\n");
    source.push(&["HEAD:refs/heads/main"]);
    let asked = upstream.admin().post_nothing(&now).await.promised(202);
    assert_eq!(asked["inProgress"], true, "{asked}");
    let told = eventually("the look to have ended", || async {
        let told = upstream.admin().get(&path_of(&repository)).await.promised(200);
        (told["inProgress"] == false && told["lastAttemptAt"].as_i64() > first["lastAttemptAt"].as_i64())
            .then_some(told)
    })
    .await;
    assert_eq!((&told["state"], &told["lastChangeAt"]), (&"IN_STEP".into(), &told["lastAttemptAt"]));
    let url = upstream.admin_url(&repository);
    let listed = git(source.checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    assert!(listed.starts_with(&tip), "{listed}");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    follow(&joined.upstream, &repository, NOWHERE).await;
    let call = Attempt::post_nothing(&joined.upstream, format!("{}/now", path_of(&repository)));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 202).await;
}
