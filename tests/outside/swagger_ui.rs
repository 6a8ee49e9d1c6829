//! Swagger UI in a real browser, on each role: in order, without anything from elsewhere, and every button does what it says.

use super::browser::visit;
use crate::harness::{Identity, Pair, project_path};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_reader_tries_out_the_operations_of_an_upstream() {
    let pair = Pair::start().await;
    let project = pair.new_project(false).await;
    let token = pair.upstream.new_token(&Identity::admin(), &[]).await;
    let facts = [
        ("HELIOSTAT_PROJECT_KEY", project["key"].as_str().expect("a project has a key")),
        ("HELIOSTAT_NEW_DESCRIPTION", "Changed in a browser."),
        ("HELIOSTAT_TOKEN", token["token"].as_str().expect("a new token is shown")),
    ];
    visit("swagger-upstream", "swagger_ui/upstream.mjs", &pair.upstream, &facts);
    let changed = pair.anonymous().get(&project_path(&project)).await.promised(200);
    assert_eq!(changed["description"], "Changed in a browser.", "everyone may see it now");
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn a_reader_tries_out_the_operations_of_a_mirror() {
    let pair = Pair::start().await;
    let project = pair.new_project(false).await;
    let id = project["id"].to_string();
    visit("swagger-mirror", "swagger_ui/mirror.mjs", &pair.mirror, &[("HELIOSTAT_PROJECT_ID", &id)]);
    let settings = pair.mirror_admin().get(&pair.mirror_path("/settings").await).await.promised(200);
    assert_eq!(settings["mode"], "SELECTED_PROJECTS");
    assert_eq!(settings["projectIds"], serde_json::json!([id]));
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn swagger_ui_and_the_reader_are_for_everybody_on_every_screen() {
    let pair = Pair::start().await;
    for (name, server, operation) in [
        ("screens-upstream", &pair.upstream, "getProject"),
        ("screens-mirror", &pair.mirror, "getMirrorSettings"),
    ] {
        visit(name, "swagger_ui/screens.mjs", server, &[("HELIOSTAT_OPERATION", operation)]);
    }
}
