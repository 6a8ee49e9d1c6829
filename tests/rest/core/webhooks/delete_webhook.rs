//! DELETE .../webhooks/{webhookId}: nothing is sent any more.

use crate::harness::{
    Attempt, Identity, Receiver, every_value, repository_path, shared_joined_by_hand, webhooks_path,
};

const URL: &str = "http://127.0.0.1:9/hook";

#[tokio::test]
async fn behaviour_it_hears_nothing_any_more_and_its_log_is_gone() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let (leaving, staying) = (Receiver::start(), Receiver::start());
    let webhook = upstream.new_webhook(&repository, &leaving.url(), &["repo:refs_changed"]).await;
    upstream.new_webhook(&repository, &staying.url(), &["repo:refs_changed"]).await;
    let path = format!("{}/{}", webhooks_path(&repository), webhook["id"]);
    let push = |branch: &str| {
        checkout.push(&upstream.admin_url(&repository), &[&format!("HEAD:refs/heads/{branch}")]);
    };
    push("one");
    leaving.wait_for(1).await;
    upstream.admin().delete(&path).await.promised(204);
    upstream.admin().delete(&path).await.refused(404);
    upstream.admin().get(&format!("{path}/invocations")).await.refused(404);
    push("two");
    staying.wait_for(2).await;
    push("three");
    staying.wait_for(3).await;
    assert_eq!(leaving.received().len(), 1);
    assert_eq!(every_value(&upstream.admin(), &webhooks_path(&repository)).await.len(), 1);
}

#[tokio::test]
async fn behaviour_webhooks_go_with_their_repository() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    // Nothing listens there, so that something waits.
    upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/next"]);
    upstream.admin().delete(&repository_path(&repository)).await.expect(202);
    upstream.admin().get(&webhooks_path(&repository)).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let created = upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    let call = Attempt::delete(upstream, format!("{}/{}", webhooks_path(&repository), created["id"]));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 204).await;
}
