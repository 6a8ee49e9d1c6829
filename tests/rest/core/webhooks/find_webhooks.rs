//! GET .../repos/{repositorySlug}/webhooks: the webhooks of a repository.

use serde_json::json;

use super::administrators_only;
use crate::harness::{Attempt, Receiver, every_value, shared_joined_by_hand, walk, webhooks_path};

#[tokio::test]
async fn behaviour_lists_them_in_order_and_by_event() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let repository = upstream.empty_repository(false).await;
    let path = webhooks_path(&repository);
    let empty = json!({"values": [], "size": 0, "limit": 25, "start": 0, "isLastPage": true});
    assert_eq!(upstream.admin().get(&path).await.promised(200), empty);
    let url = "http://127.0.0.1:9/hook";
    let pushes = upstream.new_webhook(&repository, url, &["repo:refs_changed"]).await;
    let mirrors = upstream.new_webhook(&repository, url, &["mirror:repo_synchronized"]).await;
    let both = ["mirror:repo_synchronized", "repo:refs_changed"];
    let both = upstream.new_webhook(&repository, url, &both).await;
    let elsewhere = upstream.empty_repository(false).await;
    upstream.new_webhook(&elsewhere, url, &["repo:refs_changed"]).await;

    let all = [pushes.clone(), mirrors, both.clone()];
    assert_eq!(walk(&upstream.admin(), &path, 2).await, all);
    let by_event = format!("{path}?event=repo:refs_changed");
    assert_eq!(walk(&upstream.admin(), &by_event, 1).await, [pushes, both]);
    assert_eq!(every_value(&upstream.admin(), &format!("{path}?event=pr:opened")).await.len(), 0);
    let error = upstream.admin().get(&format!("{path}?event=repo:burnt")).await.refused(400);
    assert_eq!(error["context"], "event");
    upstream.admin().get(&format!("{path}?statistics=perhaps")).await.refused(400);
    upstream.admin().get(&format!("{path}?start=-1")).await.refused(400);
    upstream.admin().get(&path.replace("/webhooks", "-unknown/webhooks")).await.refused(404);
}

#[tokio::test]
async fn behaviour_adds_statistics_when_asked() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let receiver = Receiver::start();
    upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    upstream.new_webhook(&repository, &receiver.url(), &["mirror:repo_synchronized"]).await;
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/next"]);
    receiver.wait_for(1).await;
    let path = format!("{}?statistics=true", webhooks_path(&repository));
    let successes = crate::harness::eventually("the log", || async {
        let found = every_value(&upstream.admin(), &path).await;
        let counts = found.iter().map(|webhook| webhook["statistics"]["counts"]["successes"].clone());
        let counts: Vec<_> = counts.collect();
        (counts[0] == 1).then_some(counts)
    });
    assert_eq!(successes.await, [json!(1), json!(0)]);
    let plain = every_value(&upstream.admin(), &webhooks_path(&repository)).await;
    assert!(plain[0].get("statistics").is_none(), "{}", plain[0]);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let call = Attempt::get(&joined.upstream, webhooks_path(&repository));
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 200).await;
}
