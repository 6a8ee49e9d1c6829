//! GET /supportInfo/repo-lock-owners: the synchronisations in flight.

use std::collections::BTreeSet;

use serde_json::json;

use crate::harness::{Attempt, UpstreamByHand, eventually, unreachable_repository};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/repo-lock-owners";

#[tokio::test]
async fn behaviour_lists_as_many_as_there_are_workers_each_once() {
    let by_hand = UpstreamByHand::start_installed().await;
    let owners = || async { by_hand.client().get(&path_of(PATH)).await.promised(200) };
    assert_eq!(owners().await, json!([]));
    by_hand.hold_git();
    for id in 1..=7 {
        by_hand.announce(&unreachable_repository(id, 7)).await;
    }
    let running = eventually("all workers to be busy", || async {
        Some(owners().await).filter(|owners| owners.as_array().map(Vec::len) == Some(4))
    })
    .await;
    let running = running.as_array().expect("is a plain array").clone();
    for field in ["externalRepositoryId", "requestId", "threadName"] {
        let values: BTreeSet<_> = running.iter().map(|owner| owner[field].to_string()).collect();
        assert_eq!(values.len(), 4, "{field} is the same for two of {running:?}");
    }
    let since: Vec<_> = running.iter().map(|owner| owner["lockAcquireTime"].as_i64()).collect();
    assert!(since.is_sorted(), "{since:?}");
    by_hand.answer_git();
    eventually("all locks to be free", || async { (owners().await == json!([])).then_some(()) }).await;
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
