//! A real browser whose user is an administrator opens a page of another site, which posts in the user's name.

use std::path::Path;

use serde_json::json;

use crate::harness::{
    ADMIN_PASSWORD, FakeMirror, Server, ServerOptions, good_descriptor, must_succeed, request_of, tool,
};

const REQUESTS: &str = "/rest/mirroring/latest/requests";

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_page_of_another_site_changes_nothing_in_the_name_of_the_browsers_user() {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let body = request_of(&heliostat_auth::server_id(), "Saigon", &mirror.base);
    let request = upstream.anonymous().post(REQUESTS, &body).await.promised(200);
    let at = |path: &str| format!("{}{path}", upstream.base());
    let posts = [
        at(&format!("{REQUESTS}/{}/accept", request["id"])),
        at("/rest/api/latest/admin/users?name=planted&password=Evil-Passw0rd"),
    ];
    let signed_in = json!({
        "username": "admin", "password": ADMIN_PASSWORD, "visit": at(REQUESTS), "posts": posts,
    });
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("outside/page_of_another_site.mjs");
    let mut command = tool("node");
    command.arg(script).env("HELIOSTAT_SIGNED_IN", signed_in.to_string());
    let output = must_succeed("page-of-another-site", command);
    assert!(output.lines().any(|line| line == "visited 200"), "the browser is signed in: {output}");
    assert_eq!(output.lines().filter(|line| *line == "form 403").count(), 4, "{output}");

    let admin = upstream.admin();
    let kept = admin.get(&format!("{REQUESTS}/{}", request["id"])).await.promised(200);
    assert_eq!(kept["state"], "PENDING");
    assert_eq!(admin.get("/rest/api/latest/users?filter=planted").await.promised(200)["size"], 0);
    assert!(mirror.requests().is_empty());
}
