//! POST /repos/{upstreamRepoId}/synchronization: the synchronization of a repository on demand is gone, for every caller.

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};

#[tokio::test]
async fn behaviour_always_answers_410() {
    let by_hand = shared_upstream_by_hand().await;
    let path = by_hand.path("/repos/24/synchronization");
    for query in ["", "?level=DEFAULT", "?level=anything", "?level="] {
        let error = by_hand.client().post_nothing(&format!("{path}{query}")).await.refused(410);
        assert!(error["message"].as_str().is_some_and(|message| message.contains("no longer")), "{error}");
    }
    let other = "/rest/mirroring/latest/upstreamServers/other/repos/24/synchronization";
    by_hand.client().post_nothing(other).await.refused(410);
}

#[tokio::test]
async fn authorisation_every_caller_learns_that_it_is_gone() {
    let pair = shared_pair().await;
    let call = Attempt::post_nothing(&pair.mirror, pair.mirror_path("/repos/24/synchronization").await);
    call.by(&Identity::Anonymous, 410).await;
    call.by(&pair.new_user().await, 410).await;
    call.by(&Identity::admin(), 410).await;
}
