//! Kallithea, a forge with accounts, groups and private repositories: set up by its own commands, administered by its own API.

use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::{Value, json};
use tempfile::TempDir;
use url::Url;

use super::{ADMINISTRATOR, Forge, PASSWORD};
use crate::harness::{KeptAddress, Program, http, must_succeed};
use crate::origin::{Person, Place};

/// Prints the administrator's key of its API.
const SHOW_KEY: &str = "import sqlite3
rows = sqlite3.connect('kallithea.db').execute(\"SELECT api_key FROM users WHERE username = 'admin'\")
print(rows.fetchone()[0])";

/// A running one.
pub struct Kallithea {
    program: Option<Program>,
    _folder: TempDir,
    /// Nothing else listens there when it has ended.
    _address: KeptAddress,
    url: Url,
    /// Proves to its API that the administrator asks.
    key: String,
}

impl Kallithea {
    /// Starts one.
    pub async fn start() -> Self {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let repositories = folder.path().join("repositories");
        fs::create_dir(&repositories).expect("a folder can be made");
        let (program, address) = Program::listening(&folder.path().join("output.log"), |address| {
            let mut configure = command(folder.path(), "kallithea-cli");
            configure.args(["config-create", "forge.ini", "http_server=waitress", "host=127.0.0.1"]);
            configure.arg(format!("port={}", address.port()));
            must_succeed("kallithea-configuration", configure);
            let mut fill = command(folder.path(), "kallithea-cli");
            fill.args([
                "db-create",
                "--config_file",
                "forge.ini",
                "--force-yes",
                "--email=admin@example.com",
            ]);
            fill.arg(format!("--user={ADMINISTRATOR}")).arg(format!("--password={PASSWORD}"));
            fill.arg(format!("--repos={}", repositories.display()));
            must_succeed("kallithea-database", fill);
            let mut serve = command(folder.path(), "gearbox");
            serve.args(["serve", "--config", "forge.ini"]);
            serve
        })
        .await;
        let url = Url::parse(&format!("http://{address}/")).expect("is a URL");
        let mut show = command(folder.path(), "python");
        show.args(["-c", SHOW_KEY]);
        let key = must_succeed("kallithea-key", show).trim().to_owned();
        let kallithea = Self { program: Some(program), _folder: folder, _address: address, url, key };
        kallithea.furnish().await;
        kallithea
    }

    /// Makes accounts and repositories.
    async fn furnish(&self) {
        for name in Person::ALL.into_iter().filter_map(Person::name) {
            let email = format!("{name}@example.com");
            self.call("create_user", json!({"username": name, "email": email, "password": PASSWORD})).await;
        }
        self.call("create_repo_group", json!({"group_name": "acme"})).await;
        for place in Place::ALL {
            let (name, private) = (name_of(place), place == Place::Private);
            let repository = json!({"repo_name": name, "repo_type": "git", "private": private});
            self.call("create_repo", repository).await;
        }
        for name in ["reader", "revoked"] {
            let permission =
                json!({"repoid": name_of(Place::Private), "userid": name, "perm": "repository.read"});
            self.call("grant_user_permission", permission).await;
        }
    }

    /// Lets the administrator do something.
    async fn call(&self, method: &str, arguments: Value) {
        let question = json!({"id": 1, "api_key": self.key, "method": method, "args": arguments});
        let place = self.url.join("/_admin/api").expect("a path");
        let answer = http().post(place).json(&question).send().await.expect("it is up");
        let answer: Value = answer.json().await.expect("its API speaks JSON");
        assert_eq!(answer["error"], Value::Null, "{method}: {answer}");
    }
}

impl Forge for Kallithea {
    fn url(&self) -> &Url {
        &self.url
    }

    fn path(&self, _: Person, place: Place) -> String {
        format!("/{}", name_of(place))
    }

    async fn revoke(&self) {
        let permission = json!({"repoid": name_of(Place::Private), "userid": "revoked"});
        self.call("revoke_user_permission", permission).await;
    }

    fn end(&mut self) {
        self.program = None;
    }
}

/// The name of a repository with that of its group.
fn name_of(place: Place) -> &'static str {
    match place {
        Place::Public => "acme/public",
        Place::Private => "acme/private",
    }
}

/// A command of one of its programs.
fn command(folder: &Path, program: &str) -> Command {
    let Some(home) = std::env::var_os("HELIOSTAT_KALLITHEA") else {
        panic!("Kallithea is not installed: run these tests by `cargo xtask test --stage outside`");
    };
    let mut command = Command::new(Path::new(&home).join("bin").join(program));
    command.env("HOME", folder).current_dir(folder);
    command
}
