//! Both documents are there, with operations and schemas in them. Because this test exists, cargo builds the program with the
//! tests of the workspace.

use std::process::Command;

#[test]
fn both_documents_have_what_they_are_compared_by() {
    #[expect(clippy::disallowed_methods, reason = "the program is tested as the drift check runs it")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_heliostat-emitted-contract"));
    let output = command.output().expect("the program can be run");
    let documents: serde_json::Value = serde_json::from_slice(&output.stdout).expect("it prints JSON");
    assert!(documents["wire"]["paths"].as_object().is_some_and(|paths| paths.len() > 40));
    assert!(
        documents["serde"]["components"]["schemas"].as_object().is_some_and(|schemas| schemas.len() > 40)
    );
}
