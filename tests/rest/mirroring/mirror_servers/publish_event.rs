//! POST /mirrorServers/{mirrorId}/events: a mirror reports how a synchronization has ended.

use serde_json::json;

use crate::harness::{Attempt, Receiver, git, shared_joined_by_hand, start_joined_by_hand};

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
        ("generation", json!({"type": "SYNCHRONIZED", "upstreamRepoId": id, "generation": -1})),
        ("syncType", json!({"type": "SYNCHRONIZED", "upstreamRepoId": id, "syncType": "smartMirror"})),
    ] {
        let error = itself.post(&path, &event).await.refused(400);
        assert_eq!(error["context"], field, "{event}");
    }
}

#[tokio::test]
async fn behaviour_webhooks_hear_what_the_mirror_has_gained_since_its_last_report() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let receiver = Receiver::start();
    upstream.new_webhook(&repository, &receiver.url(), &["mirror:repo_synchronized"]).await;
    let first = git(checkout.path(), &["rev-parse", "HEAD"]);
    let id = repository["id"].to_string();
    let generation = async || {
        let found = upstream.admin().get(&format!("/rest/mirroring/latest/repos/{id}")).await.promised(200);
        found["properties"]["generation"].as_i64().expect("is a number")
    };
    let report = async |kind: &str, more: serde_json::Value| {
        let mut event = json!({"type": kind, "upstreamRepoId": id});
        for (field, value) in more.as_object().expect("is an object") {
            event[field] = value.clone();
        }
        let path = format!("{PATH}/{}/events", joined.mirror_id);
        upstream.client(&joined.identity()).post(&path, &event).await.promised(204);
    };
    let start = generation().await;
    report("SYNCHRONIZATION_FAILED", json!({"generation": start})).await;
    report("SYNCHRONIZED", json!({"generation": start})).await;
    report("SYNCHRONIZED", json!({"generation": start, "syncType": "SNAPSHOT"})).await;
    let mut last = String::new();
    for name in ["a", "b", "c"] {
        last = checkout.commit(&format!("{name}.txt"), name);
        checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main", "HEAD:refs/tags/t"]);
    }
    // The reports of the two generations between were lost.
    report("SYNCHRONIZED", json!({"generation": start + 3, "syncType": "INCREMENTAL"})).await;
    report("SYNCHRONIZED", json!({"generation": start + 1})).await;
    report("SYNCHRONIZED", json!({})).await;
    report("SYNCHRONIZED", json!({"generation": start + 1_000})).await;

    let received = receiver.wait_for(4).await;
    let told = received.iter().map(|request| {
        let changes = request.body["changes"].as_array().expect("is a list").iter();
        let changes = changes
            .map(|change| json!([change["type"], change["refId"], change["fromHash"], change["toHash"]]));
        json!([request.body["syncType"], request.body["refLimitExceeded"], changes.collect::<Vec<_>>()])
    });
    let zero = "0".repeat(40);
    let expected = [
        json!(["SNAPSHOT", false, [["ADD", "refs/heads/main", zero, first]]]),
        json!([
            "INCREMENTAL",
            false,
            [["UPDATE", "refs/heads/main", first, last], ["ADD", "refs/tags/t", zero, last]]
        ]),
        json!(["SNAPSHOT", true, []]),
        json!(["SNAPSHOT", true, []]),
    ];
    assert_eq!(told.collect::<Vec<_>>(), expected);
    assert_eq!(received[0].body["mirrorServer"], json!({"id": joined.mirror_id, "name": "Hand-made"}));
}

#[tokio::test]
async fn authorisation_the_mirror_itself() {
    let joined = start_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(true).await;
    let event =
        json!({"type": "SYNCHRONIZED", "mirrorRepoId": 1, "upstreamRepoId": repository["id"].to_string()});
    let call = Attempt::post(upstream, format!("{PATH}/{}/events", joined.mirror_id), event);
    joined.refuse_all_others(&call).await;
    call.by(&upstream.new_user().await, 403).await;
    call.by(&joined.identity(), 204).await;
}
