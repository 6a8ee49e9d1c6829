//! How much a server logs.

mod get_log_level;
mod set_log_level;

use crate::harness::{Attempt, Identity, shared_pair, shared_upstream_by_hand};

/// At an upstream its system administrators may, at a mirror the upstream and its administrators. `of` makes the call.
async fn who_runs_the_server(of: impl Fn(&crate::harness::Server) -> Attempt) {
    let pair = shared_pair().await;
    let call = of(&pair.upstream);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&pair.upstream.user_with("ADMIN").await, 403).await;
    call.by(&Identity::admin(), 200).await;

    let call = of(&pair.mirror);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&Identity::admin(), 200).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = of(&by_hand.mirror);
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&by_hand.identity(), 200).await;
}
