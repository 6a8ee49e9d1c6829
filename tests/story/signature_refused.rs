//! A mirror whose signature its upstream refuses serves nothing from then on, and serves again when one is accepted.

use serde_json::json;

use crate::harness::{Answer, UpstreamByHand, eventually, repository_of_nothing};

const REFERENCES: &str = "/scm/P7/repo-24.git/info/refs?service=git-upload-pack";
const SERVERS: &str = "/rest/mirroring/latest/upstreamServers";

async fn references(by_hand: &UpstreamByHand) -> Answer {
    by_hand.mirror.anonymous().get(REFERENCES).await
}

async fn is_served(by_hand: &UpstreamByHand) {
    eventually("the repository to be served", || async {
        (references(by_hand).await.status == 200).then_some(())
    })
    .await;
}

async fn state(by_hand: &UpstreamByHand) -> String {
    by_hand.mirror.anonymous().get("/status").await.json()["upstream"]["state"].to_string()
}

#[tokio::test]
async fn nothing_is_served_from_the_first_refusal_on_until_a_signature_is_accepted() {
    let by_hand = UpstreamByHand::start_installed().await;
    let mut repository = repository_of_nothing(24, 7);
    repository["public"] = json!(true);
    by_hand.announce(&repository).await;
    is_served(&by_hand).await;

    // Anyone can claim an installation, so that what the upstream says about its secret says nothing about the link.
    let claim = by_hand.installed_event(&"0".repeat(64));
    by_hand.mirror.anonymous().post(&by_hand.path("/addon/installed"), &claim).await.refused(401);
    references(&by_hand).await.expect(200);

    by_hand.refuse_once();
    by_hand.mirror.client(&by_hand.plain_user()).get(SERVERS).await;
    is_served(&by_hand).await;
    assert_eq!(state(&by_hand).await, "\"INSTALLED\"");

    by_hand.refuse_secret();
    // The upstream has to be asked about these credentials, so that this call meets the refusal.
    by_hand.mirror.client(&by_hand.unlucky_user()).get(SERVERS).await.refused(503);
    assert_ne!(references(&by_hand).await.status, 200, "it is public, and the mirror may not serve");
    eventually("the link to be given up", || async {
        (state(&by_hand).await != "\"INSTALLED\"").then_some(())
    })
    .await;
    assert_ne!(references(&by_hand).await.status, 200);
}

#[tokio::test]
async fn a_report_whose_signature_is_refused_is_sent_again_when_one_is_accepted() {
    let by_hand = UpstreamByHand::start_installed().await;
    by_hand.refuse_report_once();
    by_hand.announce(&repository_of_nothing(24, 7)).await;
    eventually("the report to come again", || async {
        let reports = by_hand.reports();
        (reports.len() >= 2).then(|| assert_eq!(reports[0], reports[1]))
    })
    .await;
}
