//! A client that goes away takes its git process with it.

use std::fs;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use crate::harness::{Pair, Server, eventually, git};

/// Clients that leave in the middle of their clone.
const CLIENTS: usize = 20;

/// Processes that the server has started and that still run.
fn children_of(server: &Server) -> usize {
    let parent = server.process_id().expect("the server runs").to_string();
    let processes = fs::read_dir("/proc").expect("there is /proc").flatten();
    let parents = processes.filter_map(|process| fs::read_to_string(process.path().join("stat")).ok());
    // The name in the second field is in parentheses and may hold anything; the parent is the second one after it.
    parents
        .filter(|stat| {
            stat.rsplit(')').next().and_then(|rest| rest.split_whitespace().nth(1)) == Some(&parent)
        })
        .count()
}

#[tokio::test]
async fn clients_that_leave_in_the_middle_of_a_clone_leave_nothing_behind() {
    let pair = Pair::start().await;
    let (repository, checkout) = pair.pushed_repository(true).await;
    // Content that does not shrink, so that git is still writing when the client goes.
    let noise: Vec<u8> = (0..8_000_000_u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    fs::write(checkout.path().join("noise"), noise).expect("a file can be written");
    let commit = checkout.commit("a.txt", "noise\n");
    checkout.push(&pair.upstream_url(&repository), &["HEAD:refs/heads/main"]);
    let url = pair.mirror_url(&repository);
    eventually("the push on the mirror", || async {
        git(checkout.path(), &["ls-remote", url.as_str(), "refs/heads/main"])
            .starts_with(&commit)
            .then_some(())
    })
    .await;

    let want = format!("0032want {commit}\n0000" /* 4 + 5 + 40 + 1 bytes */);
    let body = format!("{want}0009done\n");
    let address = format!("127.0.0.1:{}", pair.mirror.base_url().port().expect("has a port"));
    let path = format!("{}/git-upload-pack", url.path());
    for _ in 0..CLIENTS {
        let mut stream = TcpStream::connect(&address).await.expect("the mirror listens");
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: {address}\r\nContent-Type: application/x-git-upload-pack-request\r\n\
             Content-Length: {}\r\n\r\n",
            body.len()
        );
        stream.write_all(format!("{head}{body}").as_bytes()).await.expect("the mirror reads");
        let mut piece = [0; 4096];
        let length = stream.read(&mut piece).await.expect("the mirror answers");
        assert!(
            piece[..length].starts_with(b"HTTP/1.1 200"),
            "{}",
            String::from_utf8_lossy(&piece[..length])
        );
    }
    eventually("the git processes to end", || async { (children_of(&pair.mirror) == 0).then_some(()) }).await;
    git(checkout.path(), &["ls-remote", url.as_str()]);
}
