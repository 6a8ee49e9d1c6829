//! POST /mirrorServers/{mirrorId}/lease: a mirror takes the right to answer readers by itself.

use serde_json::json;

use crate::harness::{Attempt, shared_joined_by_hand, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_where_no_change_waits_for_mirrors_no_lease_is_needed() {
    let joined = shared_joined_by_hand().await;
    let path = format!("{PATH}/{}/lease", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    for body in [json!({}), json!({"comparedAgoMillis": 5})] {
        let lease = itself.post(&path, &body).await.promised(200);
        assert_eq!(lease, json!({"granted": false, "durationMillis": 0}));
    }
    let error = itself.post(&path, &json!({"comparedAgoMillis": -1})).await.refused(400);
    assert_eq!(error["context"], "comparedAgoMillis");
}

#[tokio::test]
async fn authorisation_the_mirror_itself() {
    let joined = start_joined_by_hand().await;
    let call = Attempt::post(&joined.upstream, format!("{PATH}/{}/lease", joined.mirror_id), json!({}));
    joined.refuse_all_others(&call).await;
    call.by(&joined.identity(), 200).await;
}
