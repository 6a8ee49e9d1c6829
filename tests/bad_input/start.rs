//! Servers that cannot start say why on standard error and end with a non-zero code.

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Output, Stdio};

use crate::harness::{Certified, binary, git, kept_address, make_script};

fn start(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).stdin(Stdio::null()).output().expect("the binary can be started")
}

#[track_caller]
fn refused(output: &Output, part: &str) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started: {text}");
    assert!(text.contains(part), "{part:?} is not in: {text}");
    assert!(!text.contains("panicked"), "{text}");
}

#[test]
fn an_occupied_port() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("has an address").to_string();
    let data = folder.path().join("data");
    let output = start(&["upstream", "--data", data.to_str().expect("is UTF-8"), "--listen", &address]);
    refused(&output, &address);
}

#[test]
fn an_occupied_port_of_the_demonstration() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a port is free");
    let address = taken.local_addr().expect("has an address");
    let output = start(&["demo", "--check", "--port", &address.port().to_string()]);
    refused(&output, &address.to_string());
    refused(&output, "with --port");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("--listen"), "{output:?}");
}

#[test]
fn a_demonstration_of_a_repository_without_commits() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let repository = folder.path().to_str().expect("is UTF-8");
    git(folder.path(), &["init", "--quiet"]);
    let output = start(&["demo", "--check", "--repository", repository]);
    refused(&output, "has no commits");
    assert!(String::from_utf8_lossy(&output.stderr).contains(repository), "{output:?}");
}

#[test]
fn an_unusable_data_directory() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("file");
    std::fs::write(&file, "not a folder").expect("a file can be written");
    let output = start(&["upstream", "--data", file.to_str().expect("is UTF-8"), "--listen", "127.0.0.1:0"]);
    refused(&output, "data directory");
    let output = start(&["upstream", "--data", "/proc/nothing", "--listen", "127.0.0.1:0"]);
    refused(&output, "/proc/nothing");
}

#[test]
fn an_administrator_with_a_password_that_is_guessed_first() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    for (password, rule) in [("x", "at least 8 characters"), ("Changeme", "tried first")] {
        let mut command = Command::new(binary());
        command.args(["upstream", "--listen", "127.0.0.1:0", "--data"]).arg(&data);
        let output = command.env("HELIOSTAT_ADMIN_PASSWORD", password).stdin(Stdio::null()).output();
        let output = output.expect("the binary can be started");
        refused(&output, "HELIOSTAT_ADMIN_PASSWORD");
        refused(&output, rule);
    }
}

#[test]
fn an_unreachable_database_and_its_password_stays_secret() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let nowhere = kept_address();
    let url = format!("postgres://user:swordfish@{nowhere}/none");
    let data = folder.path().join("data");
    let data = data.to_str().expect("is UTF-8");
    let output = start(&["upstream", "--data", data, "--listen", "127.0.0.1:0", "--database", &url]);
    refused(&output, "database");
    assert!(!String::from_utf8_lossy(&output.stderr).contains("swordfish"));
    let output = start(&["upstream", "--data", data, "--listen", "127.0.0.1:0", "--database", "mysql://x/y"]);
    refused(&output, "database");
}

#[test]
fn a_git_that_is_too_old_or_missing() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let old = folder.path().join("git");
    make_script(&old, "#!/bin/sh\necho git version 2.20.1\n");
    let data = folder.path().join("data");
    let data = data.to_str().expect("is UTF-8");
    let common = ["upstream", "--data", data, "--listen", "127.0.0.1:0", "--git"];
    let output = start(&[&common[..], &[old.to_str().expect("is UTF-8")]].concat());
    refused(&output, "2.20.1");
    let output = start(&[&common[..], &["/nowhere/git"]].concat());
    refused(&output, "/nowhere/git");
}

#[test]
fn a_data_directory_that_another_process_uses() {
    let server = crate::harness::Server::upstream(Default::default());
    let data = server.data();
    let output = start(&["upstream", "--data", data.to_str().expect("is UTF-8"), "--listen", "127.0.0.1:0"]);
    refused(&output, "another process");
}

#[test]
fn an_address_that_others_reach_without_a_base_url() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let data_text = data.to_str().expect("is UTF-8");
    for listen in ["0.0.0.0:0", "[::]:0", "192.0.2.1:0"] {
        let output = start(&["upstream", "--data", data_text, "--listen", listen]);
        refused(&output, "--base-url");
        assert_eq!(output.status.code(), Some(2), "the command line is wrong");
        let mirror = ["mirror", "--upstream", "http://127.0.0.1:1", "--name", "m"];
        refused(&start(&[&mirror[..], &["--data", data_text, "--listen", listen]].concat()), "--base-url");
    }
    assert!(!data.exists(), "nothing is touched");
}

#[test]
fn wrong_settings_are_named() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let file = folder.path().join("settings.toml");
    std::fs::write(&file, "listne = \"127.0.0.1:0\"\n").expect("a file can be written");
    let output = start(&["upstream", "--config", file.to_str().expect("is UTF-8")]);
    refused(&output, "listne");
    refused(&start(&["upstream", "--listen", "nowhere"]), "nowhere");
    refused(&start(&["upstream", "--outgoing-deny", "10.0.0.0/8,everything"]), "everything");
    refused(&start(&["upstream", "--git-memory", "1MiB"]), "128MiB");
    refused(&start(&["mirror", "--upstream", "ftp://x", "--name", "x", "--listen", "127.0.0.1:0"]), "ftp");
    let upstream = ["mirror", "--upstream", "http://127.0.0.1:1", "--name", "m"];
    let output = start(&[&upstream[..], &["--hook-secret-file", "github=/nowhere"]].concat());
    refused(&output, "--hook-secret-file says something of another Git server");
    let origin = ["mirror", "--origin", "http://127.0.0.1:1", "--data", "/proc/nothing"];
    let output = start(&[&origin[..], &["--internal-url", "http://127.0.0.1:2"]].concat());
    refused(&output, "--internal-url says something of an upstream");
    for (given, missing) in
        [("--github-app-id", "--github-app-key-file"), ("--github-app-key-file", "--github-app-id")]
    {
        let output = start(&[&origin[..], &[given, "7"]].concat());
        refused(&output, missing);
        assert_eq!(output.status.code(), Some(2), "the command line is wrong");
    }
}

#[test]
fn a_certificate_that_cannot_be_used() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let data = folder.path().join("data");
    let data = data.to_str().expect("is UTF-8");
    let (certified, other) = (Certified::new(), Certified::new());
    let paths = [certified.certificate(), certified.key(), other.key()];
    let [certificate, key, other_key] = paths.each_ref().map(|path| path.to_str().expect("is UTF-8"));
    let with = |arguments: &[&str]| {
        start(&[&["upstream", "--data", data, "--listen", "127.0.0.1:0"][..], arguments].concat())
    };
    let half = with(&["--tls-certificate", certificate]);
    refused(&half, "--tls-key");
    assert_eq!(half.status.code(), Some(2), "the command line is wrong");
    refused(&with(&["--tls-key", key]), "--tls-certificate");
    refused(&with(&["--tls-certificate", "/nowhere/pem", "--tls-key", key]), "/nowhere/pem");
    refused(&with(&["--tls-certificate", certificate, "--tls-key", other_key]), "does not belong");
    refused(&with(&["--tls-certificate", key, "--tls-key", key]), "holds no certificate");
    let both = ["--tls-certificate", certificate, "--tls-key", key];
    refused(&with(&[&both[..], &["--base-url", "http://127.0.0.1:7990"]].concat()), "begin with https");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o644)).expect("its owner may");
    refused(&with(&both), "chmod 600");
    refused(&with(&["--ca-file", key]), "holds no certificate");
    refused(&with(&["--hsts", "180d"]), "by --hsts browsers are told to come by https alone");
}
