//! GET /farmNodes: the nodes of the operation that names the upstream.

use crate::harness::{Attempt, shared_pair};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

#[tokio::test]
async fn behaviour_names_the_one_node() {
    let pair = shared_pair().await;
    let nodes = pair.mirror_admin().get(&path_of("/farmNodes")).await.promised(200);
    assert_eq!(nodes.as_array().map(Vec::len), Some(1), "{nodes}");
    assert_eq!(nodes[0]["address"]["port"], pair.mirror.base_url().port().expect("has a port"));
    let named = pair.mirror_admin().get(&pair.mirror_path("/farmNodes").await).await.promised(200);
    assert_eq!(nodes, named);
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_followed_upstream(200, "/farmNodes", Attempt::get).await;
}
