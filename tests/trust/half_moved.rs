//! A server ends between two of the renames by which references move together.

use std::fs;

use crate::harness::{Pair, bare_repositories, git};

#[tokio::test]
async fn a_mirror_takes_back_what_has_moved_half_and_serves_it_without_its_upstream() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let main = git(checkout.path(), &["rev-parse", "HEAD"]);
    let topic = checkout.commit("topic.txt", "a topic\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/topic"]);
    pair.mirrored(&repository).await;
    pair.upstream.kill();
    pair.mirror.kill();

    let place = bare_repositories(&pair.mirror.data()).pop().expect("a repository");
    // As it is before the second of two renames: both have lain in the file for all references.
    let note: String =
        ["main", "gone/x"].map(|name| format!("- {} refs/heads/{name}\n", topic.trim())).concat();
    fs::write(place.join("heliostat-moving-refs"), format!("{note}end\n")).expect("written");
    fs::create_dir_all(place.join("refs/heads")).expect("made");
    fs::write(place.join("refs/heads/main"), &topic).expect("written");
    pair.mirror.restart();

    let listed = git(checkout.path(), &["ls-remote", "--heads", pair.mirror_url(&repository).as_str()]);
    let expected = format!("{}\trefs/heads/main\n{}\trefs/heads/topic\n", main.trim(), topic.trim());
    assert_eq!(listed, expected);
}
