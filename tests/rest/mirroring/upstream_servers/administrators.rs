//! Who administers a mirror: the upstream, and whom it knows as an administrator. All operations but a few agree.

use std::sync::OnceLock;

use crate::harness::{Attempt, Identity, Server, UpstreamByHand, shared_pair, shared_upstream_by_hand};

/// Fails unless administrators get this status and all others are refused; `attempt` must be repeatable.
pub async fn and_no_one_else(status: u16, end: &str, attempt: impl Fn(&Server, String) -> Attempt) {
    let (there, by_hand) = (shared_pair().await.mirror_path(end).await, shared_upstream_by_hand().await);
    alone(status, there, by_hand.path(end), attempt).await;
}

/// The same for an operation that is about the one upstream without naming it: before the mirror is accepted no one
/// can be checked, and once it is removed there is no upstream.
pub async fn of_the_followed_upstream(status: u16, end: &str, attempt: impl Fn(&Server, String) -> Attempt) {
    let path = path_of(end);
    let removed = removed_mirror().await;
    let call = attempt(&removed.mirror, path.clone());
    call.by(&Identity::Anonymous, 401).await;
    call.by(&removed.user(), 404).await;
    of_the_mirror(status, end, attempt).await;
}

/// The same for an operation that is about the mirror itself.
pub async fn of_the_mirror(status: u16, end: &str, attempt: impl Fn(&Server, String) -> Attempt) {
    let path = path_of(end);
    let waiting = waiting_mirror().await;
    attempt(&waiting.mirror, path.clone()).by(&waiting.user(), 503).await;
    alone(status, path.clone(), path, attempt).await;
}

/// The path of an operation that does not name the upstream.
pub fn path_of(end: &str) -> String {
    format!("/rest/mirroring/latest{end}")
}

/// A mirror that its upstream has removed.
pub async fn removed_mirror() -> &'static UpstreamByHand {
    static STARTED: OnceLock<UpstreamByHand> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _guard = STARTING.lock().await;
    if let Some(started) = STARTED.get() {
        return started;
    }
    let started = UpstreamByHand::start_installed().await;
    started.refuse_secret();
    started.client().post_nothing(&started.path("/addon/uninstalled")).await.promised(204);
    STARTED.get_or_init(|| started)
}

/// A mirror that has not been accepted.
pub async fn waiting_mirror() -> &'static UpstreamByHand {
    static STARTED: OnceLock<UpstreamByHand> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _guard = STARTING.lock().await;
    if let Some(started) = STARTED.get() {
        return started;
    }
    let started = UpstreamByHand::start().await;
    STARTED.get_or_init(|| started)
}

async fn alone(
    status: u16,
    at_pair: String,
    at_mirror_by_hand: String,
    attempt: impl Fn(&Server, String) -> Attempt,
) {
    let pair = shared_pair().await;
    let call = attempt(&pair.mirror, at_pair);
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
    let call = attempt(&by_hand.mirror, at_mirror_by_hand);
    call.by(&by_hand.identity_with(&"0".repeat(64)), 401).await;
    call.by(&Identity::Server("AN-UNKNOWN-SERVER".into(), by_hand.secret.clone()), 401).await;
    call.by(&by_hand.identity(), status).await;
    call.by(&by_hand.user(), status).await;
}
