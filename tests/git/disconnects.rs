//! A thousand clients that leave, each at another moment, leave nothing behind: no process, no open file, no half
//! stored answer.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use url::Url;

use super::server_process::{children_of, open_files_of};
use crate::harness::{
    ADMIN_PASSWORD, BLOB, Checkout, HandMadePack, Pair, Server, ServerOptions, clone_url, commit_noise,
    eventually, git, git_output, packets, post_fetch,
};

/// How many leave.
const CLIENTS: usize = 1_000;
/// How many of them are there at the same time.
const TOGETHER: usize = 40;
/// Connections that the servers keep among themselves, which come and go.
const SPARE_FILES: usize = 40;

/// The moment at which a client leaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Leaves {
    /// In the middle of its request.
    WhileAsking,
    /// When it has asked and heard nothing.
    HavingAsked,
    /// When the answer has begun.
    WhileReading,
}

#[tokio::test]
async fn a_thousand_clients_that_leave_leave_nothing_behind() {
    let pair = Pair::start().await;
    let (repository, checkout) = noisy_repository(&pair).await;
    let (url, commit) = (clone_url(pair.mirror.base_url(), &repository, None), checkout.1);
    // What the first client makes the server open for good belongs to the baseline.
    leave(&url, &commit, 0, Leaves::WhileReading).await;
    nothing_runs(&pair).await;
    let open_before = open_files_of(&pair.mirror);

    let (turns, mut clients) = (Arc::new(Semaphore::new(TOGETHER)), JoinSet::new());
    for number in 0..CLIENTS {
        let (turns, url, commit) = (turns.clone(), url.clone(), commit.clone());
        clients.spawn(async move {
            let _turn = turns.acquire_owned().await.expect("it is never closed");
            let moment = [Leaves::WhileAsking, Leaves::HavingAsked, Leaves::WhileReading][number % 3];
            leave(&url, &commit, number, moment).await;
        });
    }
    while let Some(client) = clients.join_next().await {
        client.expect("a client leaves in order");
    }

    nothing_runs(&pair).await;
    eventually("connections and files to be closed", || async {
        (open_files_of(&pair.mirror) <= open_before + SPARE_FILES).then_some(())
    })
    .await;
    eventually("half stored answers to go", || async {
        half_stored(&pair.mirror.data()).is_empty().then_some(())
    })
    .await;
    // Those who stay are served.
    let copy = checkout.0.path().join("copy");
    git(checkout.0.path(), &["clone", "--quiet", "--bare", url.as_str(), "copy"]);
    assert_eq!(git(&copy, &["rev-parse", "main"]), commit);
    let log = pair.mirror.log();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test]
async fn a_client_that_leaves_in_the_middle_of_its_push_is_no_error_of_the_server() {
    let upstream = Server::upstream(ServerOptions::default());
    let repository = upstream.empty_repository(false).await;
    let url = upstream.admin_url(&repository);
    let zeros = "0".repeat(40);
    let change = format!("{zeros} {} refs/heads/main\0 report-status", "1".repeat(40));
    let commands = format!("{:04x}{change}0000", change.len() + 4).into_bytes();
    let short = [commands.as_slice(), b"PACK"].concat();
    let long = [commands.as_slice(), &begun_pack()].concat();
    let credentials = BASE64.encode(format!("admin:{ADMIN_PASSWORD}"));
    let head = format!(
        "POST {}/git-receive-pack HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {credentials}\r\n\
         Content-Type: application/x-git-receive-pack-request\r\n",
        url.path()
    );
    let port = url.port().expect("has a port");
    let chunked = |begun: &[u8]| {
        let size = format!("Transfer-Encoding: chunked\r\n\r\n{:x}\r\n", begun.len());
        [size.as_bytes(), begun, b"\r\n"].concat()
    };
    let with_length = |begun: &[u8]| {
        let length = format!("Content-Length: {}\r\n\r\n", begun.len() + 1_000_000);
        [length.as_bytes(), begun].concat()
    };
    // Of a short push git sees nothing before it is whole.
    for (rest, git_begins) in [
        (chunked(&short), false),
        (with_length(&short), false),
        (chunked(&long), true),
        (with_length(&long), true),
    ] {
        let mut stream = TcpStream::connect(("127.0.0.1", port)).await.expect("the server listens");
        stream.write_all(&[head.as_bytes(), &rest].concat()).await.expect("the server reads");
        if git_begins {
            eventually("git to take the push", || async { (children_of(&upstream) > 0).then_some(()) }).await;
        }
        drop(stream);
        eventually("git to end", || async { (children_of(&upstream) == 0).then_some(()) }).await;
    }
    let checkout = Checkout::new();
    checkout.push(&url, &["HEAD:refs/heads/main"]);
    let log = upstream.log();
    assert!(!log.contains("ERROR"), "{log}");
}

/// A public repository with content that does not shrink, on both sides; with its checkout and its newest commit.
async fn noisy_repository(pair: &Pair) -> (serde_json::Value, (Checkout, String)) {
    let (repository, checkout) = pair.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let url = clone_url(pair.mirror.base_url(), &repository, None);
    eventually("the push on the mirror", || async {
        // It may not have heard of the repository yet.
        let listed = git_output(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"]);
        String::from_utf8_lossy(&listed.stdout).starts_with(&commit).then_some(())
    })
    .await;
    pair.mirrored(&repository).await;
    (repository, (checkout, commit))
}

/// The beginning of a pack that is longer than what is received of a push before git begins: one file, not compressed.
fn begun_pack() -> Vec<u8> {
    const FILE_BYTES: usize = 1 << 24;
    const BEGUN_BYTES: usize = 10 << 20;
    let mut pack = HandMadePack::default();
    pack.add(BLOB, &vec![7; FILE_BYTES]);
    let mut bytes = pack.bytes();
    bytes.truncate(BEGUN_BYTES);
    bytes
}

async fn nothing_runs(pair: &Pair) {
    eventually("the git processes to end", || async { (children_of(&pair.mirror) == 0).then_some(()) }).await;
}

/// Asks for a clone, one of several that are not the same, and leaves.
async fn leave(repository: &Url, commit: &str, number: usize, moment: Leaves) {
    let depth = format!("deepen {}", 1 + number % 7);
    let capabilities = format!("want {commit} side-band-64k ofs-delta");
    let body = match number % 2 {
        0 => format!("{}0000{}", packets(&[capabilities]), packets(&["done"])),
        _ => format!("{}0000{}", packets(&[capabilities, depth]), packets(&["done"])),
    };
    let sent = if moment == Leaves::WhileAsking { body.len() / 2 } else { body.len() };
    let mut stream = post_fetch(repository, &body, sent).await;
    if moment == Leaves::WhileReading {
        let mut first = vec![0; 4096];
        let length = stream.read(&mut first).await.expect("the server answers");
        assert!(first.starts_with(b"HTTP/1.1 200"), "{}", String::from_utf8_lossy(&first[..length]));
    }
}

/// Files of the cache that are no stored answers: answers lie below `entries` once they are whole.
fn half_stored(data: &Path) -> Vec<PathBuf> {
    let (mut found, mut folders) = (Vec::new(), vec![data.join("cache")]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let path = entry.path();
            if !path.is_dir() {
                found.push(path);
            } else if entry.file_name() != "entries" {
                folders.push(path);
            }
        }
    }
    found
}
