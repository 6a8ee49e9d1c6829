//! PUT /mirrorServers/{mirrorId}/standing: a mirror tells how far it is.

use serde_json::json;

use crate::harness::{Attempt, shared_joined_by_hand, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_what_was_told_last_counts() {
    let joined = start_joined_by_hand().await;
    let path = format!("{PATH}/{}/standing", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    let standing = || async { joined.upstream.admin().get(&path).await.promised(200) };
    assert_eq!(standing().await["standing"], "UNKNOWN", "it has told nothing yet");
    for (in_step, word) in [(1, "BEHIND"), (2, "UP_TO_DATE")] {
        let copies = json!({"discovering": false, "mirroredRepos": 2, "inStepRepos": in_step});
        itself.put(&path, &copies).await.promised(204);
        let known = standing().await;
        assert_eq!((&known["standing"], &known["inStepRepos"]), (&json!(word), &json!(in_step)), "{known}");
        assert_eq!((&known["mirroredRepos"], &known["pendingEvents"]), (&json!(2), &json!(0)), "{known}");
    }
    let looking = json!({"discovering": true, "mirroredRepos": 0, "inStepRepos": 0});
    itself.put(&path, &looking).await.promised(204);
    assert_eq!(standing().await["standing"], "BEHIND", "it does not know yet what there is");
}

#[tokio::test]
async fn behaviour_lag_and_failures_are_told_with_their_reason() {
    let joined = start_joined_by_hand().await;
    let path = format!("{PATH}/{}/standing", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    let failure = "APP/engine: the disk is full";
    let copies = json!({
        "discovering": false, "mirroredRepos": 2, "inStepRepos": 1, "lagMillis": 61_000, "lastSyncDate": 1_764_000_000_000_i64,
        "failingRepos": 1, "failure": failure,
    });
    itself.put(&path, &copies).await.promised(204);
    let known = joined.upstream.admin().get(&path).await.promised(200);
    assert_eq!((&known["failingRepos"], &known["failure"]), (&json!(1), &json!(failure)), "{known}");
    assert_eq!(known["lastSyncDate"], copies["lastSyncDate"]);
    assert!(known["lagMillis"].as_i64() >= Some(61_000), "what it lacked grows older: {known}");

    let caught_up = json!({"discovering": false, "mirroredRepos": 2, "inStepRepos": 2, "failingRepos": 0});
    itself.put(&path, &caught_up).await.promised(204);
    let known = joined.upstream.admin().get(&path).await.promised(200);
    assert_eq!((known.get("lagMillis"), known.get("failure")), (None, None), "{known}");
    let long =
        json!({"discovering": false, "mirroredRepos": 1, "inStepRepos": 1, "failure": "x".repeat(1_001)});
    assert_eq!(itself.put(&path, &long).await.refused(400)["context"], "failure");
}

#[tokio::test]
async fn behaviour_numbers_that_cannot_be_are_refused() {
    let joined = shared_joined_by_hand().await;
    let path = format!("{PATH}/{}/standing", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    for (field, copies) in [
        ("inStepRepos", json!({"discovering": false, "mirroredRepos": 2})),
        ("mirroredRepos", json!({"discovering": false, "mirroredRepos": -1, "inStepRepos": 0})),
        ("discovering", json!({"discovering": 1, "mirroredRepos": 1, "inStepRepos": 0})),
    ] {
        let error = itself.put(&path, &copies).await.refused(400);
        assert_eq!(error["context"], field, "{copies}");
    }
}

#[tokio::test]
async fn authorisation_the_mirror_itself() {
    let joined = start_joined_by_hand().await;
    let copies = json!({"discovering": false, "mirroredRepos": 1, "inStepRepos": 1});
    let call = Attempt::put(&joined.upstream, format!("{PATH}/{}/standing", joined.mirror_id), copies);
    joined.refuse_all_others(&call).await;
    call.by(&joined.identity(), 204).await;
}
