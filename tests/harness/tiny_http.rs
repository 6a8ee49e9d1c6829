//! The smallest HTTP server that can play the other side: it answers from a function and writes down what it got.
//!
//! It has threads of its own, so it outlives the test that started it; what one test starts, others can share.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;

use parking_lot::Mutex;
use serde_json::Value;
use url::Url;

/// A request as it arrived.
#[derive(Debug, Clone)]
pub struct Received {
    /// The method.
    pub method: String,
    /// The path with the query.
    pub path: String,
    /// The `Authorization` header; empty if there was none.
    pub authorization: String,
    /// All headers in their order, with names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body as it came.
    pub bytes: Vec<u8>,
    /// The body, `null` if it was not JSON.
    pub body: Value,
}

impl Received {
    /// The value of a header; empty if there was none.
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or("", |(_, value)| value.as_str())
    }

    /// Whether a client of git asks for objects, and in few words.
    pub fn is_fetch(&self) -> bool {
        self.path.ends_with("/git-upload-pack") && self.bytes.windows(5).any(|window| window == b"want ")
    }
}

/// An answer: status, and a body unless it is `null`. A text is what git gets.
pub type Reply = (u16, Value);

/// A running server.
#[derive(Debug)]
pub struct TinyHttp {
    /// Where it listens.
    pub base: Url,
    received: Arc<Mutex<Vec<Received>>>,
}

impl TinyHttp {
    /// Starts it; `make_answer` gets the base URL and makes the function that answers.
    pub fn start<A>(make_answer: impl FnOnce(&str) -> A) -> Self
    where
        A: Fn(&Received) -> Reply + Send + Sync + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let base =
            Url::parse(&format!("http://{}", listener.local_addr().expect("has one"))).expect("is a URL");
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let answer = Arc::new(make_answer(base.as_str().trim_end_matches('/')));
        let log = received.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (answer, log) = (answer.clone(), log.clone());
                thread::spawn(move || converse(&stream, &*answer, &log));
            }
        });
        TinyHttp { base, received }
    }

    /// Everything that arrived so far.
    pub fn received(&self) -> Vec<Received> {
        self.received.lock().clone()
    }
}

/// Reads one request and answers it; whatever goes wrong ends the connection.
fn converse(
    stream: &TcpStream,
    answer: &impl Fn(&Received) -> Reply,
    log: &Mutex<Vec<Received>>,
) -> Option<()> {
    let request = read(stream)?;
    log.lock().push(request.clone());
    let (status, body) = answer(&request);
    let (content_type, body) = match body {
        Value::Null => ("application/json", String::new()),
        Value::String(text) if request.method == "GET" => {
            ("application/x-git-upload-pack-advertisement", text)
        }
        Value::String(text) => ("application/x-git-upload-pack-result", text),
        body => ("application/json", body.to_string()),
    };
    let head = format!("HTTP/1.1 {status} Answer\r\ncontent-type: {content_type}\r\nconnection: close\r\n");
    let length = if status == 204 { String::new() } else { format!("content-length: {}\r\n", body.len()) };
    let mut writer = stream;
    writer.write_all(format!("{head}{length}\r\n{body}").as_bytes()).ok()
}

/// Reads one request, whether it says how long it is or comes in chunks.
pub(super) fn read(stream: impl Read) -> Option<Received> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split_whitespace().map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let (mut headers, mut length, mut in_chunks) = (Vec::new(), 0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else {
            break;
        };
        let (name, value) = (name.to_ascii_lowercase(), value.trim().to_owned());
        if name == "content-length" {
            length = value.parse().ok()?;
        }
        in_chunks |= name == "transfer-encoding" && value == "chunked";
        headers.push((name, value));
    }
    let bytes = if in_chunks { read_chunks(&mut reader)? } else { read_exactly(&mut reader, length)? };
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    let mut received = Received { method, path, authorization: String::new(), headers, bytes, body };
    received.authorization = received.header("authorization").to_owned();
    Some(received)
}

fn read_chunks(reader: &mut impl BufRead) -> Option<Vec<u8>> {
    let mut bytes = Vec::new();
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let length = usize::from_str_radix(line.trim(), 16).ok()?;
        bytes.extend(read_exactly(reader, length)?);
        read_exactly(reader, 2)?;
        if length == 0 {
            return Some(bytes);
        }
    }
}

fn read_exactly(reader: &mut impl BufRead, length: usize) -> Option<Vec<u8>> {
    let mut bytes = vec![0; length];
    reader.read_exact(&mut bytes).ok()?;
    Some(bytes)
}
