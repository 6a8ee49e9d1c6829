//! A small HTTP client for loads: a request as bytes, the answer read with next to no work of its own.
//!
//! The client runs on the cores of the servers that it measures. It therefore keeps no answer: the caller sees the
//! body piece by piece. A connection is for one request, as curl has it, unless it is kept on purpose.

use std::cell::Cell;
use std::fmt;
use std::io::{Read, Write};
use std::net::{TcpStream, ToSocketAddrs};
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use rustls::ClientConfig;

use crate::client::http_body::{BodyReader, Length};
use crate::client::tls::Stream;

/// How long it may take to reach a server.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a server may be silent, with many other requests under way.
const SILENCE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a whole answer may take, over a far line too.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(15 * 60);
/// How much is read at once.
const BUFFER_BYTES: usize = 256 * 1024;
/// The head of an answer must fit.
const MAX_HEAD_BYTES: usize = 16 * 1024;

thread_local! {
    /// The buffer of the thread's last connection: to get new memory for each would take the client longer than a
    /// short answer takes a server.
    static SPARE_BUFFER: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

/// A request, ready to be sent again and again.
#[derive(Debug, Clone)]
pub struct Request {
    authority: String,
    bytes: Vec<u8>,
    /// What is trusted, where the connection is secured.
    client: Option<Arc<ClientConfig>>,
}

/// Whether the connection is for more requests.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Connection {
    /// One request.
    Closed,
    /// More of them.
    Kept,
}

impl Request {
    /// What git asks first.
    pub fn info_refs(url: &str, authorization: Option<&str>, connection: Connection) -> anyhow::Result<Self> {
        let url = format!("{url}/info/refs?service=git-upload-pack");
        Self::new("GET", &url, authorization, &[], connection)
    }

    /// Anything that is read.
    pub fn get(url: &str, authorization: Option<&str>) -> anyhow::Result<Self> {
        Self::new("GET", url, authorization, &[], Connection::Closed)
    }

    /// A command of protocol version 2.
    pub fn upload_pack(
        url: &str,
        authorization: Option<&str>,
        body: &[u8],
        connection: Connection,
    ) -> anyhow::Result<Self> {
        Self::new("POST", &format!("{url}/git-upload-pack"), authorization, body, connection)
    }

    fn new(
        method: &str,
        url: &str,
        authorization: Option<&str>,
        body: &[u8],
        connection: Connection,
    ) -> anyhow::Result<Self> {
        let rest = url.strip_prefix("http://").or_else(|| url.strip_prefix("https://"));
        let rest = rest.with_context(|| format!("{url} is not HTTP"))?;
        let (authority, path) = rest.split_once('/').with_context(|| format!("{url} has no path"))?;
        let mut head =
            format!("{method} /{path} HTTP/1.1\r\nHost: {authority}\r\nGit-Protocol: version=2\r\n");
        head.push_str("User-Agent: git/bench\r\nAccept: */*\r\n");
        if let Some(value) = authorization {
            head.push_str(&format!("Authorization: {value}\r\n"));
        }
        if connection == Connection::Closed {
            head.push_str("Connection: close\r\n");
        }
        if method == "POST" {
            head.push_str("Content-Type: application/x-git-upload-pack-request\r\n");
            head.push_str(&format!("Content-Length: {}\r\n", body.len()));
        }
        head.push_str("\r\n");
        let mut bytes = head.into_bytes();
        bytes.extend(body);
        Ok(Request { authority: authority.to_owned(), bytes, client: None })
    }

    /// The same over TLS, if there is something to trust.
    pub fn over(self, client: Option<&Arc<ClientConfig>>) -> Self {
        Request { client: client.cloned(), ..self }
    }

    /// Sends it over a connection of its own; the body goes piece by piece to the caller.
    pub fn send(&self, body: impl FnMut(&[u8])) -> anyhow::Result<()> {
        KeptConnection::to(self)?.send(self, body)
    }

    /// Whether the server refuses to answer it, as it does to those who may not know; other failures are errors.
    pub fn is_refused(&self) -> anyhow::Result<bool> {
        match self.send(|_| ()) {
            Ok(()) => Ok(false),
            Err(error) if error.downcast_ref::<NoSuccess>().is_some_and(NoSuccess::is_refusal) => Ok(true),
            Err(error) => Err(error),
        }
    }
}

/// What a server has answered in the place of a success.
#[derive(Debug)]
pub struct NoSuccess {
    status_line: String,
}

impl NoSuccess {
    fn is_refusal(&self) -> bool {
        matches!(self.status_line.split(' ').nth(1), Some("401" | "403" | "404"))
    }
}

impl fmt::Display for NoSuccess {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "the server answered {:?}", self.status_line)
    }
}

impl std::error::Error for NoSuccess {}

/// A connection for many requests.
pub struct KeptConnection {
    stream: Stream,
    buffer: Vec<u8>,
}

impl KeptConnection {
    /// Connects to where a request goes.
    pub fn to(request: &Request) -> anyhow::Result<Self> {
        let authority = &request.authority;
        let address = authority.to_socket_addrs()?.next();
        let address = address.with_context(|| format!("{authority} is no address"))?;
        let stream = TcpStream::connect_timeout(&address, CONNECT_TIMEOUT);
        let stream = stream.with_context(|| format!("cannot reach {authority}"))?;
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(SILENCE_TIMEOUT))?;
        stream.set_write_timeout(Some(SILENCE_TIMEOUT))?;
        let mut buffer = SPARE_BUFFER.take();
        buffer.resize(BUFFER_BYTES, 0);
        Ok(KeptConnection { stream: Stream::new(stream, request.client.as_ref())?, buffer })
    }

    /// Sends a request and reads the whole answer, which must be a success.
    pub fn send(&mut self, request: &Request, mut body: impl FnMut(&[u8])) -> anyhow::Result<()> {
        let end = Instant::now() + ANSWER_TIMEOUT;
        self.stream.write_all(&request.bytes).context("the request could not be sent")?;
        let mut filled = 0;
        let head_length = loop {
            let read = self.stream.read(&mut self.buffer[filled..]).context("no answer came")?;
            ensure!(read > 0, "the connection ended in the head of the answer");
            filled += read;
            if let Some(end) = find(&self.buffer[..filled], b"\r\n\r\n") {
                break end + 4;
            }
            ensure!(filled < MAX_HEAD_BYTES, "the head of the answer is longer than {MAX_HEAD_BYTES} bytes");
        };
        let head = String::from_utf8_lossy(&self.buffer[..head_length]).into_owned();
        let length = length_of(&head)?;
        let mut reader = BodyReader::new(length);
        reader.take(&self.buffer[head_length..filled], &mut body)?;
        while !reader.is_done() {
            let read = self.stream.read(&mut self.buffer).context("the answer broke off")?;
            if read == 0 {
                return reader.end();
            }
            reader.take(&self.buffer[..read], &mut body)?;
            ensure!(Instant::now() < end, "the answer takes longer than {} s", ANSWER_TIMEOUT.as_secs());
        }
        Ok(())
    }
}

impl Drop for KeptConnection {
    fn drop(&mut self) {
        SPARE_BUFFER.set(std::mem::take(&mut self.buffer));
    }
}

fn length_of(head: &str) -> anyhow::Result<Length> {
    let mut lines = head.lines();
    let status_line = lines.next().unwrap_or_default();
    if status_line.split(' ').nth(1) != Some("200") {
        return Err(NoSuccess { status_line: status_line.to_owned() }.into());
    }
    let headers = || lines.clone().filter_map(|line| line.split_once(':'));
    let value = |name: &str| {
        headers()
            .find(|(known, _)| known.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim().to_owned())
    };
    if value("transfer-encoding").is_some_and(|coding| coding.eq_ignore_ascii_case("chunked")) {
        return Ok(Length::Chunked);
    }
    match value("content-length") {
        Some(length) => Ok(Length::Known(length.parse().context("the length of the answer is no number")?)),
        None => Ok(Length::UntilEnd),
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;
    use std::thread;

    use super::*;

    #[test]
    fn heads_tell_how_long_a_body_is() {
        let head = |text: &str| length_of(&format!("HTTP/1.1 200 OK\r\n{text}\r\n\r\n")).expect("it is good");
        assert_eq!(head("Content-LENGTH: 12"), Length::Known(12));
        assert_eq!(head("Transfer-Encoding: chunked"), Length::Chunked);
        assert_eq!(head("Server: x"), Length::UntilEnd);
        let error = length_of("HTTP/1.1 503 Busy\r\n\r\n").expect_err("it is no success");
        assert_eq!(error.to_string(), "the server answered \"HTTP/1.1 503 Busy\"");
    }

    #[test]
    fn refusals_are_told_from_failures() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/a.git", listener.local_addr().expect("it listens"));
        let server = thread::spawn(move || {
            for status in ["200 OK", "401 Unauthorized", "403 Forbidden", "404 Not Found", "502 Bad Gateway"]
            {
                let (mut stream, _) = listener.accept().expect("a client comes");
                let mut request = Vec::new();
                while !request.ends_with(b"\r\n\r\n") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("it asks");
                    request.push(byte[0]);
                }
                let answer = format!("HTTP/1.1 {status}\r\nContent-Length: 0\r\n\r\n");
                stream.write_all(answer.as_bytes()).expect("it listens");
            }
        });
        let request = Request::info_refs(&url, None, Connection::Closed).expect("it is a URL");
        let answers: Vec<Option<bool>> = (0..5).map(|_| request.is_refused().ok()).collect();
        assert_eq!(answers, [Some(false), Some(true), Some(true), Some(true), None]);
        server.join().expect("it saw what it should");
    }

    #[test]
    fn two_requests_go_over_a_kept_connection() {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let url = format!("http://{}/a.git", listener.local_addr().expect("it listens"));
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("a client comes");
            for answer in
                ["Content-Length: 3\r\n\r\none", "Transfer-Encoding: chunked\r\n\r\n3\r\ntwo\r\n0\r\n\r\n"]
            {
                let mut request = Vec::new();
                while !request.ends_with(b"0000") {
                    let mut byte = [0];
                    stream.read_exact(&mut byte).expect("it asks");
                    request.push(byte[0]);
                }
                assert!(request.starts_with(b"POST /a.git/git-upload-pack HTTP/1.1\r\n"));
                stream.write_all(format!("HTTP/1.1 200 OK\r\n{answer}").as_bytes()).expect("it listens");
            }
        });
        let request = Request::upload_pack(&url, None, b"0000", Connection::Kept).expect("it is a URL");
        let mut connection = KeptConnection::to(&request).expect("it listens");
        for expected in ["one", "two"] {
            let mut body = Vec::new();
            connection.send(&request, |piece| body.extend_from_slice(piece)).expect("it answers");
            assert_eq!(body, expected.as_bytes());
        }
        server.join().expect("it saw what it should");
    }
}
