//! One HTTP request over one connection, and whether it has been sent at all.
//!
//! A request that was never sent changed nothing. Of one whose answer is missing nothing is known.

use std::io::{self, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::Value;

/// How long a connection is waited for.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long each piece of an answer is waited for: longer than a server stands still here.
const READ_TIMEOUT: Duration = Duration::from_secs(20);
/// Longest answer that is read.
const MAX_ANSWER_BYTES: usize = 64 << 20;

/// A client of one server with the credentials of one user, or none.
#[derive(Debug, Clone)]
pub struct HttpClient {
    address: SocketAddr,
    authorization: Option<String>,
}

/// An answer, read whole.
#[derive(Debug)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// How fresh a mirror says the answer is, as its header has it; empty elsewhere.
    pub freshness: String,
    /// The body.
    pub body: Vec<u8>,
}

/// Why there is no answer.
#[derive(Debug)]
pub enum Failure {
    /// No connection: the server knows nothing of the request.
    NotSent(io::Error),
    /// The answer is missing or cut; the request may have been carried out.
    Unanswered(io::Error),
}

impl Failure {
    /// In a few words, for counts.
    pub fn kind(&self) -> String {
        match self {
            Failure::NotSent(error) => format!("not sent: {}", error.kind()),
            Failure::Unanswered(error) => format!("unanswered: {}", error.kind()),
        }
    }
}

impl HttpClient {
    /// With a user's name and password.
    pub fn of_user(address: SocketAddr, name: &str, password: &str) -> Self {
        let pair = STANDARD.encode(format!("{name}:{password}"));
        Self { address, authorization: Some(format!("Basic {pair}")) }
    }

    /// Without credentials.
    pub fn anonymous(address: SocketAddr) -> Self {
        Self { address, authorization: None }
    }

    /// A request with JSON, or without a body; the status and what JSON the answer holds, `null` if none.
    pub fn rest(&self, method: &str, path: &str, body: Option<&Value>) -> Result<(u16, Value), Failure> {
        let text = body.map(Value::to_string).unwrap_or_default();
        let media_type = if body.is_some() { "content-type: application/json\r\n" } else { "" };
        let answer = self.send(method, path, media_type, text.as_bytes())?;
        Ok((answer.status, serde_json::from_slice(&answer.body).unwrap_or(Value::Null)))
    }

    /// Any request; `headers` are whole lines.
    pub fn send(&self, method: &str, path: &str, headers: &str, body: &[u8]) -> Result<Answer, Failure> {
        let stream = TcpStream::connect_timeout(&self.address, CONNECT_TIMEOUT).map_err(Failure::NotSent)?;
        self.exchange(stream, method, path, headers, body).map_err(Failure::Unanswered)
    }

    fn exchange(
        &self,
        mut stream: TcpStream,
        method: &str,
        path: &str,
        headers: &str,
        body: &[u8],
    ) -> io::Result<Answer> {
        stream.set_nodelay(true)?;
        stream.set_read_timeout(Some(READ_TIMEOUT))?;
        stream.set_write_timeout(Some(READ_TIMEOUT))?;
        let authorization = self
            .authorization
            .as_ref()
            .map(|value| format!("authorization: {value}\r\n"))
            .unwrap_or_default();
        let head = format!(
            "{method} {path} HTTP/1.1\r\nhost: {}\r\nconnection: close\r\ncontent-length: {}\r\n\
             {authorization}{headers}\r\n",
            self.address,
            body.len()
        );
        stream.write_all(&[head.as_bytes(), body].concat())?;
        let mut bytes = Vec::new();
        stream.take(MAX_ANSWER_BYTES as u64).read_to_end(&mut bytes)?;
        parsed(&bytes)
    }
}

fn parsed(bytes: &[u8]) -> io::Result<Answer> {
    let end = find(bytes, b"\r\n\r\n").ok_or_else(|| cut("in its head"))?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let rest = &bytes[end + 4..];
    let status =
        head.split(' ').nth(1).and_then(|word| word.parse().ok()).ok_or_else(|| cut("in its status"))?;
    let value = |name: &str| {
        let mut lines = head.lines().filter_map(|line| line.split_once(':'));
        lines.find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim().to_owned())
    };
    let freshness = value("heliostat-freshness").unwrap_or_default();
    if value("transfer-encoding").is_some() {
        return Ok(Answer { status, freshness, body: unchunked(rest)? });
    }
    let length = value("content-length").and_then(|length| length.parse().ok()).unwrap_or(rest.len());
    let body = rest.get(..length).ok_or_else(|| cut("in its body"))?;
    Ok(Answer { status, freshness, body: body.to_vec() })
}

fn unchunked(mut rest: &[u8]) -> io::Result<Vec<u8>> {
    let mut whole = Vec::new();
    loop {
        let end = find(rest, b"\r\n").ok_or_else(|| cut("between two chunks"))?;
        let digits = String::from_utf8_lossy(&rest[..end]).into_owned();
        let length = usize::from_str_radix(digits.trim(), 16).map_err(|_| cut("in the length of a chunk"))?;
        if length == 0 {
            return Ok(whole);
        }
        let chunk = rest.get(end + 2..end + 2 + length).ok_or_else(|| cut("in a chunk"))?;
        whole.extend_from_slice(chunk);
        rest = rest.get(end + 4 + length..).ok_or_else(|| cut("after a chunk"))?;
    }
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

fn cut(place: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("the answer ends {place}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_whole_or_errors() {
        let answer = parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok").expect("whole");
        assert_eq!((answer.status, answer.body), (200, b"ok".to_vec()));
        let chunked = b"HTTP/1.1 404 No\r\ntransfer-encoding: chunked\r\n\r\n3\r\nabc\r\n1\r\nd\r\n0\r\n\r\n";
        let answer = parsed(chunked).expect("whole");
        assert_eq!((answer.status, answer.body), (404, b"abcd".to_vec()));
        for length in 0..chunked.len() - 4 {
            parsed(&chunked[..length]).expect_err("it is cut");
        }
        parsed(b"HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nok").expect_err("it is cut");
    }
}
