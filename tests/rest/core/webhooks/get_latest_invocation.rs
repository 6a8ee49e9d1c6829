//! GET .../webhooks/{webhookId}/latest: the latest call.

use super::administrators_only;
use crate::harness::{Attempt, Receiver, eventually, shared_joined_by_hand, webhooks_path};

#[tokio::test]
async fn behaviour_answers_the_latest_and_nothing_before_the_first() {
    let upstream = &shared_joined_by_hand().await.upstream;
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let receiver = Receiver::start();
    let webhook = upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    let path = format!("{}/{}/latest", webhooks_path(&repository), webhook["id"]);
    upstream.admin().get(&path).await.promised(204);
    for (number, branch) in ["one", "two"].into_iter().enumerate() {
        checkout.push(&upstream.admin_url(&repository), &[&format!("HEAD:refs/heads/{branch}")]);
        let received = receiver.wait_for(number + 1).await[number].clone();
        let latest = eventually("the log", || async {
            let answer = upstream.admin().get(&path).await;
            let found = (answer.status == 200).then(|| answer.promised(200))?;
            (found["requestId"] == received.header("x-request-id")).then_some(found)
        });
        assert_eq!(latest.await["result"]["outcome"], "SUCCESS");
    }
    upstream.admin().get(&format!("{path}?outcome=SUCCESS&event=repo:refs_changed")).await.promised(200);
    upstream.admin().get(&format!("{path}?outcome=FAILURE")).await.promised(204);
    upstream.admin().get(&format!("{path}?event=pr:opened")).await.promised(204);
    upstream.admin().get(&format!("{path}?outcome=PERHAPS")).await.refused(400);
    upstream.admin().get(&format!("{path}?event=repo:burnt")).await.refused(400);
    upstream.admin().get(&format!("{}/999999/latest", webhooks_path(&repository))).await.refused(404);
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let repository = joined.upstream.empty_repository(false).await;
    let url = "http://127.0.0.1:9/hook";
    let created = joined.upstream.new_webhook(&repository, url, &["repo:refs_changed"]).await;
    let path = format!("{}/{}/latest", webhooks_path(&repository), created["id"]);
    let call = Attempt::get(&joined.upstream, path);
    administrators_only(&joined.upstream, &joined.identity(), &repository, &call, 204).await;
}
