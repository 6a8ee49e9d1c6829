//! The contract is the test list: every mirroring operation has a test of its behaviour and one of who may call it.

use std::fs;
use std::path::Path;

use heliostat_api::{Operation, operations};

/// The published number of mirroring operations in the first generation of the API.
const FIRST_GENERATION_OPERATIONS: usize = 44;
/// The number of those that later generations had added by the first release.
const LATER_OPERATIONS: usize = 23;

#[test]
fn every_mirroring_operation_has_both_tests() {
    let mirroring: Vec<&Operation> =
        operations().iter().filter(|o| o.path.starts_with("/mirroring/")).collect();
    let promised = FIRST_GENERATION_OPERATIONS + LATER_OPERATIONS;
    assert!(mirroring.len() >= promised, "only {} of {promised} are left", mirroring.len());
    let missing: Vec<String> = mirroring.iter().flat_map(|operation| missing_tests(operation)).collect();
    assert!(missing.is_empty(), "write what is missing, do not shorten the list:\n{}", missing.join("\n"));
}

fn missing_tests(operation: &Operation) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("rest").join(resource_of(operation.path));
    let module = snake_case(operation.id);
    let file = folder.join(format!("{module}.rs"));
    let text = fs::read_to_string(&file).unwrap_or_default();
    let mut missing = Vec::new();
    let modules = fs::read_to_string(folder.join("mod.rs")).unwrap_or_default();
    if !modules.contains(&format!("mod {module};")) {
        missing.push(format!("{}: not a module of its folder", file.display()));
    }
    for kind in ["behaviour", "authorisation"] {
        if !text.contains(&format!("#[tokio::test]\nasync fn {kind}")) {
            missing.push(format!("{}: no test whose name starts with `{kind}`", file.display()));
        }
    }
    missing
}

/// `/mirroring/latest/mirrorServers/{mirrorId}` -> `mirror_servers`, `/mirroring/latest/repo-hashes` -> `repo_hashes`.
fn resource_of(path: &str) -> String {
    snake_case(&path.split('/').nth(3).expect("a mirroring path has a resource").replace('-', "_"))
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
