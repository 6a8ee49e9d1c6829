//! One visit of a hostile client: from its connection until the server ends it, or the client has what it came for.

use std::io::ErrorKind;
use std::net::SocketAddr;
use std::time::Duration;

use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::behaviour::Behaviour;
use super::load::Target;
use crate::client::clone_request::{self, Depth};

/// Pause between two bytes of a header.
const SLOW_PAUSE: Duration = Duration::from_secs(5);
/// How long a body is said to be that never comes whole.
const SAID_BYTES: usize = 4 * 1024 * 1024;
/// How much of it comes.
const SENT_BYTES: usize = 64 * 1024;
/// How the answer begins to those for whom a server has no room.
const NO_ROOM: &[u8] = b"HTTP/1.1 503";

/// One visit over a connection that is open; what goes wrong ends it, and it is wrong to get no answer.
pub async fn visit(
    mut stream: TcpStream,
    behaviour: Behaviour,
    target: &Target,
    number: u64,
) -> std::io::Result<()> {
    match behaviour {
        Behaviour::Silent => read_to_end(stream).await,
        Behaviour::SlowHead => slow_head(stream, target.address).await,
        Behaviour::HalfFetch => {
            let head = target.fetch_head("", SAID_BYTES);
            stream.write_all(&[head.as_bytes(), &vec![b'0'; SENT_BYTES]].concat()).await?;
            read_to_end(stream).await
        }
        Behaviour::HalfPackedFetch => {
            let (half, _) = target.packed.split_at(target.packed.len() / 2);
            let head = target.fetch_head("Content-Encoding: gzip\r\n", target.packed.len());
            stream.write_all(&[head.as_bytes(), half].concat()).await?;
            read_to_end(stream).await
        }
        Behaviour::HalfRequest => {
            let head = format!(
                "POST /rest/mirroring/latest/requests HTTP/1.1\r\nHost: {}\r\n\
                 Content-Type: application/json\r\nContent-Length: {SAID_BYTES}\r\n\r\n{{\"mirrorId\": \"",
                target.address
            );
            stream.write_all(&[head.as_bytes(), &vec![b'A'; SENT_BYTES]].concat()).await?;
            read_to_end(stream).await
        }
        Behaviour::DeafClone => {
            let body = clone_request::clone([&target.large_tip], Depth::Full);
            stream.write_all(&target.fetch_of(&target.large_path, &body)).await?;
            stay_deaf(stream).await
        }
        Behaviour::DeafFetch => {
            let body = clone_request::partial(&target.large_tip, number);
            stream.write_all(&target.fetch_of(&target.large_path, &body)).await?;
            stay_deaf(stream).await
        }
        Behaviour::FetchFlood => {
            let body = clone_request::partial(&target.tip, number);
            stream.write_all(&target.fetch_of(&target.path, &body)).await?;
            read_to_end(stream).await
        }
        Behaviour::PasswordFlood => {
            let guess = BASE64_STANDARD.encode(format!("admin:guess {number}"));
            let request = format!(
                "GET /rest/api/latest/users HTTP/1.1\r\nHost: {}\r\nAuthorization: Basic {guess}\r\n\
                 Connection: close\r\n\r\n",
                target.address
            );
            stream.write_all(request.as_bytes()).await?;
            read_to_end(stream).await
        }
        Behaviour::ConnectionFlood => Ok(()),
    }
}

async fn slow_head(mut stream: TcpStream, address: SocketAddr) -> std::io::Result<()> {
    stream.write_all(format!("GET / HTTP/1.1\r\nHost: {address}\r\nX-Slow: ").as_bytes()).await?;
    loop {
        stream.write_all(b"x").await?;
        tokio::time::sleep(SLOW_PAUSE).await;
    }
}

/// Reads nothing; an empty line now and then shows whether the server is still there.
async fn stay_deaf(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        tokio::time::sleep(SLOW_PAUSE).await;
        stream.write_all(b"\r\n").await?;
    }
}

async fn read_to_end(mut stream: TcpStream) -> std::io::Result<()> {
    let mut answer = vec![0; 4096];
    let length = stream.read(&mut answer).await?;
    let is_answered = length > 0 && !answer[..length].starts_with(NO_ROOM);
    while stream.read(&mut answer).await? > 0 {}
    if is_answered { Ok(()) } else { Err(ErrorKind::UnexpectedEof.into()) }
}
