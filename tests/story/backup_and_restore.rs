//! A backup of a running server, and a server made of it, which has all that was acknowledged before the backup began.

use std::path::Path;
use std::process::{Command, Output};
use std::sync::atomic::{AtomicBool, Ordering};

use serde_json::json;

use crate::harness::{
    Checkout, Pair, Server, ServerOptions, bare_repositories, binary, git, git_output, project_path,
    repository_path,
};

fn heliostat(arguments: &[&str]) -> Output {
    Command::new(binary()).args(arguments).output().expect("the binary can be run")
}

fn back_up(server: &Server, target: &Path) -> Output {
    let data = server.data();
    let (target, data) = (target.to_str().expect("is UTF-8"), data.to_str().expect("is UTF-8"));
    heliostat(&["backup", target, "--data", data, "--database", server.database()])
}

fn restore(backup: &Path, data: &Path, database: &str) -> Output {
    let (backup, data) = (backup.to_str().expect("is UTF-8"), data.to_str().expect("is UTF-8"));
    heliostat(&["restore", backup, "--data", data, "--database", database])
}

#[track_caller]
fn assert_done(output: &Output) {
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
}

#[track_caller]
fn assert_refused(output: &Output, reason: &str) {
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && errors.contains(reason), "{errors}");
}

/// Pushes commit after commit until it is told to stop.
fn keep_pushing(checkout: &Checkout, url: &url::Url, stop: &AtomicBool) {
    let mut number = 0;
    while !stop.load(Ordering::Relaxed) {
        checkout.commit("counter.txt", &format!("{number}\n"));
        checkout.push(url, &["HEAD:refs/heads/main", &format!("HEAD:refs/tags/v{number}")]);
        number += 1;
    }
}

#[tokio::test]
async fn what_was_acknowledged_before_a_backup_of_a_running_upstream_is_there_after_restoring_it() {
    let upstream = Server::upstream(ServerOptions::default());
    let project = upstream.new_project(false).await;
    let (busy, checkout) = upstream.pushed_repository(false).await;
    let (quiet, quiet_checkout) = upstream.pushed_repository(false).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let backup = folder.path().join("backup");
    let acknowledged = checkout.commit("before.txt", "acknowledged before the backup began\n");
    let url = upstream.admin_url(&busy);
    checkout.push(&url, &["HEAD:refs/heads/main"]);

    let stop = AtomicBool::new(false);
    let taken = std::thread::scope(|scope| {
        scope.spawn(|| keep_pushing(&checkout, &url, &stop));
        let taken = back_up(&upstream, &backup);
        stop.store(true, Ordering::Relaxed);
        taken
    });
    assert_done(&taken);
    assert_refused(&back_up(&upstream, &backup), "is not empty");
    assert_refused(&restore(&backup, &upstream.data(), upstream.database()), "is not empty");
    drop(upstream);

    let restored = Server::upstream_prepared(|data, database| assert_done(&restore(&backup, data, database)));
    for repository in bare_repositories(&restored.data()) {
        git(&repository, &["fsck", "--full", "--strict"]);
    }
    restored.admin().get(&project_path(&project)).await.expect(200);
    let url = restored.admin_url(&busy);
    git(checkout.path(), &["fetch", "--quiet", url.as_str(), "refs/heads/main"]);
    git(checkout.path(), &["merge-base", "--is-ancestor", &acknowledged, "FETCH_HEAD"]);
    let listed = git(checkout.path(), &["ls-remote", restored.admin_url(&quiet).as_str(), "refs/heads/main"]);
    assert!(listed.starts_with(&git(quiet_checkout.path(), &["rev-parse", "HEAD"])), "{listed}");
    // It goes on where it was.
    checkout.push(&url, &["HEAD:refs/heads/main"]);
    restored.admin().get(&format!("{}/branches", repository_path(&busy))).await.expect(200);
}

#[tokio::test]
async fn a_mirror_that_is_made_of_its_backup_goes_on_under_its_name() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let id = pair.mirror_id().await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let backup = folder.path().join("backup");
    assert_done(&back_up(&pair.mirror, &backup));
    checkout.commit("later.txt", "after the backup\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    pair.mirror.kill();

    // It has another address now, as on another machine.
    pair.mirror = Server::mirror_prepared(pair.upstream.base_url(), "Saigon", |data, database| {
        assert_done(&restore(&backup, data, database));
    });
    pair.shows_the_same(&repository, &checkout).await;
    let mirrors = pair.admin().get("/rest/mirroring/latest/mirrorServers").await.promised(200);
    assert_eq!((&mirrors["size"], &mirrors["values"][0]["id"]), (&json!(1), &json!(id)));
}

#[tokio::test]
async fn a_backup_that_cannot_be_whole_says_so() {
    let upstream = Server::upstream(ServerOptions::default());
    let (_repository, _checkout) = upstream.pushed_repository(false).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    let nothing = folder.path().join("nothing");
    assert_refused(
        &heliostat(&["backup", "there", "--data", nothing.to_str().expect("is UTF-8")]),
        "is not the data directory of a role",
    );
    assert_refused(
        &restore(&nothing, &folder.path().join("data"), upstream.database()),
        "not a complete backup",
    );

    let on_disk = bare_repositories(&upstream.data()).pop().expect("the upstream has one repository");
    let tree = git(&on_disk, &["rev-parse", "refs/heads/main^{tree}"]);
    let (start, rest) = tree.split_at(2);
    std::fs::remove_file(on_disk.join("objects").join(start).join(rest)).expect("the tree is a loose object");
    let backup = folder.path().join("backup");
    assert_refused(&back_up(&upstream, &backup), "the backup is not complete: repository 1");
    assert_refused(
        &restore(&backup, &folder.path().join("data"), upstream.database()),
        "not a complete backup",
    );
    assert!(!git_output(&on_disk, &["fsck"]).status.success(), "the damage is real");
}
