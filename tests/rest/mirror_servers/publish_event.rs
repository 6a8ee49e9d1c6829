//! POST /mirrorServers/{mirrorId}/events: a mirror reports how a synchronization has ended.

use serde_json::json;

use crate::harness::{Attempt, Identity, shared_joined_by_hand, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_takes_both_outcomes_of_repositories_that_exist() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let itself = joined.upstream.client(&joined.identity());
    let path = format!("{PATH}/{}/events", joined.mirror_id);
    let id = repository["id"].to_string();
    for kind in ["SYNCHRONIZED", "SYNCHRONIZATION_FAILED", "SYNCHRONIZED"] {
        let event = json!({"type": kind, "mirrorRepoId": 42, "upstreamRepoId": id});
        itself.post(&path, &event).await.promised(204);
    }
    itself.post(&path, &json!({"type": "SYNCHRONIZED", "upstreamRepoId": id})).await.promised(204);
    for unknown in ["999999", "x", "-1"] {
        itself.post(&path, &json!({"type": "SYNCHRONIZED", "upstreamRepoId": unknown})).await.refused(404);
    }
    for (field, event) in [
        ("type", json!({"upstreamRepoId": id})),
        ("type", json!({"type": "DONE", "upstreamRepoId": id})),
        ("upstreamRepoId", json!({"type": "SYNCHRONIZED"})),
        ("mirrorRepoId", json!({"type": "SYNCHRONIZED", "upstreamRepoId": id, "mirrorRepoId": "x"})),
    ] {
        let error = itself.post(&path, &event).await.refused(400);
        assert_eq!(error["context"], field, "{event}");
    }
}

#[tokio::test]
async fn authorisation_the_mirror_itself() {
    let joined = start_joined_by_hand().await;
    let (second, _) = joined.another("Second").await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(true).await;
    let event =
        json!({"type": "SYNCHRONIZED", "mirrorRepoId": 1, "upstreamRepoId": repository["id"].to_string()});
    let call = Attempt::post(upstream, format!("{PATH}/{}/events", joined.mirror_id), event);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.forger(), 401).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&Identity::admin(), 403).await;
    call.by(&second, 403).await;
    call.by(&joined.identity(), 204).await;
}
