//! Every kind of clone from a mirror is whole, and its refs are the upstream's.

use std::path::Path;

use crate::harness::{Checkout, Pair, git, shared_pair};
use serde_json::Value;

async fn repository_with_history(pair: &Pair) -> (Value, Checkout) {
    let project = pair.new_project(false).await;
    let repository = pair.new_repository(&project).await;
    let checkout = Checkout::new();
    for number in 0..20 {
        checkout.commit(&format!("src/file-{}.txt", number % 5), &format!("version {number}\n"));
    }
    git(checkout.path(), &["tag", "v1", "HEAD~5"]);
    git(checkout.path(), &["tag", "--annotate", "v2", "--message", "second", "HEAD~2"]);
    git(checkout.path(), &["branch", "side", "HEAD~10"]);
    checkout.push(&pair.upstream_url(&repository), &["refs/heads/*:refs/heads/*", "refs/tags/*:refs/tags/*"]);
    (repository, checkout)
}

fn refs_of(folder: &Path, url: &str) -> String {
    git(folder, &["ls-remote", url])
}

#[tokio::test]
async fn every_kind_of_clone_is_whole() {
    let pair = shared_pair().await;
    let (repository, checkout) = repository_with_history(pair).await;
    pair.mirrored(&repository).await;
    let mirror = pair.mirror_url(&repository);
    let upstream = pair.upstream_url(&repository);
    assert_eq!(refs_of(checkout.path(), mirror.as_str()), refs_of(checkout.path(), upstream.as_str()));

    let kinds: [&[&str]; 9] = [
        &[],
        &["--depth=1"],
        &["--depth=3", "--no-single-branch"],
        &["--filter=blob:none"],
        &["--filter=tree:0", "--bare"],
        &["--single-branch", "--branch", "side"],
        &["--branch", "v2"],
        &["--mirror"],
        &["--shallow-since=2020-01-01"],
    ];
    for protocol in ["0", "1", "2"] {
        for kind in kinds {
            let folder = tempfile::tempdir().expect("a folder can be made");
            let version = format!("protocol.version={protocol}");
            let mut arguments = vec!["-c", &version, "clone", "--quiet"];
            arguments.extend(kind);
            arguments.extend([mirror.as_str(), "copy"]);
            git(folder.path(), &arguments);
            git(&folder.path().join("copy"), &["fsck", "--connectivity-only"]);
        }
    }
}

#[tokio::test]
async fn a_shallow_clone_can_be_deepened_and_a_commit_fetched_by_its_id() {
    let pair = shared_pair().await;
    let (repository, checkout) = repository_with_history(pair).await;
    pair.mirrored(&repository).await;
    let mirror = pair.mirror_url(&repository);
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", "--depth=1", mirror.as_str(), "copy"]);
    let copy = folder.path().join("copy");
    git(&copy, &["fetch", "--quiet", "--deepen=4"]);
    assert_eq!(git(&copy, &["rev-list", "--count", "HEAD"]), "5");
    git(&copy, &["fetch", "--quiet", "--unshallow"]);
    assert_eq!(git(&copy, &["rev-list", "--count", "HEAD"]), "21");

    let commit = git(checkout.path(), &["rev-parse", "HEAD~7"]);
    let bare = tempfile::tempdir().expect("a folder can be made");
    git(bare.path(), &["init", "--quiet", "--bare"]);
    git(bare.path(), &["fetch", "--quiet", "--depth=1", mirror.as_str(), &commit]);
    git(bare.path(), &["cat-file", "-e", &commit]);
}

#[tokio::test]
async fn an_empty_repository_can_be_cloned_and_a_packed_request_is_understood() {
    let pair = shared_pair().await;
    let project = pair.new_project(false).await;
    let repository = pair.new_repository(&project).await;
    pair.mirrored(&repository).await;
    let folder = tempfile::tempdir().expect("a folder can be made");
    git(folder.path(), &["clone", "--quiet", pair.mirror_url(&repository).as_str(), "copy"]);

    // Git packs request bodies of more than a kilobyte: many refs make one.
    let checkout = Checkout::new();
    for number in 0..60 {
        checkout.commit("file.txt", &format!("{number}\n"));
        git(checkout.path(), &["branch", &format!("branch-{number}")]);
    }
    checkout.push(&pair.upstream_url(&repository), &["refs/heads/*:refs/heads/*"]);
    let wanted = git(checkout.path(), &["rev-parse", "HEAD"]);
    crate::harness::eventually("the push on the mirror", || async {
        let refs =
            git(checkout.path(), &["ls-remote", pair.mirror_url(&repository).as_str(), "refs/heads/main"]);
        refs.starts_with(&wanted).then_some(())
    })
    .await;
    git(folder.path(), &["clone", "--quiet", "--mirror", pair.mirror_url(&repository).as_str(), "all"]);
    assert_eq!(git(&folder.path().join("all"), &["for-each-ref"]).lines().count(), 61);
}
