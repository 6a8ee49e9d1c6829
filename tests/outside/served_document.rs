//! The documents that live servers hand out are OpenAPI to a reader that has never seen ours.

use std::fs;

use crate::harness::{Server, artefacts, must_succeed, shared_pair, tool};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_served_documents_are_readable_without_credentials() {
    let pair = shared_pair().await;
    for (role, server) in [("upstream", &pair.upstream), ("mirror", &pair.mirror)] {
        for name in ["heliostat.yaml", "heliostat.json", "heliostat-3.1.yaml", "heliostat-3.1.json"] {
            for operations in ["all", "served"] {
                validate(role, server, name, operations).await;
            }
        }
    }
}

async fn validate(role: &str, server: &Server, name: &str, operations: &str) {
    let path = format!("/openapi/{name}?operations={operations}");
    let text = server.anonymous().get(&path).await.expect(200).text;
    let file = artefacts("served").join(format!("{role}-{operations}-{name}"));
    fs::write(&file, text).expect("an artefact can be written");
    let mut command = tool("openapi-spec-validator");
    command.arg(&file);
    must_succeed(&format!("validate-{role}-{operations}-{name}"), command);
}
