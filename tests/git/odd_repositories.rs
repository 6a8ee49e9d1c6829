//! Repositories that are not like others: empty, unborn, detached, with links among references, of SHA-256, with
//! submodules; and a client that clones in order to push.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::process::Command;

use serde_json::Value;

use super::client_story::{Client, Steps};
use super::scene::{Place, filled, push, serves, short_history};
use crate::harness::{
    ADMIN_PASSWORD, Checkout, GitRequest, Pair, Source, binary, clone_url, command_v2, eventually, git,
    git_programs, project_path, remove_folder, shared_pair, unique,
};

const READ: [Steps; 5] = [
    &["clone --quiet $URL copy"],
    &["clone --quiet --depth=1 $URL copy"],
    &["clone --quiet --mirror $URL copy"],
    &["clone --quiet --filter=blob:none $URL copy"],
    &["init --quiet --bare copy", "ls-remote --symref $URL"],
];

/// Every git reads the place as git itself serves it, and the first one in the older protocol versions, too.
fn read_by_all(place: &Place, stories: &[Steps]) {
    let names = BTreeMap::new();
    let older = [0, 1].map(|protocol| (&git_programs()[0], protocol));
    for (program, protocol) in git_programs().iter().map(|program| (program, 2)).chain(older) {
        let client = Client { program, protocol, names: &names };
        for steps in stories {
            client.gets_the_same(place, steps);
        }
    }
}

/// A clone of the first git; at an upstream, for it answers by the same means as a mirror.
fn read_once(place: &Place) {
    let client = Client { program: &git_programs()[0], protocol: 2, names: &BTreeMap::new() };
    client.gets_the_same(place, READ[0]);
}

/// At the upstream once, at the mirror by every program.
async fn both_are_read(pair: &Pair, repository: &Value, references: &str, stories: &[Steps<'_>]) {
    pair.mirrored(repository).await;
    let upstream = Place::of(&pair.upstream, repository, references).await;
    let mirror = Place::of(&pair.mirror, repository, references).await;
    read_once(&upstream);
    read_by_all(&mirror, stories);
    lists_are_the_same(&upstream).await;
    lists_are_the_same(&mirror).await;
}

/// Sent by hand, the advertisements and the list of references are the same to the byte.
async fn lists_are_the_same(place: &Place) {
    let format = git(&place.folder, &["rev-parse", "--show-object-format"]);
    let list = command_v2("ls-refs", &["peel", "symrefs", "unborn"]).replace("=sha1", &format!("={format}"));
    // The names of both hashes differ in length.
    let list = list.replace("0017object-format=sha256", "0019object-format=sha256");
    let mut requests = vec![GitRequest::exchange("version=2", list)];
    requests.extend(["", "version=1"].map(GitRequest::advertisement));
    for request in requests {
        let (ours, theirs) = (request.send(&place.url).await, request.send(&place.judge).await);
        assert_eq!(ours.taken_apart(), theirs.taken_apart(), "{:?}", request.protocol);
        assert_eq!(ours.status, 200);
    }
}

#[tokio::test]
async fn an_empty_repository_and_one_whose_head_is_unborn() {
    let pair = Pair::start().await;
    let repository = pair.upstream.empty_repository(true).await;
    pair.mirrored(&repository).await;
    both_are_read(&pair, &repository, "", &READ).await;
    let source = short_history(&["refs/heads/elsewhere", "refs/heads/other"]).import();
    push(&pair, &repository, &source).await;
    both_are_read(&pair, &repository, &source.references(), &READ).await;
}

/// Replaces a repository on a stopped server's disk by what `make` puts there.
fn replace(folder: &Path, make: impl FnOnce(&Path)) {
    remove_folder(folder);
    make(folder);
}

fn mirrored(source: &Source, folder: &Path) {
    let (from, to) = (source.path().to_str().expect("is text"), folder.to_str().expect("is text"));
    git(source.path(), &["clone", "--quiet", "--mirror", from, to]);
    git(folder, &["config", "--remove-section", "remote.origin"]);
}

/// What no push can make is put on an upstream's disk, as by an operator who restores a backup.
#[tokio::test]
async fn a_detached_head_links_among_references_and_sha_256() {
    let mut pair = Pair::start().await;
    let (detached, detached_source, detached_folder) = filled(&pair).await;
    let (linked, linked_source, linked_folder) = filled(&pair).await;
    let (long, _, long_folder) = filled(&pair).await;
    pair.upstream.kill_with_children();
    let commit = detached_source.id("other");
    git(&detached_folder, &["update-ref", "--no-deref", "HEAD", &commit]);
    git(&linked_folder, &["symbolic-ref", "refs/heads/link", "refs/heads/other"]);
    git(linked_source.path(), &["update-ref", "refs/heads/link", "refs/heads/other"]);
    let long_source = short_history(&["refs/heads/main", "refs/heads/other"]).import_with_format("sha256");
    replace(&long_folder, |folder| mirrored(&long_source, folder));
    pair.upstream.restart();

    for (repository, source) in
        [(&detached, &detached_source), (&linked, &linked_source), (&long, &long_source)]
    {
        for server in [&pair.upstream, &pair.mirror] {
            serves(server, repository, source).await;
        }
        both_are_read(&pair, repository, &source.references(), &READ[..3]).await;
    }
    let url = clone_url(pair.mirror.base_url(), &long, None);
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    assert_eq!(git(&folder.path().join("copy"), &["rev-parse", "--show-object-format"]), "sha256");
}

#[tokio::test]
async fn a_repository_of_sha_256_is_imported_in_its_own_format() {
    let pair = shared_pair().await;
    let project = pair.new_project(true).await;
    let source = short_history(&["refs/heads/main", "refs/heads/other"]).import_with_format("sha256");
    let import = |further: &[&str]| {
        let key = project["key"].as_str().expect("has a key");
        let command = ["repository", "import", "--project", key, "--name", "long", "--public"];
        let mut import = Command::new(binary());
        import.args(command).args(further).arg(source.path());
        import.args(["--url", pair.upstream.base_url().as_str()]).env("HELIOSTAT_PASSWORD", ADMIN_PASSWORD);
        import.output().expect("the binary can be started")
    };
    let refused = import(&["--object-format", "sha1"]);
    let complaint = String::from_utf8_lossy(&refused.stderr);
    assert!(!refused.status.success() && complaint.contains("sha256"), "{complaint}");
    let imported = import(&[]);
    assert!(imported.status.success(), "{}", String::from_utf8_lossy(&imported.stderr));
    let repository = pair.admin().get(&format!("{}/repos/long", project_path(&project))).await;
    let repository = repository.expect(200).json();
    pair.mirrored(&repository).await;
    for server in [&pair.upstream, &pair.mirror] {
        let url = clone_url(server.base_url(), &repository, None);
        let listed = git(source.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        assert!(listed.starts_with(&source.id("main")), "{listed}");
    }
}

#[tokio::test]
async fn submodules_are_cloned_through_the_mirror() {
    let pair = shared_pair().await;
    let project = pair.new_project(true).await;
    let (inner, outer) = (pair.new_repository(&project).await, pair.new_repository(&project).await);
    let part = Checkout::new();
    let commit = part.commit("part.txt", "a part\n");
    part.push(&pair.upstream_url(&inner), &["HEAD:refs/heads/main"]);
    let whole = Checkout::new();
    let slug = inner["slug"].as_str().expect("has one");
    let modules = format!("[submodule \"part\"]\n\tpath = part\n\turl = ../{slug}.git\n");
    fs::write(whole.path().join(".gitmodules"), modules).expect("can be written");
    git(whole.path(), &["update-index", "--add", "--cacheinfo", &format!("160000,{commit},part")]);
    git(whole.path(), &["add", ".gitmodules"]);
    git(whole.path(), &["commit", "--quiet", "--message", "has a part"]);
    whole.push(&pair.upstream_url(&outer), &["HEAD:refs/heads/main"]);
    for repository in [&inner, &outer] {
        pair.mirrored(repository).await;
    }
    let url = clone_url(pair.mirror.base_url(), &outer, None);
    for program in git_programs() {
        for (protocol, further) in [(0, None), (2, None), (2, Some("--shallow-submodules"))] {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let mut arguments = vec!["clone", "--quiet", "--recurse-submodules"];
            arguments.extend(further);
            arguments.extend([url.as_str(), "copy"]);
            let output = program.run(protocol, folder.path(), &arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            let part = folder.path().join("copy/part");
            assert_eq!(git(&part, &["rev-parse", "HEAD"]), commit);
            assert!(git(&part, &["remote", "get-url", "origin"]).starts_with(pair.mirror.base()));
        }
    }
}

#[tokio::test]
async fn who_clones_from_an_upstream_pushes_there_and_the_next_clone_has_it() {
    let pair = shared_pair().await;
    let (repository, source, _) = filled(pair).await;
    let upstream = pair.upstream_url(&repository);
    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    for (number, program) in (0..).zip(git_programs()) {
        let folder = tempfile::tempdir().expect("a folder can be made");
        let run = |place: &Path, arguments: &[&str]| {
            let output = program.run(2, place, arguments);
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        };
        // From the upstream, whole and shallow; and from the mirror, to push upstream.
        for (kind, url) in [("", &upstream), ("--depth=1", &upstream), ("", &mirror)] {
            let copy = folder.path().join("copy");
            let mut arguments = vec!["clone", "--quiet"];
            arguments.extend(Some(kind).filter(|kind| !kind.is_empty()));
            arguments.extend([url.as_str(), "copy"]);
            run(folder.path(), &arguments);
            fs::write(copy.join(format!("pushed-{number}.txt")), unique()).expect("can be written");
            run(&copy, &["add", "--all"]);
            run(&copy, &["commit", "--quiet", "--message", "pushed"]);
            run(&copy, &["push", "--quiet", upstream.as_str(), "HEAD:refs/heads/main"]);
            let pushed = git(&copy, &["rev-parse", "HEAD"]);
            for url in [&upstream, &mirror] {
                eventually("the push to be served", || async {
                    let listed = git(source.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
                    listed.starts_with(&pushed).then_some(())
                })
                .await;
                run(folder.path(), &["clone", "--quiet", "--depth=1", url.as_str(), "again"]);
                assert_eq!(git(&folder.path().join("again"), &["rev-parse", "HEAD"]), pushed);
                fs::remove_dir_all(folder.path().join("again")).expect("it can be removed");
            }
            fs::remove_dir_all(&copy).expect("it can be removed");
        }
    }
}
