//! PUT /upstreamServers/{upstreamId}/settings: mode and projects at once; what is left out stays.

use serde_json::json;

use super::administrators;
use crate::harness::{Attempt, Pair, UpstreamByHand, eventually};

#[tokio::test]
async fn behaviour_what_leaves_the_selection_is_not_served_from_the_answer_on() {
    let pair = Pair::start().await;
    let (kept, _) = pair.pushed_repository(false).await;
    let (dropped, _) = pair.pushed_repository(false).await;
    pair.mirrored(&kept).await;
    pair.mirrored(&dropped).await;
    let path = pair.mirror_path("/settings").await;
    let project = kept["project"]["id"].to_string();
    let narrow = json!({"mode": "SELECTED_PROJECTS", "projectIds": [project]});
    assert_eq!(pair.mirror_admin().put(&path, &narrow).await.promised(200), narrow);
    assert!(pair.available(&dropped).await.is_none(), "it is still served");
    assert!(pair.available(&kept).await.is_some(), "it is no longer served");

    let wide = pair.mirror_admin().put(&path, &json!({"mode": "ALL_PROJECTS"})).await.promised(200);
    assert_eq!(wide, json!({"mode": "ALL_PROJECTS", "projectIds": [project]}));
    eventually("the repository to come back", || pair.available(&dropped)).await;
}

#[tokio::test]
async fn behaviour_what_is_left_out_stays_and_what_is_wrong_changes_nothing() {
    let by_hand = UpstreamByHand::start_installed().await;
    let (client, path) = (by_hand.client(), by_hand.path("/settings"));
    client.put(&path, &json!({"projectIds": ["12", "7", "7"]})).await.promised(200);
    client.put(&path, &json!({"mode": "SELECTED_PROJECTS"})).await.promised(200);
    let settings = client.put(&path, &json!({})).await.promised(200);
    assert_eq!(settings["mode"], "SELECTED_PROJECTS");
    let mut ids: Vec<_> = settings["projectIds"].as_array().expect("is a list").clone();
    ids.sort_by_key(|id| id.to_string());
    assert_eq!(ids, [json!("12"), json!("7")]);

    let error = client.put(&path, &json!({"mode": "NO_PROJECTS", "projectIds": []})).await.refused(400);
    assert_eq!(error["context"], "mode");
    for ids in [json!(["x"]), json!(["-1"]), json!([7]), json!("7"), json!([""])] {
        client.put(&path, &json!({"mode": "ALL_PROJECTS", "projectIds": ids})).await.refused(400);
    }
    assert_eq!(client.get(&path).await.promised(200), settings);
    client.put("/rest/mirroring/latest/upstreamServers/other/settings", &json!({})).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/settings", |mirror, path| Attempt::put(mirror, path, json!({})))
        .await;
}
