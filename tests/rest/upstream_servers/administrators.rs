//! Who administers a mirror: the upstream, and whom it knows as an administrator. All operations but a few agree.

use crate::harness::{Attempt, Identity, Server, shared_pair, shared_upstream_by_hand};

/// Fails unless administrators get this status and everybody else is refused; `attempt` must be repeatable.
pub async fn and_nobody_else(status: u16, end: &str, attempt: impl Fn(&Server, String) -> Attempt) {
    let pair = shared_pair().await;
    let call = attempt(&pair.mirror, pair.mirror_path(end).await);
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&pair.new_user().await, 403).await;
    call.by(&pair.upstream.user_with("PROJECT_CREATE").await, 403).await;
    let administrator = pair.upstream.user_with("ADMIN").await;
    call.by(&administrator, status).await;
    let token = pair.upstream.new_token(&administrator, &[]).await;
    call.by(&Identity::Token(token["token"].as_str().expect("is text").to_owned()), status).await;
    call.by(&Identity::admin(), status).await;

    let by_hand = shared_upstream_by_hand().await;
    let call = attempt(&by_hand.mirror, by_hand.path(end));
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&Identity::Server("A-STRANGER".into(), by_hand.secret.clone()), 401).await;
    call.by(&by_hand.identity(), status).await;
    call.by(&by_hand.user(), status).await;
}
