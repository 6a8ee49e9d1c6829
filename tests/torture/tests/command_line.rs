//! What the program says before it begins. Because this test exists, cargo builds the program with the tests of the workspace.

use std::process::Command;

#[test]
fn a_binary_that_is_not_there_is_named_beside_the_seed() {
    let logs = tempfile::tempdir().expect("a folder can be made");
    #[expect(clippy::disallowed_methods, reason = "the program is tested as it is started for torture")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_heliostat-torture"));
    command.args(["--seed", "7", "--binary", "/nowhere/heliostat", "--logs"]).arg(logs.path());
    let output = command.output().expect("the program can be run");
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(String::from_utf8_lossy(&output.stdout), "seed 7\n");
    let told = String::from_utf8_lossy(&output.stderr);
    assert!(told.starts_with("error: there is no /nowhere/heliostat"), "{told}");
}
