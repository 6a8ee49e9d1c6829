//! Something between two servers that spoils answers, as broken balancers, caches and lines do.
//!
//! It spoils what servers ask of each other only, which it knows by the `Authorization` header; people get their answers
//! as they are.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use parking_lot::Mutex;
use rand::RngExt;
use rand::rngs::StdRng;
use url::Url;

/// How often an answer is spoiled while answers are.
const SPOILED: f64 = 0.4;
/// How late a late answer is.
const DELAY: Duration = Duration::from_millis(400);
/// Remembered of each request: its first answer and the newest ones.
const REMEMBERED_ANSWERS: usize = 4;
const PAGE: &str =
    "<!DOCTYPE html><html><head><title>Welcome</title></head><body><h1>It works!</h1></body></html>\n";

/// A running proxy.
#[derive(Debug)]
pub struct FaultyProxy {
    /// Where it listens.
    pub base: Url,
    state: Arc<Mutex<State>>,
}

#[derive(Debug)]
struct State {
    target: SocketAddr,
    chance: Option<StdRng>,
    /// Whether nothing gets through.
    is_cut: bool,
    /// Whether nothing gets through that servers ask of each other.
    is_cut_for_servers: bool,
    /// Answers by request.
    answers: BTreeMap<Vec<u8>, Vec<Vec<u8>>>,
    spoiled: BTreeMap<String, u32>,
}

/// What can happen to an answer.
#[derive(Debug, Clone, Copy)]
enum Fault {
    /// No answer; the request has not arrived either.
    Refused,
    /// No answer, though the request was carried out.
    Reset,
    /// An error of the proxy's own.
    BadGateway,
    /// A good answer without a body.
    Empty,
    /// The connection ends within the headers.
    CutInHead,
    /// It ends within the body.
    CutInBody,
    /// The same, but nothing tells: the length is that of what is left.
    Shortened,
    /// The page of another server.
    Page,
    /// The right body, said to be something else.
    WrongType,
    /// The right answer, late.
    Late,
    /// An answer that was right once.
    Replayed,
}

const FAULTS: [Fault; 11] = [
    Fault::Refused,
    Fault::Reset,
    Fault::BadGateway,
    Fault::Empty,
    Fault::CutInHead,
    Fault::CutInBody,
    Fault::Shortened,
    Fault::Page,
    Fault::WrongType,
    Fault::Late,
    Fault::Replayed,
];

impl FaultyProxy {
    /// Starts one in front of a server that listens there, now or later. It spoils nothing yet.
    pub fn start(target: SocketAddr) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port is free");
        let base = format!("http://{}", listener.local_addr().expect("has one"));
        let (answers, spoiled) = (BTreeMap::new(), BTreeMap::new());
        let state =
            State { target, chance: None, is_cut: false, is_cut_for_servers: false, answers, spoiled };
        let state = Arc::new(Mutex::new(state));
        let shared = state.clone();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = shared.clone();
                thread::spawn(move || relay(&stream, &state));
            }
        });
        Self { base: Url::parse(&base).expect("is a URL"), state }
    }

    /// Spoils answers from now on.
    pub fn spoil(&self, chance: StdRng) {
        self.state.lock().chance = Some(chance);
    }

    /// Lets nothing through from now on.
    pub fn cut(&self) {
        self.state.lock().is_cut = true;
    }

    /// Lets nothing through from now on that servers ask of each other in their own names.
    pub fn cut_for_servers(&self) {
        self.state.lock().is_cut_for_servers = true;
    }

    /// Lets everything through again.
    pub fn mend(&self) {
        let mut state = self.state.lock();
        (state.is_cut, state.is_cut_for_servers) = (false, false);
    }

    /// Lets everything through again; what was spoiled how often since it was asked last.
    pub fn stop_spoiling(&self) -> BTreeMap<String, u32> {
        let mut state = self.state.lock();
        state.chance = None;
        std::mem::take(&mut state.spoiled)
    }
}

/// Carries one request there and its answer back; whatever goes wrong ends the connection.
fn relay(client: &TcpStream, state: &Mutex<State>) -> Option<()> {
    let request = read_request(client)?;
    let is_cut = |state: &State| state.is_cut || (state.is_cut_for_servers && request.is_of_a_server);
    if is_cut(&state.lock()) {
        return None;
    }
    let fault = choose(&request, state);
    let mut writer = client;
    match fault {
        Some(Fault::Refused) => return None,
        Some(Fault::BadGateway) => {
            return write_answer(writer, "502 Bad Gateway", "text/html", PAGE.as_bytes());
        }
        _ => {}
    }
    let target = state.lock().target;
    let mut server = TcpStream::connect(target).ok()?;
    server.write_all(&request.bytes).ok()?;
    let mut answer = Vec::new();
    server.read_to_end(&mut answer).ok()?;
    let head = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n")? + 4;
    let earlier = remember(&request, &answer, state);
    match fault {
        Some(Fault::Reset | Fault::Refused | Fault::BadGateway) => None,
        Some(Fault::Empty) => write_answer(writer, "200 OK", "text/plain", b""),
        Some(Fault::CutInHead) => writer.write_all(&answer[..head / 2]).ok(),
        Some(Fault::CutInBody) => writer.write_all(&answer[..head + (answer.len() - head) / 2]).ok(),
        Some(Fault::Shortened) => {
            let (kind, body) = unpacked(&answer[..head], &answer[head..])?;
            write_answer(writer, "200 OK", &kind, &body[..body.len() / 2])
        }
        Some(Fault::Page) => write_answer(writer, "200 OK", "text/html", PAGE.as_bytes()),
        Some(Fault::WrongType) => {
            let (_, body) = unpacked(&answer[..head], &answer[head..])?;
            write_answer(writer, "200 OK", "text/plain", &body)
        }
        Some(Fault::Replayed) => writer.write_all(&earlier).ok(),
        Some(Fault::Late) => {
            thread::sleep(DELAY);
            writer.write_all(&answer).ok()
        }
        None => writer.write_all(&answer).ok(),
    }
}

fn choose(request: &Request, state: &Mutex<State>) -> Option<Fault> {
    let mut state = state.lock();
    let chance = state.chance.as_mut().filter(|_| request.is_of_a_server)?;
    if !chance.random_bool(SPOILED) {
        return None;
    }
    let fault = FAULTS[chance.random_range(0..FAULTS.len())];
    *state.spoiled.entry(format!("{fault:?}")).or_default() += 1;
    Some(fault)
}

/// Notes an answer; returns the oldest that is remembered.
fn remember(request: &Request, answer: &[u8], state: &Mutex<State>) -> Vec<u8> {
    let mut state = state.lock();
    let answers = state.answers.entry(request.key.clone()).or_default();
    answers.push(answer.to_vec());
    if answers.len() > REMEMBERED_ANSWERS {
        answers.remove(1);
    }
    answers[0].clone()
}

/// The media type and the body of an answer, out of its chunks.
fn unpacked(head: &[u8], body: &[u8]) -> Option<(String, Vec<u8>)> {
    let head = String::from_utf8_lossy(head).to_ascii_lowercase();
    let value = |name: &str| {
        let line = head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.map(|value| value.trim().to_owned())
    };
    let kind = value("content-type").unwrap_or_default();
    if value("transfer-encoding").is_none() {
        return Some((kind, body.to_vec()));
    }
    let (mut rest, mut whole) = (body, Vec::new());
    loop {
        let end = rest.windows(2).position(|bytes| bytes == b"\r\n")?;
        let length = usize::from_str_radix(std::str::from_utf8(&rest[..end]).ok()?, 16).ok()?;
        if length == 0 {
            return Some((kind, whole));
        }
        whole.extend_from_slice(rest.get(end + 2..end + 2 + length)?);
        rest = rest.get(end + 4 + length..)?;
    }
}

fn write_answer(mut writer: &TcpStream, status: &str, media_type: &str, body: &[u8]) -> Option<()> {
    let length = body.len();
    let head = format!(
        "HTTP/1.1 {status}\r\ncontent-type: {media_type}\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n"
    );
    writer.write_all(head.as_bytes()).ok()?;
    writer.write_all(body).ok()
}

/// A request as it is sent on.
struct Request {
    bytes: Vec<u8>,
    /// What makes two requests ask for the same.
    key: Vec<u8>,
    is_of_a_server: bool,
}

fn read_request(stream: &TcpStream) -> Option<Request> {
    let mut reader = BufReader::new(stream);
    let mut head = String::new();
    reader.read_line(&mut head).ok()?;
    let mut key = head.clone().into_bytes();
    let (mut length, mut is_of_a_server) = (0, false);
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => is_of_a_server = !value.trim().starts_with("Basic"),
            // Each connection carries one request.
            "connection" => continue,
            _ => {}
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    key.extend_from_slice(&body);
    let bytes = [head.as_bytes(), b"connection: close\r\n\r\n", &body].concat();
    Some(Request { bytes, key, is_of_a_server })
}
