//! The upstream's database comes back from a backup that is older than its repositories, or newer.

use serde_json::json;

use crate::harness::{
    Checkout, DatabaseBackup, Pair, Server, ServerOptions, bare_repositories, binary, copy_folder,
    eventually, git, git_fails, project_path, remove_folder,
};

/// The references of a repository on disk.
fn references(repository: &std::path::Path) -> String {
    git(repository, &["for-each-ref"])
}

#[tokio::test]
async fn new_repositories_get_other_numbers_than_those_that_are_on_disk() {
    let mut upstream = Server::upstream(ServerOptions::default());
    let project = upstream.new_project(true).await;
    upstream.kill_with_children();
    let backup = DatabaseBackup::of(&upstream);
    upstream.restart();
    let mut precious = Vec::new();
    for _ in 0..2 {
        let repository = upstream.new_repository(&project).await;
        let checkout = Checkout::new();
        checkout.push(&upstream.admin_url(&repository), &["HEAD:refs/heads/main"]);
        precious.push(repository);
    }
    let mut on_disk = bare_repositories(&upstream.data());
    on_disk.sort();
    let before: Vec<String> = on_disk.iter().map(|path| references(path)).collect();
    assert_eq!(before.len(), 2);
    upstream.kill_with_children();
    backup.put_back(&upstream);
    upstream.restart();

    for name in ["a", "b", "c"] {
        let path = format!("{}/repos", project_path(&project));
        let created = upstream.admin().post(&path, &json!({"name": name})).await.expect(201).json();
        let number = created["id"].as_i64().expect("a repository has an id");
        assert!(precious.iter().all(|repository| repository["id"].as_i64() != Some(number)), "{created}");
        let clone = Checkout::new();
        clone.push(&upstream.admin_url(&created), &["HEAD:refs/heads/main"]);
    }
    let after: Vec<String> = on_disk.iter().map(|path| references(path)).collect();
    assert_eq!(after, before, "what is not in the database is still on disk");

    // They are told, and the command line takes one over with everything that is in it.
    eventually("the repositories to be found", || async {
        let status = upstream.anonymous().get("/status").await.expect(200).json();
        (status["unrecordedRepos"] == 2).then_some(())
    })
    .await;
    let number = precious[0]["id"].to_string();
    let listed = repository_adopt(&upstream, &[]);
    assert!(listed.lines().any(|line| line.starts_with(&number)), "{listed}");
    let name = format!("{}/rescued", project["key"].as_str().expect("a project has a key"));
    repository_adopt(&upstream, &[&number, &name]);
    let rescued = json!({"project": project, "slug": "rescued"});
    let clone = Checkout::new();
    let url = upstream.admin_url(&rescued);
    let heads = git(clone.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    let commit = heads.split_whitespace().next().expect("a branch");
    assert!(before[0].contains(commit), "{heads} is not in {before:?}");
    git(clone.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    git(&clone.path().join("copy"), &["fsck"]);
}

#[tokio::test]
async fn references_from_an_older_backup_are_not_taken_for_a_push() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    pair.upstream.kill_with_children();
    let folders = tempfile::tempdir().expect("a folder can be made");
    let (live, backup) = (pair.upstream.data().join("repositories"), folders.path().join("repositories"));
    copy_folder(&live, &backup);
    pair.upstream.restart();
    let newest = checkout.commit("since.txt", "pushed since the backup\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;
    pair.upstream.kill_with_children();
    remove_folder(&live);
    copy_folder(&backup, &live);
    pair.upstream.restart();

    let answer = git_fails(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str()]);
    assert!(answer.contains("503"), "{answer}");
    let answer =
        git_fails(checkout.path(), &["push", pair.upstream_url(&repository).as_str(), "HEAD:refs/heads/x"]);
    assert!(answer.contains("503"), "{answer}");
    let faults = pair.admin().get("/rest/api/latest/admin/repository-faults").await.promised(200);
    assert_eq!((&faults["unservedCount"], &faults["unserved"][0]["fault"]), (&json!(1), &json!("OLDER")));
    let heads =
        git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str(), "refs/heads/main"]);
    assert!(heads.starts_with(newest.trim()), "the mirror keeps what it has: {heads}");

    // A mirror has it still. Who wants the older state takes the note away, and it is a push like any other.
    let wanted = json!({
        "projectKey": repository["project"]["key"], "repositorySlug": repository["slug"], "mirror": "Saigon",
    });
    let restored =
        pair.admin().post("/rest/api/latest/admin/repository-faults/restore", &wanted).await.promised(200);
    assert_eq!(restored["restored"], true);
    let heads =
        git(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str(), "refs/heads/main"]);
    assert!(heads.starts_with(newest.trim()), "{heads}");
    checkout.commit("more.txt", "pushed to what came back\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    pair.mirrored(&repository).await;

    pair.upstream.kill_with_children();
    remove_folder(&live);
    copy_folder(&backup, &live);
    for place in bare_repositories(&pair.upstream.data()) {
        std::fs::remove_file(place.join("heliostat-recorded")).expect("the note can be removed");
    }
    pair.upstream.restart();
    let heads = git(checkout.path(), &["ls-remote", pair.upstream_url(&repository).as_str()]);
    assert!(heads.contains("refs/heads/main") && !heads.contains(newest.trim()), "{heads}");
}

#[tokio::test]
async fn a_repository_that_the_disk_has_lost_is_said_to_be_missing_and_comes_back() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    pair.upstream.kill_with_children();
    for place in bare_repositories(&pair.upstream.data()) {
        remove_folder(&place);
    }
    pair.upstream.restart();
    let text = |place: &str| repository.pointer(place).and_then(serde_json::Value::as_str).expect("is text");
    let name = format!("{}/{}", text("/project/key"), text("/slug"));
    let told = repository_command(&pair.upstream, "restore", &[&name, "--from-mirror", "Saigon"]);
    assert!(told.contains("nothing is on the server's disk in its place"), "{told}");
    assert!(told.contains("Restored the repository"), "{told}");
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    let url = pair.upstream_url(&repository);
    let heads = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
    assert!(heads.starts_with(commit.trim()), "{heads}");
}

fn repository_adopt(upstream: &Server, arguments: &[&str]) -> String {
    repository_command(upstream, "adopt", arguments)
}

/// `heliostat repository` as the administrator.
fn repository_command(upstream: &Server, verb: &str, arguments: &[&str]) -> String {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let password = folder.path().join("password");
    std::fs::write(&password, crate::harness::ADMIN_PASSWORD).expect("a file can be written");
    let mut command = std::process::Command::new(binary());
    command.args(["repository", verb, "--url", upstream.base_url().as_str(), "--user", "admin"]);
    command.arg("--password-file").arg(&password).args(arguments);
    let output = command.output().expect("the binary can be started");
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(output.status.success(), "{text}{}", String::from_utf8_lossy(&output.stderr));
    text
}
