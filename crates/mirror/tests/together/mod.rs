//! A repository that the upstream gives as a whole is taken without git, if it is exactly what its references need.

use serde_json::{Value, json};

use super::{MAIN, World, eventually};

/// A pack without objects.
const EMPTY_PACK: &str = "UEFDSwAAAAIAAAAAAp0IgjvYqOq1EK1qx1yCPP0+0x4=";

/// What is asked of git at the upstream until a new mirror has everything, when the upstream answers so to those who ask for
/// repositories as a whole.
async fn git_requests_when(answer: impl Fn(Value) -> Value) -> usize {
    let world = World::new().await;
    world.upstream.push(42, MAIN, "second").await;
    let whole = world.upstream.whole(42);
    world.upstream.state().contents = Some(answer(whole));
    world.install().await.expect("the upstream accepts the secret");
    eventually("the repository is here", || world.mirror.status.now().progress.synced == 1).await;
    let requests = world.upstream.state().git_requests;
    assert_eq!(world.seen().await, world.upstream_hash());
    requests
}

#[tokio::test(flavor = "multi_thread")]
async fn what_came_as_a_whole_is_taken_without_git() {
    assert_eq!(git_requests_when(|whole| json!({"values": [whole]})).await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exactly_what_was_told_is_fetched_with_git() {
    let changed = |field: &'static str, value: Value| {
        move |mut whole: Value| {
            whole[field] = value.clone();
            json!({"values": [whole]})
        }
    };
    let elsewhere = format!("{} {MAIN}\n", "1".repeat(40));
    assert_ne!(git_requests_when(changed("pack", json!(EMPTY_PACK))).await, 0, "the objects are missing");
    assert_ne!(git_requests_when(changed("pack", Value::Null)).await, 0, "there is no pack");
    assert_ne!(git_requests_when(changed("pack", json!("?"))).await, 0, "it is no base64");
    assert_ne!(
        git_requests_when(changed("refs", json!(elsewhere))).await,
        0,
        "the upstream never had such refs"
    );
    assert_ne!(git_requests_when(changed("refs", json!(""))).await, 0, "the upstream never had no refs");
    assert_ne!(git_requests_when(changed("objectFormat", json!("sha256"))).await, 0, "it is another format");
    assert_ne!(git_requests_when(changed("id", json!("43"))).await, 0, "it is another repository");
    assert_ne!(git_requests_when(|_| json!({"values": []})).await, 0, "it is not in the answer");
    assert_ne!(git_requests_when(|_| json!("no answer")).await, 0, "it is no answer");
}
