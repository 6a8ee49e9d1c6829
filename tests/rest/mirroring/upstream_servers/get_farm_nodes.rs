//! GET /upstreamServers/{upstreamId}/farmNodes: a mirror alone is a farm of one, in a plain array.

use super::administrators;
use crate::harness::{Attempt, shared_pair};

#[tokio::test]
async fn behaviour_names_the_one_node_and_where_it_listens() {
    let pair = shared_pair().await;
    let path = pair.mirror_path("/farmNodes").await;
    let nodes = pair.mirror_admin().get(&path).await.promised(200);
    let nodes = nodes.as_array().expect("is a plain array");
    assert_eq!(nodes.len(), 1, "{nodes:?}");
    let node = &nodes[0];
    let base = pair.mirror.base_url();
    assert_eq!(node["address"]["address"], base.host_str().expect("has a host"));
    assert_eq!(node["address"]["port"], base.port().expect("has a port"));
    assert_eq!(node["local"], true);
    assert_eq!(node["id"].as_str().map(str::len), Some(36), "{node} has no UUID");
    assert_eq!(pair.mirror_admin().get(&path).await.promised(200)[0]["id"], node["id"]);
    pair.mirror_admin().get("/rest/mirroring/latest/upstreamServers/other/farmNodes").await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::and_no_one_else(200, "/farmNodes", Attempt::get).await;
}
