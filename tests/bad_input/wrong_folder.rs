//! A start on the folder or the database of another server is refused before anything is touched.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use crate::harness::{Pair, Server, ServerOptions, binary, eventually, git};

/// What each file below a folder holds.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).expect("a folder can be listed") {
            let path = entry.expect("an entry can be read").path();
            match path.is_dir() {
                true => folders.push(path),
                false => drop(found.insert(path.clone(), std::fs::read(path).expect("a file can be read"))),
            }
        }
    }
    found
}

fn heliostat(arguments: &[&str]) -> Output {
    let mut command = Command::new(binary());
    command.args(arguments).stdin(Stdio::null());
    command.output().expect("the binary can be started")
}

fn start_mirror(data: &Path, database: Option<&str>) -> Output {
    let data = data.to_str().expect("is UTF-8");
    let role = ["mirror", "--upstream", "http://127.0.0.1:1", "--name", "m", "--listen", "127.0.0.1:0"];
    let named: Vec<&str> = database.into_iter().flat_map(|url| ["--database", url]).collect();
    heliostat(&[&role[..], &["--data", data], &named].concat())
}

fn start_upstream(data: &Path, database: &str) -> Output {
    let data = data.to_str().expect("is UTF-8");
    heliostat(&["upstream", "--data", data, "--listen", "127.0.0.1:0", "--database", database])
}

#[track_caller]
fn refused(output: &Output, parts: &[&str]) {
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success(), "it started: {text}");
    for part in parts {
        assert!(text.contains(part), "{part:?} is not in: {text}");
    }
}

/// The name that a server has given itself.
fn owner_of(server: &Server) -> String {
    let mark =
        std::fs::read(server.data().join("owner.json")).expect("a running server has marked its folder");
    let mark: serde_json::Value = serde_json::from_slice(&mark).expect("the mark is JSON");
    mark["server"].as_str().expect("the mark names the server").to_owned()
}

#[tokio::test]
async fn a_mirror_on_the_folder_of_a_stopped_upstream() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let (repository, checkout) = upstream.pushed_repository(true).await;
    upstream.kill_with_children();
    let (data, name) = (upstream.data(), owner_of(&upstream));
    let before = contents(&data);
    for database in [None, Some(upstream.database())] {
        refused(&start_mirror(&data, database), &[&name, "the upstream", "mirror", "--data"]);
    }
    assert_eq!(contents(&data), before);

    // The same with a folder from before there were marks: its repositories are of no server that the database knows.
    std::fs::remove_file(data.join("owner.json")).expect("the mark can be removed");
    refused(&start_mirror(&data, None), &["repositories", "no server yet"]);
    refused(&start_mirror(&data, Some(upstream.database())), &[&name]);
    // The upstream itself takes its folder back.
    upstream.restart();
    assert_eq!(owner_of(&upstream), name);
    let url = upstream.admin_url(&repository);
    assert!(git(checkout.path(), &["ls-remote", url.as_str()]).contains("refs/heads/main"));
}

#[tokio::test]
async fn a_folder_and_a_database_of_two_servers() {
    let (mut one, mut two) =
        (Server::upstream(ServerOptions::default()), Server::upstream(ServerOptions::default()));
    one.pushed_repository(true).await;
    one.kill_with_children();
    two.kill();
    let before = contents(&one.data());
    let (name_of_one, name_of_two) = (owner_of(&one), owner_of(&two));
    let names = [name_of_one.as_str(), name_of_two.as_str(), "--database", "--data"];
    refused(&start_upstream(&one.data(), two.database()), &names);
    assert_eq!(contents(&one.data()), before);

    let data = one.data();
    let data = data.to_str().expect("is UTF-8");
    let good = heliostat(&["doctor", "--data", data, "--database", one.database()]);
    let text = String::from_utf8_lossy(&good.stdout);
    assert!(good.status.success() && text.contains(&name_of_one), "{text}");
    let bad = heliostat(&["doctor", "--data", data, "--database", two.database()]);
    let text = String::from_utf8_lossy(&bad.stdout);
    assert!(!bad.status.success() && text.contains(&name_of_one) && text.contains(&name_of_two), "{text}");
}

#[tokio::test]
async fn a_mirror_with_another_database() {
    let mut pair = Pair::start().await;
    let (repository, _checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.mirror.kill_with_children();
    let (data, name) = (pair.mirror.data(), owner_of(&pair.mirror));
    let before = contents(&data);
    refused(&start_mirror(&data, None), &[&name, "no server yet"]);
    assert_eq!(contents(&data), before);
    pair.mirror.restart();
    eventually("the repository to be there as before", || pair.available(&repository)).await;

    // A database that is lost for good: the operator says that the folder goes to another one.
    pair.mirror.kill_with_children();
    std::fs::write(data.join("owner.json"), r#"{"role": "upstream"}"#).expect("the mark can be written");
    refused(&start_mirror(&data, None), &["belongs to an upstream"]);
    std::fs::write(data.join("owner.json"), r#"{"role": "mirror"}"#).expect("the mark can be written");
    pair.mirror.restart();
    assert_eq!(owner_of(&pair.mirror), name);
}
