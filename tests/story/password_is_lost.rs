//! The administrator's password is lost: an operator with the data directory of the stopped server sets a new one.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::json;

use crate::harness::{Identity, Server, ServerOptions, binary, eventually, said};

const NEW_PASSWORD: &str = "a new horse, a new battery";
const USERS: &str = "/rest/api/latest/admin/users";

/// `heliostat user reset-password` in a data directory; the password goes by the environment, as no flag may hold it.
fn reset_password(data: &Path, database: &str, name: &str) -> Output {
    reset_password_to(NEW_PASSWORD, data, database, name)
}

fn reset_password_to(password: &str, data: &Path, database: &str, name: &str) -> Output {
    let mut command = Command::new(binary());
    command.args(["user", "reset-password", name, "--database", database, "--data"]).arg(data);
    command.env("HELIOSTAT_NEW_PASSWORD", password).stdin(Stdio::null());
    command.output().expect("the binary can be run")
}

#[tokio::test]
async fn a_new_password_is_given_while_the_server_is_stopped() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let (data, database) = (upstream.data(), upstream.database().to_owned());
    let generated = data.join("admin-password");
    std::fs::write(&generated, "the former one\n").expect("a file can be written");

    let refused = reset_password(&data, &database, "admin");
    assert!(!refused.status.success() && said(&refused).contains("stop it first"), "{}", said(&refused));
    upstream.admin().get(USERS).await.expect(200);

    assert!(upstream.terminate().success());
    let unknown = reset_password(&data, &database, "nobody");
    assert!(!unknown.status.success() && said(&unknown).contains("no user \"nobody\""), "{}", said(&unknown));
    let unfit = reset_password_to("2short", &data, &database, "admin");
    assert!(!unfit.status.success() && said(&unfit).contains("at least 8 characters"), "{}", said(&unfit));
    assert!(generated.exists() && !said(&unfit).contains("2short"), "{}", said(&unfit));
    let done = reset_password(&data, &database, "admin");
    assert!(done.status.success() && !said(&done).contains(NEW_PASSWORD), "{}", said(&done));
    assert!(!generated.exists(), "a file with a password that is not right any more misleads");

    upstream.restart();
    let admin = upstream.client(&Identity::User("admin".into(), NEW_PASSWORD.into()));
    admin.get(USERS).await.expect(200);
    upstream.admin().get(USERS).await.expect(401);
    // The tests give this variable at each start, as containers do.
    let log = eventually("the log to say what counts", || async {
        Some(upstream.log()).filter(|log| log.contains("HELIOSTAT_ADMIN_PASSWORD is not used"))
    })
    .await;
    assert!(!log.contains(NEW_PASSWORD));
}

#[tokio::test]
async fn a_generated_password_does_not_outlive_the_next_one() {
    let upstream = Server::upstream(ServerOptions::default());
    let generated = upstream.data().join("admin-password");
    std::fs::write(&generated, "the generated one\n").expect("a file can be written");
    let body = json!({"name": "admin", "password": NEW_PASSWORD, "passwordConfirm": NEW_PASSWORD});
    upstream.admin().put("/rest/api/latest/admin/users/credentials", &body).await.expect(204);
    assert!(!generated.exists(), "it is not right any more");
}

#[tokio::test]
async fn a_folder_that_is_no_upstream_stays_as_it_is() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let (data, database) = (folder.path().join("data"), folder.path().join("heliostat.db"));
    let refused = reset_password(&data, &format!("sqlite:{}", database.display()), "admin");
    let told = said(&refused);
    assert!(!refused.status.success() && told.contains("is not the data directory of an upstream"), "{told}");
    assert!(!data.exists() && !database.exists(), "nothing was made");
}
