//! GET /supportInfo/repoSyncStatus: how the copies stand, page by page.

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand, eventually, shared_pair, unreachable_repository, walk};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/repoSyncStatus";

#[tokio::test]
async fn behaviour_goes_through_all_repositories_in_pages() {
    let by_hand = UpstreamByHand::start_installed().await;
    for id in [31, 24, 27] {
        by_hand.announce(&unreachable_repository(id, 7)).await;
    }
    eventually("all to have failed", || async {
        let states = walk(&by_hand.client(), &path_of(PATH), 25).await;
        states.iter().all(|state| state["failedSyncCount"].as_i64() > Some(0)).then_some(())
    })
    .await;
    let states = walk(&by_hand.client(), &path_of(PATH), 2).await;
    let external: Vec<_> = states.iter().map(|state| state["externalRepoId"].clone()).collect();
    assert_eq!(external, [json!("31"), json!("24"), json!("27")], "in the order of local ids");
    let local: Vec<_> = states.iter().map(|state| state["localRepoId"].as_i64()).collect();
    assert!(local.is_sorted() && local.iter().all(Option::is_some), "{local:?}");
    for state in &states {
        assert_eq!(
            (&state["localProjectId"], &state["upstreamId"]),
            (&json!(7), &json!(by_hand.upstream_id))
        );
        assert_eq!(state["hashes"], json!({"metadata": "cd".repeat(32)}), "nothing is here yet");
        assert!(state.get("initialSyncDate").is_none() && state.get("lastSyncDate").is_none(), "{state}");
    }
}

#[tokio::test]
async fn behaviour_page_values_are_checked() {
    let admin = shared_pair().await.mirror_admin();
    for query in ["start=-1", "limit=-1", "limit=x"] {
        admin.get(&format!("{}?{query}", path_of(PATH))).await.refused(400);
    }
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
