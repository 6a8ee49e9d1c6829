//! GET /projects/{projectKey}/repos/{repositorySlug}/following: what it follows, and how that goes.

use super::{NOWHERE, Source, administrators_only, follow, path_of, stands};
use crate::harness::{Attempt, git, shared_joined_by_hand};

#[tokio::test]
async fn behaviour_it_tells_how_it_goes() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = path_of(&repository);
    let nothing = upstream.admin().get(&path).await.refused(404);
    assert!(nothing["message"].as_str().is_some_and(|text| text.ends_with("follows nothing.")), "{nothing}");

    let source = Source::new();
    follow(upstream, &repository, &source.url).await;
    let told = stands(upstream, &repository, "IN_STEP").await;
    assert_eq!((&told["url"], &told["failures"]), (&source.url.clone().into(), &0.into()));
    assert!(told["lastAttemptAt"].is_i64() && told["lastAttemptAt"] == told["lastSuccessAt"], "{told}");
    // It is looked at once more when it was listed just before it was asked for.
    let (changed, in_step) = (told["lastChangeAt"].as_i64(), told["lastSuccessAt"].as_i64());
    assert!(changed.is_some() && changed <= in_step && told["lag"].as_i64() >= Some(0), "{told}");
    assert!(told.get("error").is_none() && told.get("username").is_none(), "{told}");
    let tip = git(source.checkout.path(), &["rev-parse", "HEAD"]);
    let listed = git(source.checkout.path(), &["ls-remote", upstream.admin_url(&repository).as_str()]);
    assert_eq!(listed, format!("{tip}\tHEAD\n{tip}\trefs/heads/main"));

    follow(upstream, &repository, NOWHERE).await;
    let told = stands(upstream, &repository, "FAILING").await;
    assert_eq!((&told["error"]["fault"], &told["failures"]), (&"AWAY".into(), &1.into()), "{told}");
    assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains(NOWHERE)), "{told}");
    assert!(told.get("lastSuccessAt").is_none() && told.get("lag").is_none(), "{told}");
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    follow(&joined.upstream, &repository, NOWHERE).await;
    let call = Attempt::get(&joined.upstream, path_of(&repository));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
