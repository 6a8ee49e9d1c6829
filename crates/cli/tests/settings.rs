//! Settings on the real binary: a flag wins over the variable, the variable over the file, the file over the default.

use std::io::Write;
use std::process::{Command, Output};

/// Runs the doctor, which tells the data directory that it was given.
fn doctor(arguments: &[&str], variables: &[(&str, &str)]) -> Output {
    #[expect(clippy::disallowed_methods, reason = "the binary is tested as a person runs it")]
    let mut command = Command::new(env!("CARGO_BIN_EXE_heliostat"));
    command.arg("doctor").args(["--output", "json"]).args(arguments);
    for (name, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("HELIOSTAT_"))
    {
        command.env_remove(name);
    }
    command.envs(variables.iter().copied()).output().expect("the binary can be run")
}

fn data_directory(arguments: &[&str], variables: &[(&str, &str)]) -> String {
    let output = doctor(arguments, variables);
    let findings: serde_json::Value =
        serde_json::from_slice(&output.stdout).expect("JSON on standard output");
    let finding = findings.as_array().and_then(|all| all.iter().find(|one| one["item"] == "data directory"));
    let detail = finding.and_then(|one| one["detail"].as_str()).expect("the data directory is checked");
    detail.split(' ').next().unwrap_or_default().to_owned()
}

/// What the error says that was printed.
fn message(output: &Output) -> String {
    let told: serde_json::Value = serde_json::from_slice(&output.stderr).expect("JSON on standard error");
    assert_eq!(told["error"]["exitCode"], 2);
    told["error"]["message"].as_str().expect("a message").to_owned()
}

#[test]
fn the_nearer_source_wins() {
    let mut file = tempfile::NamedTempFile::new().expect("the temporary directory is writable");
    writeln!(file, "data = '/tmp/of-the-file'").expect("the temporary directory has space");
    let config = file.path().to_str().expect("a plain path");
    let variable = ("HELIOSTAT_DATA", "/tmp/of-the-variable");

    assert_eq!(data_directory(&[], &[]), ".");
    assert_eq!(data_directory(&["--config", config], &[]), "/tmp/of-the-file");
    assert_eq!(data_directory(&[], &[("HELIOSTAT_CONFIG", config)]), "/tmp/of-the-file");
    assert_eq!(data_directory(&["--config", config], &[variable]), "/tmp/of-the-variable");
    let empty = [("HELIOSTAT_DATA", ""), ("HELIOSTAT_UPSTREAM", ""), ("HELIOSTAT_TLS_IN_FRONT", "")];
    assert_eq!(data_directory(&["--config", config], &empty), "/tmp/of-the-file", "empty is not set");
    assert_eq!(
        data_directory(&["--config", config, "--data", "/tmp/of-the-flag"], &[variable]),
        "/tmp/of-the-flag"
    );
}

#[test]
fn a_wrong_file_is_a_usage_error_that_names_it() {
    let mut file = tempfile::NamedTempFile::new().expect("the temporary directory is writable");
    writeln!(file, "sweep-interval = 5").expect("the temporary directory has space");
    let config = file.path().to_str().expect("a plain path");
    let output = doctor(&["--config", config], &[]);
    let told = message(&output);
    assert_eq!(output.status.code(), Some(2));
    assert!(told.contains(config) && told.contains("\"sweep-interval\""), "{told}");

    let missing = doctor(&["--config", "/nonexistent.toml"], &[]);
    assert_eq!(missing.status.code(), Some(2));
}

#[test]
fn a_wrong_variable_is_a_usage_error_that_names_the_option() {
    let output = doctor(&[], &[("HELIOSTAT_UPSTREAM", "ftp://somewhere")]);
    assert_eq!(output.status.code(), Some(2));
    let told = message(&output);
    assert!(told.contains("--upstream") && told.contains("HELIOSTAT_UPSTREAM"), "{told}");

    let of_the_flag = doctor(&["--upstream", "ftp://a"], &[("HELIOSTAT_UPSTREAM", "ftp://a")]);
    assert_eq!(of_the_flag.status.code(), Some(2));
    assert!(!message(&of_the_flag).contains("HELIOSTAT_UPSTREAM"), "{of_the_flag:?}");
}

#[test]
fn a_failed_check_is_a_failure() {
    let output = doctor(&["--git", "/nonexistent/git"], &[]);
    assert_eq!(output.status.code(), Some(1));
}
