//! What orchestrators ask: a mirror that has nothing yet is alive and not ready, and nothing kills it for that.

use crate::harness::{Pair, Server, ServerOptions, UpstreamByHand, eventually, unreachable_repository};

async fn is(server: &Server, path: &str) -> u16 {
    server.anonymous().get(path).await.status
}

#[tokio::test]
async fn a_mirror_in_its_first_synchronisation_is_alive_and_not_ready() {
    let upstream = Server::upstream(ServerOptions::default());
    assert_eq!((is(&upstream, "/healthz").await, is(&upstream, "/readyz").await), (200, 200));
    // It waits for its acceptance, and then for what it is to hold.
    let mirror = Server::mirror(upstream.base_url(), "Saigon", ServerOptions::default());
    assert_eq!((is(&mirror, "/healthz").await, is(&mirror, "/readyz").await), (200, 503));
    let pair = Pair { upstream, mirror };
    pair.join("Saigon").await;
    eventually("the mirror to be ready", || async {
        (is(&pair.mirror, "/readyz").await == 200).then_some(())
    })
    .await;
    assert_eq!(is(&pair.mirror, "/status").await, 200);
}

#[tokio::test]
async fn a_mirror_that_must_not_take_traffic_stays_alive() {
    let arguments = ["--lag-limit", "1s"].map(str::to_owned).to_vec();
    let options = ServerOptions { arguments, ..ServerOptions::default() };
    let by_hand = UpstreamByHand::start_installed_with(options).await;
    by_hand.announce(&unreachable_repository(24, 7)).await;
    eventually("the mirror to be late", || async {
        (is(&by_hand.mirror, "/readyz").await == 503).then_some(())
    })
    .await;
    assert_eq!(is(&by_hand.mirror, "/healthz").await, 200);
}
