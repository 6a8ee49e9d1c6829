//! The documents that live servers hand out are OpenAPI to a reader that has never seen ours.

use std::collections::BTreeSet;
use std::fs;

use serde_json::Value;

use crate::harness::{Server, artefacts, must_succeed, shared_pair, tool};

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn the_served_documents_are_readable_without_credentials() {
    let pair = shared_pair().await;
    // The reader takes long for each: it gets each text once, and all in one run.
    let mut texts = BTreeSet::new();
    let mut validator = tool("openapi-spec-validator");
    for (role, server) in [("upstream", &pair.upstream), ("mirror", &pair.mirror)] {
        for edition in ["heliostat", "heliostat-3.1"] {
            for operations in ["all", "served"] {
                let text = in_one_voice(server, edition, operations).await;
                let file = artefacts("served").join(format!("{role}-{operations}-{edition}.yaml"));
                fs::write(&file, &text).expect("an artefact can be written");
                if texts.insert(text) {
                    validator.arg(&file);
                }
            }
        }
    }
    must_succeed("validate-served-documents", validator);
}

/// The document in YAML, which says the same in JSON.
async fn in_one_voice(server: &Server, edition: &str, operations: &str) -> String {
    let yaml = served(server, edition, "yaml", operations).await;
    let json = served(server, edition, "json", operations).await;
    let from_yaml: Value = yaml_serde::from_str(&yaml).expect("the document is YAML");
    let from_json: Value = serde_json::from_str(&json).expect("the document is JSON");
    assert_eq!(from_yaml, from_json, "{edition} says the same in both formats");
    yaml
}

async fn served(server: &Server, edition: &str, format: &str, operations: &str) -> String {
    let path = format!("/openapi/{edition}.{format}?operations={operations}");
    server.anonymous().get(&path).await.expect(200).text
}
