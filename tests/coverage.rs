//! The contract is the test list: every operation has a test of its behaviour and one of who may call it, and its
//! handler and its tests are found by its name.

use std::fs;
use std::path::{Path, PathBuf};

use heliostat_api::{Operation, operations};

/// The published number of mirroring operations in the first generation of the API.
const FIRST_GENERATION_OPERATIONS: usize = 44;
/// The number of those that later generations had added by the first release.
const LATER_OPERATIONS: usize = 23;

#[test]
fn every_operation_has_both_tests() {
    let mirroring = operations().iter().filter(|o| o.path.starts_with("/mirroring/")).count();
    let promised = FIRST_GENERATION_OPERATIONS + LATER_OPERATIONS;
    assert!(mirroring >= promised, "only {mirroring} of {promised} mirroring operations are left");
    let missing: Vec<String> = operations().iter().flat_map(missing_tests).collect();
    assert!(missing.is_empty(), "write what is missing, do not shorten the list:\n{}", missing.join("\n"));
}

#[test]
fn every_handler_lies_where_its_operation_says() {
    let handlers = Path::new(env!("CARGO_MANIFEST_DIR")).join("../crates/server/src/rest");
    let answered = operations().iter().filter(|operation| operation.same_as.is_none());
    let files = answered.map(|operation| file_of(&handlers, operation));
    let missing: Vec<String> =
        files.filter(|file| !file.is_file()).map(|file| file.display().to_string()).collect();
    assert!(missing.is_empty(), "these handlers lie elsewhere:\n{}", missing.join("\n"));
}

fn missing_tests(operation: &Operation) -> Vec<String> {
    let file = file_of(&Path::new(env!("CARGO_MANIFEST_DIR")).join("rest"), operation);
    let text = fs::read_to_string(&file).unwrap_or_default();
    let mut missing = Vec::new();
    let modules = fs::read_to_string(file.with_file_name("mod.rs")).unwrap_or_default();
    if !modules.contains(&format!("mod {};", snake_case(operation.id))) {
        missing.push(format!("{}: not a module of its folder", file.display()));
    }
    for kind in ["behaviour", "authorisation"] {
        if !text.contains(&format!("#[tokio::test]\nasync fn {kind}")) {
            missing.push(format!("{}: no test whose name starts with `{kind}`", file.display()));
        }
    }
    missing
}

fn file_of(folder: &Path, operation: &Operation) -> PathBuf {
    folder.join(operation.folder).join(format!("{}.rs", snake_case(operation.id)))
}

fn snake_case(name: &str) -> String {
    let mut text = String::new();
    for character in name.chars() {
        if character.is_ascii_uppercase() {
            text.push('_');
        }
        text.push(character.to_ascii_lowercase());
    }
    text
}
