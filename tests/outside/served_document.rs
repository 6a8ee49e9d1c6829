//! The documents that live servers hand out are OpenAPI to a reader that has never seen ours.

use std::fs;

use crate::harness::{Server, artefacts, must_succeed, shared_pair, tool};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_served_documents_are_readable_without_credentials() {
    let pair = shared_pair().await;
    for (role, server) in [("upstream", &pair.upstream), ("mirror", &pair.mirror)] {
        for kind in ["yaml", "json"] {
            validate(role, server, kind).await;
        }
    }
}

async fn validate(role: &str, server: &Server, kind: &str) {
    let text = server.anonymous().get(&format!("/openapi/heliostat.{kind}")).await.expect(200).text;
    let file = artefacts("served").join(format!("{role}.{kind}"));
    fs::write(&file, text).expect("an artefact can be written");
    let mut command = tool("openapi-spec-validator");
    command.arg(&file);
    must_succeed(&format!("validate-{role}-{kind}"), command);
}
