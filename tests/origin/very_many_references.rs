//! A repository with more references than fit into a request of ordinary length: a clone wants each of them.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::path::Path;
use std::process::Stdio;

use crate::harness::{GitOrigin, Readers, Received, Server, ServerOptions, git, git_command};

/// The wants of so many take 17 MB.
const BRANCHES: usize = 340_000;

/// Branches of which each names a commit of its own.
fn fill(folder: &Path) {
    let committer = "committer Ada <ada@example.com> 1767225600 +0000";
    let mut stream = format!("commit refs/heads/main\nmark :1\n{committer}\ndata 4\nroot\n");
    for mark in 2..BRANCHES + 2 {
        write!(stream, "commit refs/heads/last\nmark :{mark}\n{committer}\ndata 8\n{mark:08}\nfrom :1\n\n")
            .expect("text can be added to");
    }
    let mut command = git_command("git".as_ref(), folder);
    let mut import = command
        .args(["fast-import", "--quiet", "--export-marks=marks"])
        .stdin(Stdio::piped())
        .spawn()
        .expect("git can be run");
    let mut input = import.stdin.take().expect("a pipe");
    input.write_all(stream.as_bytes()).expect("it reads");
    drop(input);
    assert!(import.wait().expect("it ends").success());

    let marks = fs::read_to_string(folder.join("marks")).expect("it was written");
    let mut ids: Vec<_> = marks.lines().filter_map(|line| line.split_once(' ')).map(|(_, id)| id).collect();
    let root = git(folder, &["rev-parse", "main"]);
    ids.retain(|id| *id != root);
    assert_eq!(ids.len(), BRANCHES);
    let mut packed = format!("# pack-refs with: peeled fully-peeled sorted \n{root} refs/heads/main\n");
    for (number, id) in ids.iter().enumerate() {
        writeln!(packed, "{id} refs/heads/many/{number:06}").expect("text can be added to");
    }
    fs::remove_dir_all(folder.join("refs")).expect("they can be removed");
    fs::create_dir_all(folder.join("refs/heads")).expect("a folder can be made");
    fs::write(folder.join("packed-refs"), packed).expect("it can be written");
}

#[test]
fn a_clone_that_wants_more_than_fits_into_an_ordinary_request() {
    let origin = GitOrigin::start();
    let there = origin.add_repository("/tool.git", Readers::Everybody);
    fill(&there);
    let mirror = Server::mirror_of_origin(origin.url(), ServerOptions::default());
    let url = mirror.base_url().join("/tool.git").expect("a path");
    let references = ["for-each-ref", "--format=%(objectname) %(refname)"];
    let expected = git(&there, &references);
    let folder = tempfile::tempdir().expect("a folder can be made");
    for name in ["first", "second"] {
        git(folder.path(), &["clone", "--quiet", "--bare", url.as_str(), name]);
        let cloned = git(&folder.path().join(name), &references);
        assert!(cloned == expected, "the clone has other references than the origin");
    }
    let fetches = origin.received().iter().filter(|request| Received::is_fetch(request)).count();
    assert_eq!(fetches, 1, "what is here was asked for again");
}
