//! A repository with very many references: the origin lists those that a command wants to see, and not all of them each time.

use crate::harness::{Checkout, GitOrigin, Readers, Received, Server, ServerOptions, git};

/// Whether a request asks for references, for all of them or for those that begin so.
fn lists(request: &Received, prefix: Option<&str>) -> bool {
    let asked = String::from_utf8_lossy(&request.bytes);
    let is_there = prefix.map_or(!asked.contains("ref-prefix"), |prefix| asked.contains(prefix));
    asked.contains("command=ls-refs") && is_there
}

#[test]
fn branches_are_asked_for_alone_and_are_as_the_origin_has_them() {
    const BRANCH: &str = "refs/heads/main";
    let origin = GitOrigin::start();
    let folder = origin.add_repository("/tool.git", Readers::Everybody);
    let checkout = Checkout::with_commits(&["one", "two"]);
    let place = folder.display().to_string();
    git(checkout.path(), &["push", "--quiet", &place, "main", "main:refs/heads/other"]);
    let tip = git(checkout.path(), &["rev-parse", "main"]);
    let pulls = (0..6_000).map(|number| format!("{tip} refs/pull/{number}/head\n"));
    let packed = format!("# pack-refs with: peeled fully-peeled sorted \n{}", sorted(pulls).concat());
    std::fs::write(folder.join("packed-refs"), packed).expect("a file can be written");

    let mirror = Server::mirror_of_origin(origin.url(), ServerOptions::default());
    let url = mirror.base_url().join("/tool.git").expect("a path");
    let listed = || git(checkout.path(), &["ls-remote", "--heads", url.as_str(), BRANCH]);
    let wholes = || origin.received().iter().filter(|request| lists(request, None)).count();
    assert_eq!(git(checkout.path(), &["ls-remote", url.as_str()]).lines().count(), 6_003);
    let asked = wholes();
    for _ in 0..3 {
        assert_eq!(listed(), format!("{tip}\t{BRANCH}"));
    }
    assert_eq!(wholes(), asked, "all references were listed for the sake of a few");
    assert!(origin.received().iter().any(|request| lists(request, Some("ref-prefix refs/heads/"))));

    let new = checkout.commit("three", "three");
    git(checkout.path(), &["push", "--quiet", &place, "main"]);
    assert_eq!(listed(), format!("{new}\t{BRANCH}"), "what was pushed is seen by the next command");
    let clone = Checkout::new();
    git(clone.path(), &["fetch", "--quiet", "--depth=1", url.as_str(), BRANCH]);
    assert_eq!(git(clone.path(), &["rev-parse", "FETCH_HEAD"]), new);
}

/// In the order of their names, as a file of references has them.
fn sorted(lines: impl Iterator<Item = String>) -> Vec<String> {
    let mut lines: Vec<_> = lines.collect();
    lines.sort_by(|one, other| one.split(' ').nth(1).cmp(&other.split(' ').nth(1)));
    lines
}
