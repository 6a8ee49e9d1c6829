//! A database server that goes away and comes back: an upstream says so at once, by its name, and goes on afterwards.

use std::time::{Duration, Instant};

use crate::harness::{Server, ServerOptions, eventually, git_fails, git_output, relay_to_the_database};

/// Much less than a connection is waited for.
const AT_ONCE: Duration = Duration::from_secs(2);

#[tokio::test]
async fn a_database_that_is_away_is_told_at_once_and_by_its_name() {
    let Some(relay) = relay_to_the_database() else { return };
    let options = ServerOptions { database_through: Some(relay.address), ..ServerOptions::default() };
    let upstream = Server::upstream(options);
    let (repository, checkout) = upstream.pushed_repository(true).await;
    let url = upstream.admin_url(&repository);
    let name = upstream.database().rsplit('/').next().expect("has a name").to_owned();

    relay.cut();
    let status = eventually("the status to tell", || async {
        let answer = upstream.anonymous().get("/status").await;
        let status = (answer.status == 503).then(|| answer.json())?;
        status["reason"].as_str()?.contains(&name).then_some(status)
    });
    assert_eq!(status.await["state"], "ERROR");
    // A busy machine may take long for some of the rounds. Where a connection is waited for, each takes longer.
    eventually("a round in which no client waits", || async {
        let began = Instant::now();
        // No operation promises it, as none promises a fault of the server itself.
        let refused = upstream.admin().unjudged().get("/rest/api/latest/projects").await.expect(503).json();
        assert_eq!(refused["errors"][0]["exceptionName"], "UnavailableException", "{refused}");
        let message = refused["errors"][0]["message"].as_str();
        assert!(message.is_some_and(|text| text.contains(&name)), "{refused}");
        let told = git_fails(checkout.path(), &["ls-remote", url.as_str()]);
        assert!(told.contains(&name), "{told}");
        (began.elapsed() < AT_ONCE).then_some(())
    })
    .await;

    relay.mend();
    eventually("the database to be found", || async {
        (upstream.anonymous().get("/status").await.status == 200).then_some(())
    })
    .await;
    // One connection is back. Others are made as they are needed, which a busy machine may not do in time.
    eventually("the projects and the repository to be shown", || async {
        let answer = upstream.admin().unjudged().get("/rest/api/latest/projects").await;
        let is_shown = || git_output(checkout.path(), &["ls-remote", url.as_str()]).status.success();
        (answer.status == 200 && is_shown()).then_some(())
    })
    .await;
}
