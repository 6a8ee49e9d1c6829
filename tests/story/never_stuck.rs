//! A mirror goes on following, whatever is in the way: what fails is tried in another way, not again and again.

use std::fmt::Write;
use std::fs;

use super::trash::trash_of;
use crate::harness::{Pair, ServerOptions, bare_repositories, eventually, git, git_output, shared_pair};

/// An event may name more.
const BRANCHES: usize = 140;

/// So that all names together are longer than what a mirror reads at once, each being there three times.
const PARTS_OF_NAME: usize = 12;

/// As long as a file's name may be, nearly.
const PART_BYTES: usize = 240;

#[tokio::test]
async fn a_push_of_many_very_long_names_is_followed_at_once() {
    let pair = shared_pair().await;
    let (repository, checkout) = pair.pushed_repository(false).await;
    pair.mirrored(&repository).await;
    let commit = git(checkout.path(), &["rev-parse", "HEAD"]);
    let folder = [&"n".repeat(PART_BYTES)[..]; PARTS_OF_NAME].join("/");
    let mut packed = "# pack-refs with: peeled fully-peeled sorted \n".to_owned();
    for number in 0..BRANCHES {
        writeln!(packed, "{commit} refs/heads/renovate/{folder}/{number:03}").expect("text can be added to");
    }
    fs::write(checkout.path().join(".git/packed-refs"), packed).expect("it can be written");
    checkout.push(&pair.upstream_url(&repository), &["refs/heads/renovate/*:refs/heads/renovate/*"]);
    let url = pair.mirror_url(&repository);
    eventually("the branches on the mirror", || async {
        let listed = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/renovate/*"]);
        (listed.lines().count() == BRANCHES).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_copy_that_cannot_be_brought_forward_is_served_until_a_fresh_one_takes_its_place() {
    // Everything has to be fetched.
    let arguments = ["--small-push", "0"].map(str::to_owned).to_vec();
    let upstream = ServerOptions { arguments, ..ServerOptions::default() };
    let pair = Pair::start_with(upstream, ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    pair.mirrored(&repository).await;
    let copies = bare_repositories(&pair.mirror.data());
    let [place] = &copies[..] else { panic!("one repository is mirrored: {copies:?}") };
    let before = git(checkout.path(), &["rev-parse", "HEAD"]);
    // Git can read it, and cannot fetch into it.
    git(place, &["config", "fetch.fsckObjects", "true"]);
    git(place, &["config", "fetch.fsck.skipList", "/a/file/that/is/not/there"]);
    let pushed = checkout.commit("more.txt", "more\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let url = pair.mirror_url(&repository);
    eventually("the push on the mirror", || async {
        // All the time it answers.
        let listed = git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        assert!([&before, &pushed].iter().any(|commit| listed.starts_with(*commit)), "{listed}");
        listed.starts_with(&pushed).then_some(())
    })
    .await;
    // It answers with the help of its upstream until it has the push itself.
    eventually("another copy in the place of the first", || async {
        (!trash_of(&pair.mirror).is_empty()).then_some(())
    })
    .await;
    pair.mirrored(&repository).await;
    git(checkout.path(), &["clone", "--quiet", url.as_str(), "copy"]);
    git(&checkout.path().join("copy"), &["fsck", "--full"]);
    let setting = git_output(place, &["config", "fetch.fsckObjects"]);
    assert!(setting.stdout.is_empty(), "it is another copy");
    let reasons: Vec<_> = trash_of(&pair.mirror).into_iter().map(|one| one["reason"].clone()).collect();
    assert_eq!(reasons, ["refetched"], "it was not damaged");
}
