//! Objects that would harm a client that checks them out, and objects that are only old: what a push may bring.

use std::io::Write;
use std::process::Stdio;

use crate::harness::{
    Checkout, Pair, Server, ServerOptions, bare_repositories, clone_url, eventually, git, git_command,
    git_output, unhex,
};

/// Writes an object as it is, and tells its name.
fn write_object(checkout: &Checkout, kind: &str, content: &[u8]) -> String {
    let mut command = git_command("git".as_ref(), checkout.path());
    command.args(["hash-object", "-t", kind, "--literally", "-w", "--stdin"]);
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("git can be run");
    child.stdin.take().expect("it is a pipe").write_all(content).expect("git reads it");
    let output = child.wait_with_output().expect("git ends");
    assert!(output.status.success());
    String::from_utf8_lossy(&output.stdout).trim().to_owned()
}

/// A branch whose commit has a tree with one entry.
fn branch_with_entry(checkout: &Checkout, branch: &str, mode: &str, name: &str, object: &str) {
    let entry = [format!("{mode} {name}\0").into_bytes(), unhex(object)].concat();
    let tree = write_object(checkout, "tree", &entry);
    let commit = git(checkout.path(), &["commit-tree", "-m", name, "-p", "main", &tree]);
    git(checkout.path(), &["branch", "--force", branch, &commit]);
}

/// Branches with what must never pass, by their names.
fn harmful_branches(checkout: &Checkout) -> Vec<&'static str> {
    let blob = git(checkout.path(), &["rev-parse", "main:README.md"]);
    let tree = git(checkout.path(), &["rev-parse", "main^{tree}"]);
    let submodules =
        write_object(checkout, "blob", b"[submodule \"../../x\"]\n\tpath = x\n\turl = https://a.invalid/x\n");
    let option = write_object(checkout, "blob", b"[submodule \"x\"]\n\tpath = x\n\turl = --upload-pack=x\n");
    let names =
        ["dot-git", "git-file", "spelled", "dot-dot", "dot", "slash", "submodule-name", "submodule-url"];
    for (branch, mode, name, object) in [
        (names[0], "40000", ".git", &tree),
        (names[1], "100644", ".GIT", &blob),
        (names[2], "40000", "git~1", &tree),
        (names[3], "40000", "..", &tree),
        (names[4], "40000", ".", &tree),
        (names[5], "100644", "a/b", &blob),
        (names[6], "100644", ".gitmodules", &submodules),
        (names[7], "100644", ".gitmodules", &option),
    ] {
        branch_with_entry(checkout, branch, mode, name, object);
    }
    names.to_vec()
}

/// A branch with a mode and a date that only old tools have written.
fn old_branch(checkout: &Checkout) -> &'static str {
    let blob = git(checkout.path(), &["rev-parse", "main:README.md"]);
    branch_with_entry(checkout, "old", "0100644", "a", &blob);
    let tree = git(checkout.path(), &["rev-parse", "old^{tree}"]);
    let commit =
        format!("tree {tree}\nauthor A <a@b.invalid>1 +0000\ncommitter A <a@b.invalid> 1 +0000\n\nold\n");
    let commit = write_object(checkout, "commit", commit.as_bytes());
    git(checkout.path(), &["branch", "--force", "old", &commit]);
    "old"
}

fn upstream(fsck: &str) -> Server {
    let arguments = ["--fsck", fsck].map(str::to_owned).to_vec();
    Server::upstream(ServerOptions { arguments, ..ServerOptions::default() })
}

fn is_taken(checkout: &Checkout, url: &str, branch: &str) -> bool {
    git_output(checkout.path(), &["push", "--quiet", "--force", url, branch]).status.success()
}

#[tokio::test]
async fn what_harms_readers_never_passes_and_what_is_old_passes_unless_strict() {
    for (fsck, takes_old) in [("strict", false), ("lenient", true), ("off", true)] {
        let upstream = upstream(fsck);
        let (repository, checkout) = upstream.pushed_repository(true).await;
        let url = upstream.admin_url(&repository);
        // One of them shows that they are looked for; where least is refused, all are tried.
        let tried = if fsck == "off" { usize::MAX } else { 1 };
        for branch in harmful_branches(&checkout).into_iter().take(tried) {
            assert!(!is_taken(&checkout, url.as_str(), branch), "{branch} was taken by {fsck}");
        }
        let old = old_branch(&checkout);
        assert_eq!(is_taken(&checkout, url.as_str(), old), takes_old, "{fsck}");
        // The first push may bring a history that is older than the rule.
        let import = upstream.admin_url(&upstream.empty_repository(true).await);
        assert!(!is_taken(&checkout, import.as_str(), "dot-git"), "{fsck}");
        assert!(is_taken(&checkout, import.as_str(), old), "{fsck}");
    }
}

#[tokio::test]
async fn a_mirror_takes_nothing_harmful_that_an_upstream_has_all_the_same() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    harmful_branches(&checkout);
    // Put there past all checks, as a server without them would have it.
    let bare = bare_repositories(&pair.upstream.data()).pop().expect("the upstream has one");
    git(
        &bare,
        &["fetch", "--quiet", checkout.path().to_str().expect("is UTF-8"), "dot-git:refs/heads/dot-git"],
    );
    let tip = checkout.commit("a.txt", "tells the mirror\n");
    checkout.push(&pair.upstream_url(&repository), &["main"]);
    eventually("the mirror to say why", || async { pair.mirror.log().contains("hasDotgit").then_some(()) })
        .await;
    // What is passed on while the mirror is behind is the upstream's own answer. The copy here has taken nothing, and is all
    // that is shown without the upstream.
    let copy = bare_repositories(&pair.mirror.data()).pop().expect("the mirror has one");
    let taken = git(&copy, &["for-each-ref"]);
    assert!(!taken.contains("dot-git") && !taken.contains(&tip), "{taken}");
    pair.upstream.kill();
    let mirror = clone_url(pair.mirror.base_url(), &repository, None);
    let shown = git(checkout.path(), &["ls-remote", mirror.as_str()]);
    assert!(!shown.contains("dot-git") && !shown.contains(&tip), "{shown}");
}
