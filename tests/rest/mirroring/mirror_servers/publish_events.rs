//! POST /mirrorServers/{mirrorId}/reports: a mirror reports how several synchronizations have ended.

use serde_json::{Value, json};

use crate::harness::{Attempt, Receiver, shared_joined_by_hand, start_joined_by_hand};

const PATH: &str = "/rest/mirroring/latest/mirrorServers";

fn event(repository: &Value) -> Value {
    json!({"type": "SYNCHRONIZED", "mirrorRepoId": 42, "upstreamRepoId": repository["id"].to_string(),
        "generation": 1})
}

#[tokio::test]
async fn behaviour_each_report_counts_and_those_of_unknown_repositories_do_not() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let (one, _) = upstream.pushed_repository(false).await;
    let (other, _) = upstream.pushed_repository(false).await;
    let receiver = Receiver::start();
    for repository in [&one, &other] {
        upstream.new_webhook(repository, &receiver.url(), &["mirror:repo_synchronized"]).await;
    }
    let itself = upstream.client(&joined.identity());
    let path = format!("{PATH}/{}/reports", joined.mirror_id);
    let unknown = json!({"type": "SYNCHRONIZED", "upstreamRepoId": "99999999"});
    itself.post(&path, &json!({"events": [event(&one), unknown, event(&other)]})).await.promised(204);
    let mut told: Vec<_> =
        receiver.wait_for(2).await.iter().map(|request| request.body["repository"]["id"].clone()).collect();
    told.sort_by_key(Value::to_string);
    let mut expected = [one["id"].clone(), other["id"].clone()];
    expected.sort_by_key(Value::to_string);
    assert_eq!(told, expected);

    itself.post(&path, &json!({"events": []})).await.promised(204);
    for refused in [
        json!({}),
        json!({"events": vec![event(&one); 501]}),
        json!({"events": [event(&one), {"upstreamRepoId": "1"}]}),
    ] {
        itself.post(&path, &refused).await.refused(400);
    }
}

#[tokio::test]
async fn authorisation_the_mirror_itself() {
    let joined = start_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let body = json!({"events": [event(&repository)]});
    let call = Attempt::post(&joined.upstream, format!("{PATH}/{}/reports", joined.mirror_id), body);
    joined.refuse_all_others(&call).await;
    call.by(&joined.identity(), 204).await;
}
