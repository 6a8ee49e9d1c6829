//! GET .../webhooks/{webhookId}: one webhook.

use serde_json::json;

use super::administrators_only;
use crate::harness::{Attempt, shared_joined_by_hand, webhooks_path};

const URL: &str = "http://127.0.0.1:9/hook";

#[tokio::test]
async fn behaviour_answers_it_with_statistics_when_asked() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let created = upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    let path = format!("{}/{}", webhooks_path(&repository), created["id"]);
    assert_eq!(upstream.admin().get(&path).await.promised(200), created);
    let with_statistics = upstream.admin().get(&format!("{path}?statistics=true")).await.promised(200);
    let counts = &with_statistics["statistics"]["counts"];
    assert_eq!(
        (&counts["errors"], &counts["failures"], &counts["successes"]),
        (&json!(0), &json!(0), &json!(0))
    );
    assert_eq!(counts["window"]["duration"], 0);
    upstream.admin().get(&format!("{path}?statistics=perhaps")).await.refused(400);
}

#[tokio::test]
async fn behaviour_it_is_found_at_its_own_repository_only() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, other) =
        (upstream.empty_repository(false).await, upstream.empty_repository(false).await);
    let created = upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    upstream.admin().get(&format!("{}/{}", webhooks_path(&other), created["id"])).await.refused(404);
    for unknown in ["2147483647", "99999999999", "x", "-1"] {
        upstream.admin().get(&format!("{}/{unknown}", webhooks_path(&repository))).await.refused(404);
    }
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let created = joined.upstream.new_webhook(&repository, URL, &["repo:refs_changed"]).await;
    let call = Attempt::get(&joined.upstream, format!("{}/{}", webhooks_path(&repository), created["id"]));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
