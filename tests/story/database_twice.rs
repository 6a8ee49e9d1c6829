//! Two processes at one database server, each with a data directory of its own, are noticed, and both say so.

use crate::harness::{Server, ServerOptions, eventually};

#[tokio::test]
async fn two_upstreams_at_one_database_are_told() {
    let upstream = Server::upstream(ServerOptions::default());
    if upstream.database().starts_with("sqlite:") {
        return;
    }
    assert!(upstream.anonymous().get("/status").await.json().get("reason").is_none());
    let other = Server::upstream_with_database_of(&upstream);
    for server in [&upstream, &other] {
        eventually("the other process to be noticed", || async {
            let status = server.anonymous().get("/status").await.json();
            status["reason"].as_str()?.contains("another process works with the database").then_some(())
        })
        .await;
    }
    drop(other);
    eventually("the other process to be forgotten", || async {
        let status = upstream.anonymous().get("/status").await.json();
        status.get("reason").is_none().then_some(())
    })
    .await;
}
