//! GET /supportInfo/projects/{projectKey}/repos/{repositorySlug}/repo-lock-owner: what synchronises it now.

use crate::harness::{Attempt, UpstreamByHand, eventually, now_seconds, unreachable_repository};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/projects/P7/repos/repo-24/repo-lock-owner";

#[tokio::test]
async fn behaviour_tells_who_is_at_it_while_the_fetch_lasts() {
    let by_hand = UpstreamByHand::start_installed().await;
    let client = by_hand.client();
    client.get(&path_of(PATH)).await.refused(404);
    by_hand.hold_git();
    by_hand.announce(&unreachable_repository(24, 7)).await;
    let owner = eventually("the synchronisation to begin", || async {
        let answer = client.get(&path_of(PATH)).await;
        (answer.status == 200).then(|| answer.promised(200))
    })
    .await;
    assert_eq!(owner["externalRepositoryId"], "24");
    let nodes = client.get(&path_of("/farmNodes")).await.promised(200);
    assert_eq!(owner["nodeId"], nodes[0]["id"]);
    let worker = owner["threadName"].as_str().expect("is text");
    assert!(worker.starts_with("sync-first-"), "{worker}");
    let age_ms = now_seconds() * 1_000 - owner["lockAcquireTime"].as_i64().expect("is a number");
    assert!((-1_000..600_000).contains(&age_ms), "{owner}");
    assert_eq!(client.get(&path_of(PATH)).await.promised(200), owner, "it is one and the same");

    by_hand.answer_git();
    let id = owner["requestId"].as_str().expect("is text");
    eventually("the log to tell of the synchronisation by its id", || async {
        by_hand.mirror.log().lines().any(|line| line.contains(id)).then_some(())
    })
    .await;
    eventually("the lock to be free", || async {
        let answer = client.get(&path_of(PATH)).await;
        (answer.status == 204).then(|| answer.promised(204))
    })
    .await;
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    // A repository that is not there: those who may ask learn just that.
    administrators::of_the_mirror(404, PATH, Attempt::get).await;
}
