//! Repositories that are damaged, or are none.

use std::process::Command;

use serde_json::Value;

use crate::harness::{
    ADMIN_PASSWORD, Checkout, Pair, bare_repositories, binary, eventually, git, git_output, remove_folder,
};

#[tokio::test]
async fn a_damaged_repository_on_the_mirror_is_made_anew() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    pair.mirror.kill();
    for damaged in bare_repositories(&pair.mirror.data()) {
        // In one step: a fetch that outlives its mirror may still be writing there.
        std::fs::rename(damaged.join("objects"), damaged.join("lost")).expect("objects can be moved away");
    }
    pair.mirror.restart();
    let commit = checkout.commit("after.txt", "after the damage\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let url = pair.mirror_url(&repository);
    eventually("the repository to be whole again", || async {
        let output = git_output(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        String::from_utf8_lossy(&output.stdout).starts_with(&commit).then_some(())
    })
    .await;
    // Until the mirror has it, its upstream may answer in its place.
    pair.mirrored(&repository).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
}

#[tokio::test]
async fn a_damaged_repository_on_the_upstream_is_an_error_and_not_a_crash() {
    let pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    for damaged in bare_repositories(&pair.upstream.data()) {
        remove_folder(&damaged);
    }
    // References may still be in memory and answers stored; a request for something else finds out, and from then
    // on every request is told.
    let url = pair.upstream_url(&repository);
    for attempt in
        [["clone", "--depth=1", "--bare", url.as_str(), "copy.git"].as_slice(), &["ls-remote", url.as_str()]]
    {
        assert!(!git_output(checkout.path(), attempt).status.success(), "{attempt:?}");
    }
    // The mirror still has what was there, and the upstream still answers.
    git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str()]);
    pair.admin().get("/rest/mirroring/latest/repos").await.expect(200);
}

#[tokio::test]
async fn importing_what_is_no_repository_is_refused_and_creates_nothing() {
    let pair = crate::harness::shared_pair().await;
    let project = pair.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    let folder = tempfile::tempdir().expect("a folder can be made");
    let output = Command::new(binary())
        .args(["repository", "import", folder.path().to_str().expect("is UTF-8"), "--project", key])
        .args(["--url", pair.upstream.base_url().as_str()])
        .env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD)
        .output()
        .expect("the binary can be started");
    assert!(!output.status.success());
    let text = String::from_utf8_lossy(&output.stderr);
    assert!(text.contains("not a Git repository") || text.contains("not a git repository"), "{text}");
    let page = pair.admin().get(&format!("/rest/api/latest/projects/{key}/repos")).await.expect(200).json();
    assert_eq!(page["size"], 0);
}

/// Imports it under this name; what the command says if it fails.
fn import(pair: &Pair, project: &Value, source: &str, name: &str) -> Result<(), String> {
    let key = project["key"].as_str().expect("has a key");
    let output = Command::new(binary())
        .args(["repository", "import", source, "--project", key, "--name", name])
        .args(["--url", pair.upstream.base_url().as_str()])
        .env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD)
        .output()
        .expect("the binary can be started");
    if output.status.success() { Ok(()) } else { Err(String::from_utf8_lossy(&output.stderr).into_owned()) }
}

#[tokio::test]
async fn an_empty_repository_is_imported_with_its_default_branch() {
    let pair = crate::harness::shared_pair().await;
    let project = pair.new_project(false).await;
    let key = project["key"].as_str().expect("has a key");
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["init", "--quiet", "--bare", "--initial-branch=trunk", "bare.git"]);
    git(folder.path(), &["init", "--quiet", "--initial-branch=trunk", "checkout"]);
    let path = |name: &str| folder.path().join(name).to_str().expect("is UTF-8").to_owned();
    let sources = [path("bare.git"), path("checkout"), format!("file://{}", path("bare.git"))];
    for (number, source) in sources.iter().enumerate() {
        let name = format!("empty-{number}");
        import(pair, &project, source, &name).unwrap_or_else(|error| panic!("{source}: {error}"));
        let branch = format!("/rest/api/latest/projects/{key}/repos/{name}/default-branch");
        assert_eq!(pair.admin().get(&branch).await.promised(200)["id"], "refs/heads/trunk", "{source}");
    }
}

#[tokio::test]
async fn an_import_that_fails_names_what_is_at_fault() {
    let pair = crate::harness::shared_pair().await;
    let project = pair.new_project(false).await;
    let checkout = Checkout::new();
    for content in ["one\n", "two\n"] {
        checkout.commit("file.txt", content);
    }
    git(checkout.path(), &["config", "uploadpack.allowFilter", "true"]);
    let whole = format!("file://{}", checkout.path().display());
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", "--bare", "--filter=blob:none", &whole, "bare.git"]);
    git(folder.path(), &["clone", "--quiet", "--filter=blob:none", &whole, "checkout"]);
    git(folder.path(), &["clone", "--quiet", "--bare", "--no-local", &whole, "damaged.git"]);
    git(folder.path(), &["clone", "--quiet", "--bare", "--filter=blob:none", &whole, "damaged.git/partial"]);
    let damaged = folder.path().join("damaged.git");
    remove_folder(&damaged.join("objects"));
    std::fs::rename(damaged.join("partial/objects"), damaged.join("objects")).expect("objects can be moved");
    let path = |name: &str| folder.path().join(name).to_str().expect("is UTF-8").to_owned();
    let faults = [
        (path("bare.git"), "is a partial clone and lacks objects"),
        (path("checkout"), "is a partial clone and lacks objects"),
        (path("damaged.git"), "the repository to copy is damaged or lacks objects"),
        (format!("file://{}", path("damaged.git")), "answers, but cannot read its repository"),
    ];
    for (number, (source, fault)) in faults.iter().enumerate() {
        let error = import(pair, &project, source, &format!("copy-{number}")).expect_err("it is not whole");
        assert!(error.contains(fault), "{source}: {error}");
        assert!(!error.contains("cannot be reached"), "{source}: {error}");
    }
    // What the message advises helps.
    git(&folder.path().join("checkout"), &["fetch", "--quiet", "--refetch", "--no-filter"]);
    import(pair, &project, &path("checkout"), "completed").expect("is whole now");
}
