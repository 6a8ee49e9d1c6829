//! A mirror whose references fill a large file writes what moves beside it, and shows what the upstream has all the same.

use std::path::Path;

use crate::harness::{Pair, bare_repositories, git, refs_hash};

/// So many branches with names of this length fill more than 64 KiB.
const BRANCHES: usize = 400;
const NAME_LENGTH: usize = 150;

fn packed_refs(copy: &Path) -> Vec<u8> {
    std::fs::read(copy.join("packed-refs")).expect("it has references")
}

#[tokio::test]
async fn few_moves_among_many_are_written_by_themselves_and_everything_is_shown_right() {
    let mut pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let upstream = pair.upstream_url(&repository);
    let branches: Vec<String> =
        (0..BRANCHES).map(|number| format!("HEAD:refs/heads/many/{number:0>NAME_LENGTH$}")).collect();
    checkout.push(&upstream, &branches.iter().map(String::as_str).collect::<Vec<_>>());
    pair.mirrored(&repository).await;
    pair.shows_the_same(&repository, &checkout).await;
    let [copy] = &bare_repositories(&pair.mirror.data())[..] else { panic!("one repository is mirrored") };
    let before = packed_refs(copy);

    checkout.commit("a.txt", "a\n");
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &["HEAD:refs/heads/new/topic"]);
    pair.shows_the_same(&repository, &checkout).await;
    git(checkout.path(), &["tag", "--annotate", "--message", "one", "v1"]);
    checkout.push(&upstream, &["v1"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &["HEAD:refs/heads/one", "HEAD:refs/heads/two", "v1:refs/tags/v2"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &[":refs/heads/one", "HEAD~1:refs/heads/two", ":refs/tags/v2"]);
    pair.shows_the_same(&repository, &checkout).await;
    // What it has shown may have been the upstream's.
    pair.mirrored(&repository).await;
    assert!(packed_refs(copy) == before, "the large file was written anew");
    pair.mirror.restart();
    pair.shows_the_same(&repository, &checkout).await;

    // What lies in files of its own moves again, alone and together with others, becomes a folder, and goes.
    checkout.commit("b.txt", "b\n");
    checkout.push(&upstream, &["HEAD:refs/heads/main"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &["HEAD~1:refs/heads/main", "HEAD:refs/heads/other", "HEAD:refs/heads/third"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &[":refs/heads/new/topic"]);
    checkout.push(&upstream, &["HEAD:refs/heads/new"]);
    pair.shows_the_same(&repository, &checkout).await;
    checkout.push(&upstream, &[":refs/tags/v1", ":refs/heads/other"]);
    checkout.push(&upstream, &["HEAD:refs/heads/last"]);
    pair.shows_the_same(&repository, &checkout).await;

    pair.mirrored(&repository).await;
    let path = format!("/rest/mirroring/latest/repos/{}", repository["id"]);
    let told = pair.admin().get(&path).await.expect(200).json();
    assert_eq!(told["properties"]["contentHash"], refs_hash(copy));
    git(copy, &["fsck", "--connectivity-only"]);
    pair.mirror.restart();
    pair.shows_the_same(&repository, &checkout).await;
}
