//! The clock of a server is set, as it is on a machine that comes up without the time: what waits is told a moment later,
//! and not when the clock has come round to the time that was written down.

use serde_json::Value;

use crate::harness::{
    Pair, Receiver, Server, ServerOptions, ShiftedClock, eventually, every_value, repository_path,
    webhooks_path,
};

/// Longer than a test waits for anything.
const FAR_SECONDS: i64 = 3_600;

fn with(clock: &ShiftedClock) -> ServerOptions {
    ServerOptions { environment: clock.environment().to_vec(), ..ServerOptions::default() }
}

#[tokio::test]
async fn what_a_clock_that_was_ahead_has_put_off_is_told_by_one_that_is_right() {
    let Some(clock) = ShiftedClock::new() else { return };
    let mut pair = Pair::start_with(with(&clock), ServerOptions::default()).await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let path = pair.mirror_path(&format!("/repos/{}", repository["id"])).await;

    clock.shift(FAR_SECONDS);
    pair.admin().delete(&repository_path(&repository)).await.expect(202);
    eventually("the mirror to refuse the event for its time", || async {
        pair.upstream.log().contains("a mirror does not take events").then_some(())
    })
    .await;
    clock.shift(0);
    pair.upstream.restart();
    // A comparison alone would leave it held: only the event tells that it was deleted.
    eventually("the mirror to be told of the deletion", || async {
        (pair.mirror_admin().get(&path).await.status == 404).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_has_failed_is_tried_again_soon_although_the_clock_is_set_back() {
    let Some(clock) = ShiftedClock::new() else { return };
    let upstream = Server::upstream(with(&clock));
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let receiver = Receiver::answering(|_| (503, Value::Null));
    let webhook = upstream.new_webhook(&repository, &receiver.url(), &["repo:refs_changed"]).await;
    checkout.commit("a.txt", "a\n");
    checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
    // What is in the log was put off in the same moment, for some seconds by now.
    let log = format!("{}/{}/invocations", webhooks_path(&repository), webhook["id"]);
    eventually("some attempts in the log", || async {
        (every_value(&upstream.admin(), &log).await.len() >= 3).then_some(())
    })
    .await;
    clock.shift(-FAR_SECONDS);
    let so_far = receiver.received().len();
    receiver.wait_for(so_far + 1).await;
}
