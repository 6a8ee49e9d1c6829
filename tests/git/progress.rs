//! What people see while they wait: how far the server is, beside an answer that is the same for all.

use std::fs;
use std::path::Path;

use super::scene::short_history;
use crate::harness::{Server, ServerOptions, WatchedGit, clone_url, git, git_output, make_script};

/// What stands before `git` at the server: it holds up each pack until the gate is open.
const SLOW_GIT: &str = r#"#!/bin/sh
case "$*" in
*pack-objects*--progress*)
    printf 'Counting objects: 100%% (7/7), done.\nCompressing objects:  50%% (1/2)\r' >&2
    while [ ! -e GATE ]; do sleep 0.05; done
    ;;
esac
exec git "$@"
"#;

/// What stands before `git` at the server, for packs that `git upload-pack` has made: these are held up as well.
const SLOW_UPLOAD_PACK: &str = r#"#!/bin/sh
case "$*" in
*upload-pack*) exec git -c uploadpack.packObjectsHook=SLOW_GIT "$@" ;;
esac
exec git "$@"
"#;

fn script(place: &Path, text: &str) -> String {
    make_script(place, text);
    place.to_str().expect("is UTF-8").to_owned()
}

fn slow_git(folder: &Path, gate: &Path) -> String {
    script(&folder.join("slow-git"), &SLOW_GIT.replace("GATE", gate.to_str().expect("is UTF-8")))
}

/// As a hook it is given the whole command, `git` included.
fn slow_upload_pack(folder: &Path, gate: &Path) -> String {
    let hook =
        SLOW_GIT.replace("GATE", gate.to_str().expect("is UTF-8")).replace("exec git \"$@\"", "exec \"$@\"");
    let hook = script(&folder.join("slow-pack-objects"), &hook);
    script(&folder.join("slow-upload-pack"), &SLOW_UPLOAD_PACK.replace("SLOW_GIT", &hook))
}

/// What a clone tells its user. When they see this line the gate is opened.
async fn clone(folder: &Path, version: &str, arguments: &[&str], open_at: Option<(&str, &Path)>) -> String {
    let mut clone = WatchedGit::start(folder, version, &[&["clone"], arguments].concat());
    if let Some((line, gate)) = open_at {
        clone.until_it_says(line).await;
        fs::write(gate, "").expect("can be written");
    }
    clone.end().await.expect("it clones")
}

#[tokio::test]
async fn who_waits_for_a_cold_clone_sees_how_far_it_is_and_no_other_client_does() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let gate = folder.path().join("gate");
    let arguments = vec!["--git".to_owned(), slow_git(folder.path(), &gate)];
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let repository = upstream.empty_repository(true).await;
    let source = short_history(&["refs/heads/main"]).import();
    source.push_to(&upstream.admin_url(&repository));
    let url = clone_url(upstream.base_url(), &repository, None);

    let cold = ["--progress", url.as_str(), "cold"];
    let told =
        clone(folder.path(), "2", &cold, Some(("remote: Compressing objects:  50% (1/2)", &gate))).await;
    assert!(told.contains("remote: Counting objects: 100% (7/7), done."), "{told}");
    git(&folder.path().join("cold"), &["fsck", "--full"]);
    // What is stored holds none of it.
    let told = clone(folder.path(), "2", &["--progress", url.as_str(), "warm"], None).await;
    assert!(!told.contains("remote:"), "{told}");
    let log = git_output(&folder.path().join("warm"), &["log", "--format=%H"]);
    assert_eq!(log.stdout, git_output(source.path(), &["log", "--format=%H", "main"]).stdout);
}

#[tokio::test]
async fn who_waits_for_a_cold_shallow_clone_sees_the_same_in_every_version_of_the_protocol() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let gate = folder.path().join("gate");
    let arguments = vec!["--git".to_owned(), slow_upload_pack(folder.path(), &gate)];
    let upstream = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let repository = upstream.empty_repository(true).await;
    let source = short_history(&["refs/heads/main"]).import();
    source.push_to(&upstream.admin_url(&repository));
    let url = clone_url(upstream.base_url(), &repository, None);

    let shapes = [("0", "--depth=1"), ("2", "--depth=2"), ("2", "--shallow-since=2000-01-01")];
    for (number, (version, depth)) in shapes.into_iter().enumerate() {
        let into = |name: &str| format!("{name}-{number}");
        let (cold, warm) = (into("cold"), into("warm"));
        let clone_into = |name| ["--progress", depth, url.as_str(), name];
        let seen = ("remote: Compressing objects:  50% (1/2)", gate.as_path());
        let told = clone(folder.path(), version, &clone_into(&cold), Some(seen)).await;
        assert!(told.contains("remote: Counting objects: 100% (7/7), done."), "{depth}: {told}");
        git(&folder.path().join(&cold), &["fsck", "--full"]);
        // What is stored holds none of it.
        let told = clone(folder.path(), version, &clone_into(&warm), None).await;
        assert!(!told.contains("remote:"), "{depth}: {told}");
        let commits = ["log", "--format=%H"];
        let [cold, warm] = [cold, warm].map(|name| git(&folder.path().join(name), &commits));
        assert_eq!(cold, warm);
        fs::remove_file(&gate).expect("it was opened");
    }
}
