//! A disk that fills up: stored answers give way first, then pushes are refused with the reason, and the database goes on.

use std::path::Path;

use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};

use crate::harness::{Checkout, Server, ServerOptions, SmallDisk, eventually, git, git_output};

const DISK_MIB: u32 = 40;
/// Something else on the disk, which makes the test short.
const OTHER_BYTES: usize = 20 << 20;
const PUSH_BYTES: usize = 1_000_000;

/// What no compressor makes shorter.
fn noise(checkout: &Checkout, chance: &mut StdRng) {
    let noise: Vec<u8> = (0..PUSH_BYTES).map(|_| chance.random()).collect();
    std::fs::write(checkout.path().join("noise"), noise).expect("a file can be written");
    git(checkout.path(), &["add", "."]);
    git(checkout.path(), &["commit", "--quiet", "--message", "noise"]);
}

fn size_of(folder: &Path) -> u64 {
    let entries = std::fs::read_dir(folder).into_iter().flatten().flatten();
    entries
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => size_of(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[tokio::test]
async fn stored_answers_give_way_and_then_pushes_are_refused_with_the_reason() {
    let Some(disk) = SmallDisk::new(DISK_MIB) else { return };
    let other = disk.path().join("other");
    std::fs::write(&other, vec![7; OTHER_BYTES]).expect("there is room");
    let options = ServerOptions { disk: Some(disk.path().to_owned()), ..Default::default() };
    let upstream = Server::upstream(options);
    let (repository, checkout) = upstream.pushed_repository(false).await;
    let url = upstream.admin_url(&repository);
    let mut chance = StdRng::seed_from_u64(1);
    let refused = loop {
        noise(&checkout, &mut chance);
        let pushed = git_output(checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/main"]);
        if !pushed.status.success() {
            break String::from_utf8_lossy(&pushed.stderr).into_owned();
        }
        // A build server clones each push; the answers are stored.
        let clone = tempfile::tempdir().expect("a folder can be made");
        git(clone.path(), &["clone", "--quiet", "--bare", url.as_str(), "."]);
    };
    assert!(refused.contains("disk") && refused.contains("full"), "{refused}");
    let data = upstream.data();
    let (repositories, answers) = (size_of(&data.join("repositories")), size_of(&data.join("cache")));
    assert!(answers < PUSH_BYTES as u64, "{answers} bytes are stored answers, {repositories} repositories");

    // The database goes on, and so do readers.
    upstream.new_project(false).await;
    git(checkout.path(), &["ls-remote", url.as_str()]);
    let status = eventually("the status to tell", || async {
        let status = upstream.anonymous().get("/status").await.expect(200).json();
        (status["state"] != "RUNNING").then_some(status)
    });
    let status = status.await;
    assert!(status["reason"].as_str().is_some_and(|reason| reason.contains("full")), "{status}");

    std::fs::remove_file(&other).expect("it is there");
    git(checkout.path(), &["push", url.as_str(), "HEAD:refs/heads/main"]);
    eventually("the status to tell that there is room", || async {
        let status = upstream.anonymous().get("/status").await.expect(200).json();
        (status["state"] == "RUNNING").then_some(())
    })
    .await;
}
