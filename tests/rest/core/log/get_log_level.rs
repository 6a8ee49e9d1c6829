//! GET /logs/level: how much a server logs.

use super::who_runs_the_server;
use crate::harness::{Attempt, Server, ServerOptions};

const ADDRESS: &str = "/rest/api/latest/logs/level";

#[tokio::test]
async fn behaviour_tells_the_level_that_the_server_was_started_with() {
    let arguments = ["--log-level", "warn,heliostat_access=info"].map(str::to_owned).to_vec();
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let told = upstream.admin().get(ADDRESS).await.promised(200);
    assert_eq!(told["level"], "warn,heliostat_access=info");
}

#[tokio::test]
async fn authorisation_those_who_run_the_server() {
    who_runs_the_server(|server| Attempt::get(server, ADDRESS.to_owned())).await;
}
