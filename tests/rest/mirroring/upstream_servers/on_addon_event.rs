//! POST /upstreamServers/{upstreamId}/addon/events: what has changed upstream.

use serde_json::json;

use crate::harness::{Attempt, Identity, UpstreamByHand, eventually, shared_pair, unreachable_repository};

#[tokio::test]
async fn behaviour_a_repository_is_known_once_the_event_is_answered_and_forgotten_after_its_end() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/addon/events"));
    let repository = unreachable_repository(24, 7);
    by_hand.get("/repos/24").await.refused(404);
    by_hand.list_repository(repository.clone());
    let created =
        json!({"eventKey": "repo:created", "date": "2026-11-22T10:15:00+0000", "repository": repository});
    client.post(&path, &created).await.promised(204);
    let known = by_hand.get("/repos/24").await.promised(200);
    assert_eq!((&known["available"], &known["repositoryId"]), (&json!(false), &json!("24")));
    assert_eq!(known["upstreamGeneration"], 1);
    client.post(&path, &created).await.promised(204);
    let again = by_hand.get("/repos/24").await.promised(200);
    assert_eq!(
        again["localRepositoryId"], known["localRepositoryId"],
        "an event that arrives twice does no harm"
    );

    // It cannot be fetched, so the mirror reports a failure, as itself.
    let report = eventually("the mirror's report", || async {
        let received = by_hand.received();
        received.into_iter().find(|request| request.method == "POST" && request.path.ends_with("/events"))
    });
    assert_eq!(report.await.body["type"], "SYNCHRONIZATION_FAILED");

    by_hand.lose_repository(24);
    let deleted = json!({"eventKey": "repo:deleted", "repository": repository});
    client.post(&path, &deleted).await.promised(204);
    let gone = by_hand.get("/repos/24").await;
    assert!(gone.status == 404 || gone.json()["status"] == "NOT_MIRRORED", "{}", gone.text);
}

#[tokio::test]
async fn behaviour_unknown_kinds_are_passed_over_and_malformed_events_refused() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/addon/events"));
    client.post(&path, &json!({"eventKey": "pr:opened", "pullRequest": {"id": 1}})).await.promised(204);
    for wrong in [json!({}), json!({"eventKey": 7}), json!({"eventKey": "repo:created"}), json!([])] {
        client.post(&path, &wrong).await.refused(400);
    }
    let other = "/rest/mirroring/latest/upstreamServers/other/addon/events";
    client.post(other, &json!({"eventKey": "pr:opened"})).await.refused(404);
}

#[tokio::test]
async fn behaviour_after_an_event_that_cannot_be_read_everything_is_compared() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.first_look().await;
    by_hand.list_repository(unreachable_repository(24, 7));
    let of_another_version = json!({"eventKey": "repo:created", "repository": {"number": 24}});
    by_hand.client().post(&by_hand.path("/addon/events"), &of_another_version).await.refused(400);
    let found = || async { (by_hand.get("/repos/24").await.status == 200).then_some(()) };
    eventually("the repository that the event was about", found).await;
}

#[tokio::test]
async fn behaviour_permissions_that_changed_in_a_way_that_cannot_be_read_are_asked_anew() {
    let by_hand = UpstreamByHand::start_installed().await;
    let user = by_hand.mirror.client(&by_hand.user());
    for _ in 0..2 {
        user.get(&by_hand.path("/progress")).await.promised(200);
        assert_eq!(by_hand.questions(), 1, "a decision is remembered");
    }
    let of_another_version = json!({"eventKey": "heliostat:permissions_changed", "user": 7});
    by_hand.client().post(&by_hand.path("/addon/events"), &of_another_version).await.refused(400);
    user.get(&by_hand.path("/progress")).await.promised(200);
    assert_eq!(by_hand.questions(), 2, "no decision outlives a change that is not understood");
}

#[tokio::test]
async fn authorisation_the_upstream_alone() {
    let event = json!({"eventKey": "pr:opened"});
    let pair = shared_pair().await;
    let call = Attempt::post(&pair.mirror, pair.mirror_path("/addon/events").await, event.clone());
    for caller in [Identity::Anonymous, pair.new_user().await, Identity::admin(), Identity::impostor()] {
        call.by(&caller, 401).await;
    }
    let by_hand = UpstreamByHand::start_installed().await;
    let call = Attempt::post(&by_hand.mirror, by_hand.path("/addon/events"), event);
    let asked_before = by_hand.questions();
    call.by(&by_hand.unlucky_user(), 401).await;
    assert_eq!(
        by_hand.questions(),
        asked_before,
        "the upstream was asked about a user who cannot do this anyway"
    );
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&Identity::Server("AN-UNKNOWN-SERVER".into(), by_hand.secret.clone()), 401).await;
    call.by(&by_hand.identity(), 204).await;
}
