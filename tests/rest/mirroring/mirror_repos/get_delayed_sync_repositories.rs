//! GET /mirrorRepos/delayed-sync: what has been behind for a while, the longest first.

use serde_json::Value;

use crate::harness::{
    Attempt, ServerOptions, UpstreamByHand, eventually, now_seconds, shared_pair, unreachable_repository,
};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/mirrorRepos/delayed-sync";

fn ids(repositories: &Value) -> Vec<&str> {
    let repositories = repositories.as_array().expect("is a plain array");
    repositories.iter().map(|repository| repository["repositoryId"].as_str().expect("is text")).collect()
}

#[tokio::test]
async fn behaviour_lists_what_is_behind_the_longest_first() {
    let arguments = ["--sync-tolerance", "2h"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    let client = by_hand.client();
    by_hand.announce(&unreachable_repository(31, 7)).await;
    let since = |query: &'static str| {
        let client = &client;
        async move { client.get(&path_of(&format!("{PATH}{query}"))).await.promised(200) }
    };
    let first = since("?delayThreshold=0").await[0]["behindSince"].as_i64().expect("is a number");
    // The two must not fall into one millisecond.
    eventually("the clock to go on", || async {
        by_hand.announce(&unreachable_repository(24, 8)).await;
        let listed = since("?delayThreshold=0").await;
        (listed[1]["behindSince"].as_i64()? > first).then_some(())
    })
    .await;

    let delayed = since("?delayThreshold=0").await;
    assert_eq!(ids(&delayed), ["31", "24"]);
    assert_eq!((&delayed[1]["projectKey"], &delayed[1]["repositorySlug"]), (&"P8".into(), &"repo-24".into()));
    assert_eq!(
        (delayed[1].get("generation"), &delayed[1]["upstreamGeneration"]),
        (None, &1.into()),
        "nothing of it is here"
    );
    eventually("it to fail with a reason", || async {
        let delayed = since("?delayThreshold=0").await;
        (delayed[1]["failedSyncCount"].as_i64()? > 0 && delayed[1]["lastError"].is_string()).then_some(())
    })
    .await;
    assert_eq!(ids(&since("?delayThreshold=0&limit=1").await), ["31"]);
    assert_eq!(ids(&since("?delayThreshold=0&limit=1000").await), ["31", "24"]);
    assert!(ids(&since("?delayThreshold=0&limit=0").await).is_empty());
    let for_a_minute = since("?delayThreshold=1").await;
    // A busy machine may have come so far only after a minute.
    if (now_seconds() + 1) * 1_000 - first < 60_000 {
        assert!(ids(&for_a_minute).is_empty(), "they have not been behind for a minute");
    }
    assert!(ids(&since("?delayThreshold=60").await).is_empty(), "they have not been behind for an hour");
    assert!(ids(&since("").await).is_empty(), "nor for the mirror's tolerance");
}

#[tokio::test]
async fn behaviour_without_a_threshold_the_mirrors_tolerance_counts() {
    let arguments = ["--sync-tolerance", "0s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let path = path_of(PATH);
    assert_eq!(ids(&by_hand.client().get(&path).await.promised(200)), ["24"]);
    assert!(ids(&by_hand.client().get(&format!("{path}?delayThreshold=60")).await.promised(200)).is_empty());
}

#[tokio::test]
async fn behaviour_what_is_in_step_is_not_listed_and_nonsense_is_refused() {
    let pair = shared_pair().await;
    let (repository, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = path_of(PATH);
    eventually("the mirror to be in step", || async {
        let delayed = pair.mirror_admin().get(&format!("{path}?delayThreshold=0")).await.promised(200);
        let id = repository["id"].to_string();
        (!ids(&delayed).contains(&id.as_str())).then_some(())
    })
    .await;
    for (query, field) in
        [("delayThreshold=-1", "delayThreshold"), ("limit=-1", "limit"), ("limit=x", "limit")]
    {
        let error = pair.mirror_admin().get(&format!("{path}?{query}")).await.refused(400);
        assert_eq!(error["context"], field);
    }
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
