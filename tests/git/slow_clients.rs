//! Clients that say nothing, stop in the middle or do not read: the server ends them after a named time, holds little for
//! them meanwhile, and serves others.

use std::future::pending;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

use super::malformed_requests::gzip;
use super::server_process::{
    answers_written_by, children_of, forget_peak_of, nameless_bytes_of, open_files_of, peak_memory_bytes_of,
};
use crate::harness::{
    DELIMITER, Server, ServerOptions, begin_clone, clone_url, commit_noise, eventually, git, noise, packet,
    packets,
};

/// How many half-sent requests there are at once.
const HALF_SENT: usize = 40;
/// What each of them unpacks to: less than what is understood in memory.
const UNPACKED_BYTES: usize = 15 * 1024 * 1024;
/// A body is written in pieces of this length; what does not fill one stays in memory.
const PIECE_BYTES: usize = 64 * 1024;
/// What all of them may take together; a fifth of what one each would take.
const MAX_MEMORY_BYTES: u64 = 120 * 1024 * 1024;
/// Connections that come and go meanwhile.
const SPARE_FILES: usize = 8;
/// What so many requests at once make the server open of its database, and keep: with PostgreSQL a pool of 16 connections.
const DATABASE_FILES: usize = 16;

fn server_with(arguments: &[&str]) -> Server {
    let arguments = arguments.iter().map(|argument| (*argument).to_owned()).collect();
    Server::upstream(ServerOptions { arguments, ..ServerOptions::default() })
}

async fn connect(server: &Server) -> TcpStream {
    let address = format!("127.0.0.1:{}", server.base_url().port().expect("has a port"));
    TcpStream::connect(address).await.expect("the server listens")
}

/// A connection from an address in another network than those of all other clients here.
async fn connect_from_elsewhere(server: &Server) -> TcpStream {
    let socket = TcpSocket::new_v4().expect("a socket can be made");
    socket.bind("127.0.9.1:0".parse().expect("is an address")).expect("loopback has many addresses");
    let port = server.base_url().port().expect("has a port");
    socket.connect(([127, 0, 0, 1], port).into()).await.expect("the server listens")
}

/// Sends the head of a request, and so much of its body.
async fn post(stream: &mut TcpStream, path: &str, headers: &str, body: &[u8], announced: usize) {
    let head =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {announced}\r\n{headers}\r\n");
    // At once: a busy machine may take longer from one to the other than the server waits.
    stream.write_all(&[head.as_bytes(), body].concat()).await.expect("the server reads");
}

async fn everything(mut stream: TcpStream) -> String {
    let mut answer = Vec::new();
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8_lossy(&answer).into_owned()
}

fn fetch_headers() -> &'static str {
    "Content-Type: application/x-git-upload-pack-request\r\nGit-Protocol: version=2\r\n"
}

#[tokio::test]
async fn a_request_that_stops_in_the_middle_is_told_so_and_ends() {
    let mut server = server_with(&[]);
    let (repository, _checkout) = server.pushed_repository(true).await;
    server.restart_with(&["--client-timeout", "1s"]);
    let git_path = format!("{}/git-upload-pack", clone_url(server.base_url(), &repository, None).path());
    let json = "Content-Type: application/json\r\n";
    for (path, headers) in
        [("/rest/api/latest/projects", json), (git_path.as_str(), fetch_headers()), ("/nowhere", json)]
    {
        let mut stream = connect(&server).await;
        post(&mut stream, path, headers, b"{\"key\": ", 1_000).await;
        let answer = everything(stream).await;
        assert!(answer.starts_with("HTTP/1.1 408 "), "{path}: {answer}");
        assert!(answer.contains("the client was too slow: 8 bytes have come"), "{path}: {answer}");
        assert_eq!(answer.contains("\"errors\""), path != git_path, "{path}: {answer}");
    }
}

#[tokio::test]
async fn a_request_that_trickles_in_ends_as_well() {
    let server = server_with(&["--client-timeout", "2s", "--client-min-speed", "1MiB"]);
    let mut stream = connect(&server).await;
    post(&mut stream, "/rest/api/latest/projects", "Content-Type: application/json\r\n", b"{", 1_000_000)
        .await;
    let (mut reader, mut writer) = stream.into_split();
    let trickle = async {
        // Never silent for long.
        while writer.write_all(b" ").await.is_ok() {
            tokio::time::sleep(std::time::Duration::from_millis(50)).await;
        }
    };
    let mut answer = vec![0; 12];
    // The server may have closed the connection before its answer is read.
    let read = async { reader.read_exact(&mut answer).await.expect("an answer comes") };
    tokio::select! {
        _ = read => {}
        () = async { trickle.await; pending().await } => {}
    }
    assert_eq!(answer, b"HTTP/1.1 408");
}

#[tokio::test]
async fn who_does_not_read_is_let_go() {
    let mut server = server_with(&["--cache-size", "0"]);
    let (repository, checkout) = server.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    checkout.push(&server.admin_url(&repository), &["main"]);
    server.restart_with(&["--client-timeout", "1s"]);
    eventually("nothing else to run", || async { (children_of(&server) == 0).then_some(()) }).await;
    let url = clone_url(server.base_url(), &repository, None);
    // A busy machine may come to it when the time of this client is over.
    let stalled = eventually("a client for whom git still writes", || async {
        let (stalled, _) = begin_clone(&url, &commit).await;
        (answers_written_by(&server) > 0).then_some(stalled)
    })
    .await;
    eventually("git to end though its reader is there", || async {
        (children_of(&server) == 0).then_some(())
    })
    .await;
    drop(stalled);
}

#[tokio::test]
async fn half_sent_requests_take_little_memory_and_no_client_waits_for_them() {
    // However long a busy machine takes, none of them is over.
    let server = server_with(&["--fetch-parallelism", "1", "--client-timeout", "1h"]);
    let (repository, checkout) = server.pushed_repository(true).await;
    let url = clone_url(server.base_url(), &repository, None);
    let body = gzip(&long_fetch(&git(checkout.path(), &["rev-parse", "main"])));
    let headers = format!("{}Content-Encoding: gzip\r\n", fetch_headers());
    let path = format!("{}/git-upload-pack", url.path());
    let before = open_files_of(&server);
    forget_peak_of(&server);
    let taken_before = peak_memory_bytes_of(&server);
    let mut half_sent = Vec::new();
    for _ in 0..HALF_SENT {
        let mut stream = connect(&server).await;
        post(&mut stream, &path, &headers, &body[..body.len() - 1], body.len()).await;
        half_sent.push(stream);
    }
    // A piece that is just full waits for what follows.
    let sent_bytes = body.len() - 1;
    let on_disk_bytes = (HALF_SENT * ((sent_bytes - 1) / PIECE_BYTES * PIECE_BYTES)) as u64;
    assert!(on_disk_bytes > 0, "{sent_bytes} bytes stay in memory");
    let has_arrived = || async { (nameless_bytes_of(&server) >= on_disk_bytes).then_some(()) };
    eventually("all of it to arrive", has_arrived).await;
    let taken = peak_memory_bytes_of(&server).saturating_sub(taken_before);
    assert!(taken < MAX_MEMORY_BYTES, "{HALF_SENT} half-sent requests took {taken} bytes");
    eventually("git to do nothing for them", || async { (children_of(&server) == 0).then_some(()) }).await;
    git(checkout.path(), &["clone", "--quiet", "--bare", "--depth=1", url.as_str(), "copy.git"]);
    // They are still requests: a client that sends the last byte is answered.
    let mut last = half_sent.pop().expect("there are some");
    last.write_all(&body[body.len() - 1..]).await.expect("the server reads");
    let mut status = [0; 12];
    last.read_exact(&mut status).await.expect("an answer comes");
    assert_eq!(&status, b"HTTP/1.1 200");
    drop(half_sent);
    eventually("all files to be closed", || async {
        (open_files_of(&server) <= before + DATABASE_FILES + SPARE_FILES).then_some(())
    })
    .await;
}

#[tokio::test]
async fn connections_that_do_nothing_make_room() {
    let server = server_with(&["--max-connections", "8", "--client-timeout", "1h"]);
    let mut idle = vec![connect_from_elsewhere(&server).await];
    post(&mut idle[0], "/rest/api/latest/projects", "Content-Type: application/json\r\n", b"{", 10).await;
    for number in 0..40 {
        let mut stream = connect(&server).await;
        // Some say nothing, some stop in the middle.
        if number % 2 == 0 {
            post(&mut stream, "/rest/api/latest/projects", "Content-Type: application/json\r\n", b"{", 10)
                .await;
        }
        idle.push(stream);
        server.anonymous().get("/status").await.expect(200);
    }
    let is_open = |stream: &TcpStream| {
        let read = stream.try_read(&mut [0; 1]);
        matches!(read, Err(error) if error.kind() == std::io::ErrorKind::WouldBlock)
    };
    let open = || idle.iter().filter(|stream| is_open(stream)).count();
    eventually("the oldest to be closed", || async { (open() <= 8 && !is_open(&idle[1])).then_some(()) })
        .await;
    assert!(is_open(&idle[0]), "one network displaces its own");
}

/// A fetch that is long, and packs to little: mostly the same line, and enough others that it does not fit into memory
/// that each connection has.
fn long_fetch(commit: &str) -> Vec<u8> {
    let head = packets(&["command=fetch", "object-format=sha1"]);
    let want = packet(&format!("want {commit}"));
    let mut numbers = noise();
    let mut next = || numbers.next().expect("there is no end");
    let others: String = (0..6_000)
        .map(|_| packet(&format!("have {:016x}{:016x}{:08x}", next(), next(), next() as u32)))
        .collect();
    let have = packet(&format!("have {}", "2".repeat(40)));
    let same = have.repeat((UNPACKED_BYTES - others.len()) / have.len());
    format!("{head}{DELIMITER}{want}{others}{same}{}0000", packet("done")).into_bytes()
}
