//! GET /supportInfo/out-of-sync-repos/content: the ids of what has been behind for longer than is tolerated.

use serde_json::json;

use crate::harness::{Attempt, ServerOptions, UpstreamByHand, unreachable_repository};
use crate::rest::mirroring::upstream_servers::administrators::{self, path_of};

const PATH: &str = "/supportInfo/out-of-sync-repos/content";

fn tolerating(time: &str) -> ServerOptions {
    let arguments = ["--sync-tolerance", time].map(str::to_owned).to_vec();
    ServerOptions { arguments, ..ServerOptions::default() }
}

#[tokio::test]
async fn behaviour_lists_what_is_behind_for_longer_than_the_tolerance() {
    let (strict, lenient) = tokio::join!(
        UpstreamByHand::start_installed_with(tolerating("0s")),
        UpstreamByHand::start_installed_with(tolerating("1h")),
    );
    for (by_hand, expected) in [(strict, json!(["24"])), (lenient, json!([]))] {
        assert_eq!(by_hand.client().get(&path_of(PATH)).await.promised(200), json!([]));
        by_hand.announce(&unreachable_repository(24, 7)).await;
        assert_eq!(by_hand.client().get(&path_of(PATH)).await.promised(200), expected);
    }
}

#[tokio::test]
async fn authorisation_administrators_and_the_upstream() {
    administrators::of_the_mirror(200, PATH, Attempt::get).await;
}
