//! GET /upstreamServers/{upstreamId}/progress: how many repositories are in step, of how many.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, UpstreamByHand, eventually, shared_pair, unreachable_repository};

#[tokio::test]
async fn behaviour_is_all_zeros_when_nothing_is_to_do_and_counts_what_is_missing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let idle = by_hand.get("/progress").await.promised(200);
    assert_eq!(
        idle,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 0, "mirroredRepos": 0, "inStepRepos": 0})
    );

    let repository = unreachable_repository(24, 7);
    by_hand.list_repository(repository.clone());
    let event = json!({"eventKey": "repo:created", "repository": repository});
    by_hand.client().post(&by_hand.path("/addon/events"), &event).await.promised(204);
    let busy = eventually("the repository to be counted", || async {
        let progress = by_hand.get("/progress").await.promised(200);
        (progress["totalRepos"] == 1).then_some(progress)
    });
    assert_eq!(
        busy.await,
        json!({"discovering": false, "syncedRepos": 0, "totalRepos": 1, "mirroredRepos": 1, "inStepRepos": 0})
    );
    let status = by_hand.mirror.anonymous().get("/status").await.json();
    assert_eq!((&status["syncedRepos"], &status["totalRepos"]), (&json!(0), &json!(1)), "the two must agree");
}

#[tokio::test]
async fn behaviour_what_is_newly_selected_is_being_looked_for_until_the_upstream_has_told_of_it() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.list_repository(unreachable_repository(24, 8));
    let narrow = json!({"mode": "SELECTED_PROJECTS", "projectIds": ["7"]});
    by_hand.client().put(&by_hand.path("/settings"), &narrow).await.promised(200);
    eventually("the other projects to be given up", || async {
        by_hand.received().iter().any(|request| request.path.contains("/projects/7/repos")).then_some(())
    })
    .await;
    by_hand.set_away(true);
    by_hand.client().put(&by_hand.path("/settings/mode"), &json!("ALL_PROJECTS")).await.promised(200);
    let looking = by_hand.get("/progress").await.promised(200);
    assert_eq!(looking["discovering"], true, "it cannot know yet what there is: {looking}");

    by_hand.set_away(false);
    let found = eventually("what there is to be known", || async {
        let progress = by_hand.get("/progress").await.promised(200);
        (progress["discovering"] == false).then_some(progress)
    });
    assert_eq!(found.await["totalRepos"], 1);
}

#[tokio::test]
async fn behaviour_an_unknown_upstream_is_404() {
    let pair = shared_pair().await;
    pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers/other/progress").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/progress", Attempt::get).await;
}
