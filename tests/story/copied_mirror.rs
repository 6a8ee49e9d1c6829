//! Two processes with copies of one data directory are noticed, and both places say so.

use crate::harness::{Pair, Server, eventually};

#[tokio::test]
async fn a_mirror_that_runs_twice_is_told_at_both_and_at_the_upstream() {
    let mut pair = Pair::start().await;
    pair.mirror.terminate();
    let Some(copy) = Server::copy_of_mirror(&pair.mirror) else { return };
    pair.mirror.restart();
    for server in [&copy, &pair.mirror, &pair.upstream] {
        let anonymous = server.anonymous();
        eventually("the copy to be noticed", || async {
            let status = anonymous.get("/status").await.json();
            let reason = status["reason"].as_str()?.to_owned();
            (reason.contains("copied") || reason.contains("copies of one data directory")).then_some(())
        })
        .await;
    }
}
