//! Two processes with copies of one data directory are noticed, and both places say so.

use std::cell::Cell;

use crate::harness::{Pair, Server, eventually};

#[tokio::test]
async fn a_mirror_that_runs_twice_is_told_at_both_and_at_the_upstream() {
    let mut pair = Pair::start().await;
    pair.mirror.terminate();
    let Some(copy) = Server::copy_of(&pair.mirror) else { return };
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

#[tokio::test]
async fn an_upstream_that_runs_twice_is_told_and_so_are_its_mirrors() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.upstream.terminate();
    let Some(copy) = Server::copy_of(&pair.upstream) else { return };
    pair.upstream.restart();
    let notices = |server: &Server| {
        let anonymous = server.anonymous();
        async move {
            let status = anonymous.get("/status").await.json();
            status["reason"].as_str().is_some_and(|reason| reason.contains("was copied"))
        }
    };
    checkout.commit("here.txt", "pushed to the upstream itself\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    assert!(!notices(&pair.mirror).await, "it was started anew, and is one");
    for server in [&pair.mirror, &pair.upstream] {
        let branch = Cell::new(0);
        eventually("the copy to be noticed", || async {
            if notices(server).await {
                return Some(());
            }
            // What the copy sends gives it away.
            branch.set(branch.get() + 1);
            let name = format!("HEAD:refs/heads/copied-{}", branch.get());
            checkout.push(&copy.admin_url(&repository), &[&name]);
            None
        })
        .await;
    }
}
