//! GET /mirrorServers/{mirrorId}/delayed-sync: what is behind on a mirror.

use serde_json::json;

use crate::harness::{Attempt, Identity, shared_pair, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

#[tokio::test]
async fn behaviour_lists_what_a_mirror_has_not_reported_or_could_not_synchronize() {
    let joined = start_joined_by_hand().await;
    let admin = joined.upstream.admin();
    let path = format!("{PATH}/{}/delayed-sync", joined.mirror_id);
    let itself = joined.upstream.client(&joined.identity());
    let (repository, checkout) = joined.upstream.pushed_repository(false).await;
    let id = repository["id"].to_string();
    let generation = async || {
        let found = admin.get(&format!("/rest/mirroring/latest/repos/{id}")).await.promised(200);
        found["properties"]["generation"].as_i64().expect("is a number")
    };
    let report = async |kind: &str, generation: Option<i64>| {
        let mut report = json!({"type": kind, "upstreamRepoId": id});
        if let Some(generation) = generation {
            report["generation"] = json!(generation);
        }
        itself.post(&format!("{PATH}/{}/events", joined.mirror_id), &report).await.promised(204);
    };
    let behind = async || admin.get(&path).await.promised(200)["values"].clone();
    assert_eq!(behind().await, json!([]), "it has reported nothing");

    let before = generation().await;
    report("SYNCHRONIZED", Some(before)).await;
    assert_eq!(behind().await, json!([]));
    checkout.commit("next", "more");
    checkout.push(&joined.upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    let listed = behind().await;
    let reached = generation().await;
    assert_eq!(
        (&listed[0]["repositoryId"], &listed[0]["repositorySlug"], &listed[0]["outcome"]),
        (&json!(id), &repository["slug"], &json!("SYNCHRONIZED"))
    );
    assert_eq!(
        (&listed[0]["generation"], &listed[0]["upstreamGeneration"]),
        (&json!(before), &json!(reached))
    );

    report("SYNCHRONIZED", Some(reached)).await;
    assert_eq!(behind().await, json!([]));
    report("SYNCHRONIZATION_FAILED", None).await;
    let listed = behind().await;
    assert_eq!(listed[0]["outcome"], "SYNCHRONIZATION_FAILED", "{listed}");
    assert_eq!(listed[0]["generation"], listed[0]["upstreamGeneration"]);
}

#[tokio::test]
async fn authorisation_administrators() {
    let pair = shared_pair().await;
    let call = Attempt::get(&pair.upstream, format!("{PATH}/{}/delayed-sync", pair.mirror_id().await));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&Identity::admin(), 200).await;
    Attempt::get(&pair.upstream, format!("{PATH}/AAAA-AAAA-AAAA-AAAA/delayed-sync"))
        .by(&Identity::admin(), 404)
        .await;
}
