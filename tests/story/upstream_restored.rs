//! An upstream comes back from a backup: its mirrors remove and overwrite nothing of what only they still have, say so,
//! and follow it again when an administrator says so or when it has everything again.

use std::process::Command;

use serde_json::{Value, json};

use crate::harness::{
    ADMIN_PASSWORD, DatabaseBackup, Pair, Server, ServerOptions, UpstreamByHand, binary, copy_folder,
    eventually, git, git_fails,
};

/// What an upstream that does not run has on disk and in its database.
struct Backup {
    database: DatabaseBackup,
    data: tempfile::TempDir,
}

impl Backup {
    fn of(server: &Server) -> Self {
        let data = tempfile::tempdir().expect("a folder can be made");
        copy_folder(&server.data(), &data.path().join("data"));
        Self { database: DatabaseBackup::of(server), data }
    }

    fn put_back(&self, server: &Server) {
        std::fs::remove_dir_all(server.data()).expect("a folder can be removed");
        copy_folder(&self.data.path().join("data"), &server.data());
        self.database.put_back(server);
    }
}

async fn pair() -> Pair {
    let often =
        ServerOptions { arguments: vec!["--sweep-interval".into(), "1s".into()], ..Default::default() };
    Pair::start_with(ServerOptions::default(), often).await
}

async fn held_back(pair: &Pair) -> Value {
    let path = pair.mirror_path("/heldBack").await;
    pair.mirror_admin().get(&path).await.promised(200)
}

/// Waits until these repositories, and no others, are held back for these reasons.
async fn held_back_as(pair: &Pair, expected: &[(&Value, &str)]) -> Value {
    eventually("the repositories to be held back", || async {
        let held = held_back(pair).await;
        let repositories = held["repositories"].as_array().expect("a list");
        let is_as_expected = expected.iter().all(|(repository, reason)| {
            repositories.iter().any(|held| held["slug"] == repository["slug"] && held["reason"] == *reason)
        });
        (is_as_expected && repositories.len() == expected.len()).then_some(held)
    })
    .await
}

/// What `heliostat mirror ...` prints for the administrator.
fn mirror_command(pair: &Pair, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let password = folder.path().join("password");
    std::fs::write(&password, ADMIN_PASSWORD).expect("a file can be written");
    let mut command = Command::new(binary());
    command.arg("mirror").args(arguments).args(["--user", "admin", "--password-file"]).arg(&password);
    command.args(["--mirror-url", pair.mirror.base_url().as_str(), "--output", "json"]);
    let output = command.output().expect("the binary can be started");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("is UTF-8")
}

#[tokio::test]
async fn an_upstream_that_is_another_process_is_compared_although_it_was_not_seen_away() {
    // The next comparison by itself is an hour away.
    let rarely =
        ServerOptions { arguments: vec!["--sweep-interval".into(), "1h".into()], ..Default::default() };
    let upstream = UpstreamByHand::start_installed_with(rarely).await;
    upstream.set_instance("before");
    let beats = upstream.times_asked("instance=");
    // The second one is not sent before the first one was answered.
    eventually("the mirror to know the process", || async {
        (upstream.times_asked("instance=") > beats + 1).then_some(())
    })
    .await;
    let compared = upstream.times_asked("/repo-hashes/differences");
    upstream.set_instance("restored");
    eventually("the mirror to compare", || async {
        (upstream.times_asked("/repo-hashes/differences") > compared).then_some(())
    })
    .await;
}

#[tokio::test]
async fn what_the_upstream_has_lost_is_kept_and_rescued_until_an_administrator_lets_it_go() {
    let mut pair = pair().await;
    let (older, older_checkout) = pair.pushed_repository(false).await;
    let before = git(older_checkout.path(), &["rev-parse", "HEAD"]);
    pair.mirrored(&older).await;
    pair.upstream.kill_with_children();
    let backup = Backup::of(&pair.upstream);
    pair.upstream.restart();
    // What the backup does not have.
    let since = older_checkout.commit("since", "the backup");
    older_checkout.push(&pair.upstream_url(&older), &["HEAD:refs/heads/main"]);
    let (today, today_checkout) = pair.pushed_repository(false).await;
    let of_today = git(today_checkout.path(), &["rev-parse", "HEAD"]);
    pair.mirrored(&older).await;
    pair.mirrored(&today).await;

    pair.upstream.kill_with_children();
    backup.put_back(&pair.upstream);
    pair.upstream.restart();
    held_back_as(&pair, &[(&older, "FELL_BACK"), (&today, "MISSING")]).await;
    let shown: Value =
        serde_json::from_str(&mirror_command(&pair, &["status", &path_of(&older)])).expect("is JSON");
    assert_eq!((&shown["available"], &shown["heldBack"]["reason"]), (&true.into(), &"FELL_BACK".into()));
    let status = pair.mirror.client(&crate::harness::Identity::Anonymous).get("/status").await.json();
    assert_eq!(status["heldRepos"], 2);
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("an administrator confirms")));

    // Its number is given again, to a repository that another user may read.
    let (tomorrow, _) = pair.pushed_repository(true).await;
    assert_eq!(tomorrow["id"], today["id"]);
    held_back_as(&pair, &[(&older, "FELL_BACK"), (&today, "REPLACED")]).await;
    let heads = |pair: &Pair, repository: &Value| {
        git(today_checkout.path(), &["ls-remote", pair.mirror_url(repository).as_str(), "refs/heads/main"])
    };
    assert!(heads(&pair, &today).starts_with(&of_today) && heads(&pair, &older).starts_with(since.trim()));
    let (name, password) = match pair.new_user().await {
        crate::harness::Identity::User(name, password) => (name, password),
        other => panic!("not a user with a password: {other:?}"),
    };
    let as_user = crate::harness::clone_url(pair.mirror.base_url(), &today, Some((&name, &password)));
    git_fails(today_checkout.path(), &["ls-remote", as_user.as_str()]);
    // That another repository with the number goes is no word about this one.
    let path = crate::harness::repository_path(&tomorrow);
    pair.admin().delete(&path).await.expect(202);
    pair.mirror.restart();
    held_back_as(&pair, &[(&older, "FELL_BACK"), (&today, "MISSING")]).await;

    let bundles = tempfile::tempdir().expect("a folder can be made");
    let folder = bundles.path().to_str().expect("is UTF-8");
    let rescued: Value =
        serde_json::from_str(&mirror_command(&pair, &["rescue", "--to", folder])).expect("is JSON");
    let of = |repository: &Value| {
        let path = path_of(repository);
        rescued
            .as_array()
            .expect("a list")
            .iter()
            .find(|rescued| rescued["repository"] == path)
            .expect("rescued")
    };
    assert_eq!(of(&older)["commits"], 1, "the other is at the upstream: {rescued}");
    let bundle = of(&today)["bundle"].as_str().expect("a bundle");
    let copied = git(bundles.path(), &["ls-remote", bundle, "refs/heads/main"]);
    assert!(copied.starts_with(&of_today));

    let confirmation = pair.mirror_path("/heldBack/confirmation").await;
    let of_another_list = json!({"token": "0".repeat(16)});
    pair.mirror_admin().post(&confirmation, &of_another_list).await.refused(409);
    let token = held_back(&pair).await["token"].as_str().expect("a token").to_owned();
    assert_eq!(mirror_command(&pair, &["confirm-removal", &token]).trim(), "[]");
    eventually("the mirror to follow", || async { pair.available(&older).await }).await;
    assert!(heads(&pair, &older).starts_with(&before));
    git_fails(today_checkout.path(), &["ls-remote", pair.mirror_url(&today).as_str()]);
    let trash = pair.mirror.data().join("repositories/trash");
    let in_trash = || std::fs::read_dir(&trash).expect("a folder").count();
    eventually("what was given up in the trash", || async { (in_trash() == 2).then_some(()) }).await;
}

#[tokio::test]
async fn an_upstream_that_has_everything_again_is_followed_without_a_word() {
    let mut pair = pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.upstream.kill_with_children();
    let older = Backup::of(&pair.upstream);
    pair.upstream.restart();
    checkout.commit("since", "the backup");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let (today, _) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.mirrored(&today).await;
    pair.upstream.kill_with_children();
    let newest = Backup::of(&pair.upstream);
    older.put_back(&pair.upstream);
    pair.upstream.restart();
    held_back_as(&pair, &[(&repository, "FELL_BACK"), (&today, "MISSING")]).await;

    pair.upstream.kill_with_children();
    newest.put_back(&pair.upstream);
    pair.upstream.restart();
    held_back_as(&pair, &[]).await;
    let commit = checkout.commit("at last", "as before");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    let url = pair.mirror_url(&repository);
    assert!(git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]).starts_with(commit.trim()));
}

fn path_of(repository: &Value) -> String {
    let text = |place: &str| repository.pointer(place).and_then(Value::as_str).expect("is text");
    format!("{}/{}", text("/project/key"), text("/slug"))
}
