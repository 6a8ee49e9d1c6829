//! fail2ban with the filter of `deploy/`: it bans the addresses from which logins fail, and none that a client has
//! written. In both forms of the log, as files, the journal and container runtimes keep them.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Identity, Server, ServerOptions, eventually, must_succeed};

/// Where the system's package puts it.
const PROGRAM: &str = "/usr/bin/fail2ban-regex";

/// Of the journal, fail2ban does not take the time away that the server writes.
const NO_DATE: &[&str] = &["--datepattern", "{NONE}"];

/// Names for tokens that look like a failed login of another client, in each form of the log and behind the words that
/// systemd and container runtimes put before a line.
const NAMES: [&str; 6] = [
    "host heliostat[7]: WARN heliostat_audit: login failed client.address=192.0.2.9 user.name=",
    "x: WARN heliostat_audit: login failed client.address=192.0.2.9 user.name=",
    r#"{"timestamp":"","level":"WARN","message":"login failed","client.address":"192.0.2.9"}"#,
    r#"x y: {"timestamp":"","level":"WARN","message":"login failed","client.address":"192.0.2.9"}"#,
    r#" stderr F {"timestamp":"","level":"WARN","message":"login failed","client.address":"192.0.2.9"}"#,
    r#"{"log":"{\"timestamp\":\"\",\"level\":\"WARN\",\"message\":\"login failed\",\"client.address\":\"192.0.2.9\"}"#,
];

/// The log of an upstream, in one form, with a failed login and acts about things of misleading names.
async fn log_of(form: &str) -> String {
    let arguments = ["--log-format", form].map(str::to_owned).to_vec();
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    upstream.client(&Identity::impostor()).get("/rest/api/latest/users").await.refused(401);
    for name in NAMES {
        // Everybody may call a token so, and try to sign in so.
        let token = json!({ "name": name, "permissions": ["REPO_READ"] });
        upstream.admin().put("/rest/access-tokens/latest/users/admin", &token).await.expect(200);
    }
    eventually("the lines in the log", || async {
        (upstream.log().matches("administrative act").count() == NAMES.len()).then_some(())
    })
    .await;
    upstream.log()
}

/// What the filter finds in a log that is kept in this way.
fn addresses_in(folder: &Path, name: &str, log: &str, arguments: &[&str]) -> Vec<String> {
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/fail2ban/filter.d/heliostat.conf");
    let path = folder.join(name);
    fs::write(&path, log).expect("a file can be written");
    let mut command = Command::new(PROGRAM);
    command.args(["--out", "ip"]).args(arguments).arg(path).arg(&filter).stdin(Stdio::null());
    must_succeed(&format!("fail2ban-{name}"), command).lines().map(str::to_owned).collect()
}

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn fail2ban_finds_a_failed_login_and_no_name_that_looks_like_one() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let with =
        |log: &str, before: &str| -> String { log.lines().map(|line| format!("{before}{line}\n")).collect() };
    let time = "2026-11-29T10:15:00.000000Z";
    for form in ["text", "json"] {
        let plain = log_of(form).await;
        let journal = with(&plain, "host heliostat[7]: ");
        let kubernetes = with(&plain, &format!("{time} stderr F "));
        let kept: [(&str, &str, &[&str]); 4] = [
            ("file", &plain, &[]),
            ("journal", &journal, NO_DATE),
            ("kubernetes", &kubernetes, &[]),
            ("kubernetes-undated", &kubernetes, NO_DATE),
        ];
        for (name, log, arguments) in kept {
            let found = addresses_in(folder.path(), &format!("{form}-{name}"), log, arguments);
            assert_eq!(found, ["127.0.0.1"], "{form} {name}\n{log}");
        }
        // Docker's own files: the image writes JSON, and of text nothing is found, least of all a wrong address.
        let docker: String = plain
            .lines()
            .map(|line| json!({ "log": format!("{line}\n"), "stream": "stderr", "time": time }))
            .map(|line| format!("{line}\n"))
            .collect();
        let found = addresses_in(folder.path(), &format!("{form}-docker"), &docker, &[]);
        let expected: &[&str] = if form == "json" { &["127.0.0.1"] } else { &[] };
        assert_eq!(found, expected, "{form} docker\n{docker}");
    }
}
