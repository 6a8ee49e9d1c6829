//! fail2ban with the filter of `deploy/`: it bans the addresses from which logins fail, and none that somebody has written.

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::json;

use crate::harness::{Identity, Server, ServerOptions, eventually, must_succeed};

/// Where the system's package puts it.
const PROGRAM: &str = "/usr/bin/fail2ban-regex";

/// A name for a token that looks like a failed login of somebody else, behind the words that systemd puts before a line.
const NAME: &str =
    "host heliostat[7]: WARN heliostat_audit: login failed client.address=192.0.2.9 user.name=";

#[tokio::test]
#[ignore = "needs pinned tools: cargo xtask test --stage outside"]
async fn fail2ban_finds_a_failed_login_and_no_name_that_looks_like_one() {
    let upstream = Server::upstream(ServerOptions::default());
    upstream.client(&Identity::impostor()).get("/rest/api/latest/users").await.refused(401);
    // Everybody may call a token so.
    let token = json!({ "name": NAME, "permissions": ["REPO_READ"] });
    upstream.admin().put("/rest/access-tokens/latest/users/admin", &token).await.expect(200);
    eventually("the lines in the log", || async {
        (upstream.log().matches("heliostat_audit: administrative act").count() == 1).then_some(())
    })
    .await;

    let folder = tempfile::tempdir().expect("a folder can be made");
    let filter = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/fail2ban/filter.d/heliostat.conf");
    let plain = upstream.log();
    let journal: String = plain.lines().map(|line| format!("host heliostat[7]: {line}\n")).collect();
    // Of the journal, fail2ban does not take the time away that the server writes.
    let kinds: [(&str, &str, &[&str]); 2] =
        [("file", &plain, &[]), ("journal", &journal, &["--datepattern", "{NONE}"])];
    for (name, log, arguments) in kinds {
        let path = folder.path().join(name);
        fs::write(&path, log).expect("a file can be written");
        let mut command = Command::new(PROGRAM);
        command.args(["--out", "ip"]).args(arguments).arg(path).arg(&filter).stdin(Stdio::null());
        let found = must_succeed(&format!("fail2ban-{name}"), command);
        assert_eq!(found.lines().collect::<Vec<_>>(), ["127.0.0.1"], "{name}\n{log}");
    }
}
