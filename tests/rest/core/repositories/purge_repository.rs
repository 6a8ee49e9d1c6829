//! POST /projects/{projectKey}/repos/{repositorySlug}/purge: what no ref leads to is gone, here and on the mirrors.

use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::harness::{
    Attempt, Checkout, Identity, Pair, Server, ServerOptions, bare_repositories, eventually, git, git_output,
    http, noise, repository_path, shared_joined_by_hand,
};

/// More objects than a repository that is worth a bundle has.
const FILES: usize = 1_100;

/// A part of a secret that is looked for on the disk; others of it may stand on both sides of a packet's head.
const PART_BYTES: usize = 256;

/// Whether a repository of a server has an object.
fn has(server: &Server, object: &str) -> bool {
    let has = |folder: &Path| git_output(folder, &["cat-file", "-e", object]).status.success();
    bare_repositories(&server.data()).iter().any(|folder| has(folder))
}

/// Whether bytes hold a part of this secret as it is: nothing makes it shorter.
fn shows(bytes: &[u8], secret: &[u8]) -> bool {
    bytes.windows(PART_BYTES).any(|window| secret.chunks_exact(PART_BYTES).any(|part| part == window))
}

/// Whether a file below this folder does.
fn is_below(folder: &Path, secret: &[u8]) -> bool {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).any(|path| {
        if path.is_dir() {
            return is_below(&path, secret);
        }
        fs::read(&path).is_ok_and(|bytes| shows(&bytes, secret))
    })
}

/// Waits until the upstream and as many mirrors have carried out the latest order.
async fn done_by(pair: &Pair, path: &str, mirrors: usize) -> Value {
    eventually("the order to be carried out", || async {
        let progress = pair.admin().get(path).await.promised(200);
        let listed = progress["mirrors"].as_array().expect("a list");
        let are_done = listed.iter().all(|mirror| mirror["state"] == "DONE" && mirror["doneAt"].is_i64());
        (progress["state"] == "DONE" && listed.len() == mirrors && are_done).then_some(progress)
    })
    .await
}

#[tokio::test]
async fn behaviour_a_secret_is_gone_everywhere_and_a_mirror_that_is_away_does_it_later() {
    let mut pair = Pair::start_with(ServerOptions::default(), ServerOptions::default()).await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    let (url, path) = (pair.upstream_url(&repository), format!("{}/purge", repository_path(&repository)));
    let tip = git(checkout.path(), &["rev-parse", "main"]);
    let mut secrets = Vec::new();
    for number in [1, 2] {
        let secret = checkout.commit("secret.txt", &format!("a password, number {number}\n"));
        let file = git(checkout.path(), &["rev-parse", "HEAD:secret.txt"]);
        checkout.push(&url, &["main"]);
        pair.mirrored(&repository).await;
        assert!(has(&pair.upstream, &file) && has(&pair.mirror, &file));
        // Moved away, it stays for builds that have begun with it.
        git(checkout.path(), &["reset", "--quiet", "--hard", &tip]);
        checkout.push(&url, &["main"]);
        pair.mirrored(&repository).await;
        assert!(has(&pair.upstream, &secret) && has(&pair.mirror, &secret));
        secrets.push(file);
        let is_away = number == 2;
        if is_away {
            pair.mirror.kill();
        }
        let ordered = pair.admin().post_nothing(&path).await.promised(202);
        assert_eq!(ordered["number"], number);
        if is_away {
            eventually("the upstream to do it alone", || async {
                (pair.admin().get(&path).await.json()["state"] == "DONE").then_some(())
            })
            .await;
            let progress = pair.admin().get(&path).await.promised(200);
            assert_eq!(progress["mirrors"][0]["state"], "PENDING", "{progress}");
            assert!(has(&pair.mirror, &secrets[1]));
            pair.mirror.restart();
        }
        let progress = done_by(&pair, &path, 1).await;
        assert!(progress["orderedAt"].as_i64() <= progress["doneAt"].as_i64());
        let at_the_mirror = &progress["mirrors"][0];
        assert!(
            at_the_mirror["reportedDate"].is_i64() && at_the_mirror["lastSeenDate"].is_i64(),
            "{progress}"
        );
        for file in &secrets {
            assert!(!has(&pair.upstream, file) && !has(&pair.mirror, file), "{file} is gone");
        }
    }
    for server in [&pair.upstream, &pair.mirror] {
        assert!(has(server, &tip));
        for folder in bare_repositories(&server.data()) {
            // The server may just be at work in it.
            eventually("the repository to be sound", || async {
                git_output(&folder, &["fsck", "--full"]).status.success().then_some(())
            })
            .await;
        }
    }
    let damaged = pair.mirror.metric("heliostat_mirror_repositories_damaged_total").await;
    assert_eq!(damaged, Some(0.0), "it is sound because it was made anew");
}

#[tokio::test]
async fn behaviour_stored_answers_and_a_bundle_that_held_a_secret_are_off_the_disk_when_it_is_done() {
    let pair = Pair::start().await;
    let repository = pair.upstream.empty_repository(true).await;
    let (url, path) = (pair.upstream_url(&repository), format!("{}/purge", repository_path(&repository)));
    let checkout = Checkout::new();
    for number in 0..FILES {
        let file = checkout.path().join(format!("file-{number}.txt"));
        fs::write(file, format!("content {number}\n")).expect("a file can be written");
    }
    let kept = checkout.commit("last.txt", "the last one\n");
    let secret: Vec<u8> = noise().take(512).flat_map(u64::to_le_bytes).collect();
    fs::write(checkout.path().join("secret"), &secret).expect("a file can be written");
    checkout.commit("beside.txt", "beside it\n");
    checkout.push(&url, &["main"]);
    pair.mirrored(&repository).await;

    let mut bundles = Vec::new();
    for server in [&pair.upstream, &pair.mirror] {
        let url = server.admin_url(&repository);
        let name = eventually("a bundle", || async {
            let list = server.admin().get(&format!("{}/bundles/list", url.path())).await.expect(200).text;
            list.lines().find_map(|line| Some(line.trim().strip_prefix("uri = ")?.to_owned()))
        });
        let bundle = format!("{url}/bundles/{}", name.await);
        let answer = http().get(&bundle).send().await.expect("the server answers");
        assert!(shows(&answer.bytes().await.expect("it is whole"), &secret), "the bundle holds it");
        bundles.push(bundle);
        let folder = tempfile::tempdir().expect("a folder can be made");
        git(folder.path(), &["clone", "--quiet", "--depth=1", url.as_str(), "copy"]);
        eventually("the answer on the disk", || async {
            is_below(&server.data().join("cache/entries"), &secret).then_some(())
        })
        .await;
        assert!(is_below(&server.data().join("repositories"), &secret));
    }

    git(checkout.path(), &["reset", "--quiet", "--hard", &kept]);
    checkout.push(&url, &["main"]);
    pair.mirrored(&repository).await;
    pair.admin().post_nothing(&path).await.promised(202);
    done_by(&pair, &path, 1).await;
    for server in [&pair.upstream, &pair.mirror] {
        for folder in ["cache", "repositories"] {
            assert!(!is_below(&server.data().join(folder), &secret), "{folder} of {}", server.base());
        }
    }
    for bundle in bundles {
        let answer = http().get(&bundle).send().await.expect("the server answers");
        assert_eq!(answer.status().as_u16(), 404, "{bundle}");
    }
}

#[tokio::test]
async fn authorisation_administrators_of_the_repository() {
    let joined = shared_joined_by_hand().await;
    let upstream = &joined.upstream;
    let repository = upstream.empty_repository(false).await;
    let call = Attempt::post_nothing(upstream, format!("{}/purge", repository_path(&repository)));
    call.by(&Identity::Anonymous, 401).await;
    call.by(&Identity::impostor(), 401).await;
    call.by(&upstream.new_user().await, 404).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_READ").await, 403).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_WRITE").await, 403).await;
    call.by(&joined.identity(), 401).await;
    call.by(&upstream.user_on_repository(&repository, "REPO_ADMIN").await, 202).await;
    call.by(&Identity::admin(), 202).await;
}
