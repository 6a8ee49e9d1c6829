//! A provider for tests: it paginates, knows ETags, counts what it is asked, and says when that was too often.

use std::sync::Arc;

use parking_lot::Mutex;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

/// How many repositories it puts on a page, whatever it is asked for.
const PAGE_SIZE: usize = 100;
/// What it gives to apps.
pub const INSTALLATION_TOKEN: &str = "ghs_12345_a-token-that-is-longer-than-forty-characters";

/// A running one.
pub struct PretendProvider {
    /// Where its interface is.
    pub base: Url,
    state: Arc<Mutex<State>>,
}

#[derive(Default)]
struct State {
    repositories: Vec<Value>,
    asked: Vec<Asked>,
    /// How many questions it still answers; the next is too many.
    allowance: Option<usize>,
}

/// What it was asked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Asked {
    pub method: String,
    /// With its query.
    pub target: String,
    pub authorization: String,
    pub status: u16,
}

impl PretendProvider {
    /// One that has so many repositories of the organisation `acme`.
    pub async fn with(count: usize) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let address = listener.local_addr().expect("has one");
        let base = Url::parse(&format!("http://{address}/")).expect("a URL");
        let state: Arc<Mutex<State>> = Arc::default();
        state.lock().repositories = (0..count).map(|number| repository(number, "before")).collect();
        let shared = Arc::clone(&state);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, Arc::clone(&shared)));
            }
        });
        Self { base, state }
    }

    /// Everything it was asked so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.state.lock().asked.clone()
    }

    /// A client pushes to a repository.
    pub fn push_to(&self, number: usize) {
        self.state.lock().repositories[number] = repository(number, "after");
    }

    /// Answers so many questions more.
    pub fn allow(&self, questions: usize) {
        self.state.lock().allowance = Some(questions);
    }
}

fn repository(number: usize, pushed_at: &str) -> Value {
    json!({"full_name": format!("acme/r{number:03}"), "pushed_at": pushed_at, "private": true})
}

async fn answer(stream: TcpStream, state: Arc<Mutex<State>>) -> Option<()> {
    let mut stream = BufReader::new(stream);
    let (mut line, mut head) = (String::new(), Vec::new());
    loop {
        line.clear();
        stream.read_line(&mut line).await.ok()?;
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_owned());
    }
    let mut words = head.first()?.split(' ').map(str::to_owned);
    let (method, target) = (words.next()?, words.next()?);
    let header = |name: &str| {
        let mut found = head.iter().filter_map(|line| line.split_once(':'));
        let found = found.find(|(other, _)| other.eq_ignore_ascii_case(name));
        found.map_or_else(String::new, |(_, value)| value.trim().to_owned())
    };
    let (status, further, body) = reply(&mut state.lock(), &method, &target, &header("if-none-match"));
    let asked = Asked { method, target, authorization: header("authorization"), status };
    state.lock().asked.push(asked);
    let text = if body.is_null() { String::new() } else { body.to_string() };
    let length = text.len();
    let head =
        format!("HTTP/1.1 {status} Answer\r\nconnection: close\r\ncontent-length: {length}\r\n{further}\r\n");
    stream.write_all(format!("{head}{text}").as_bytes()).await.ok()
}

fn reply(state: &mut State, method: &str, target: &str, if_none_match: &str) -> (u16, String, Value) {
    if let Some(allowance) = &mut state.allowance {
        let Some(rest) = allowance.checked_sub(1) else {
            return (429, "retry-after: 120\r\n".to_owned(), json!({"message": "too many"}));
        };
        *allowance = rest;
    }
    let address = Url::parse("http://provider/").and_then(|base| base.join(target)).expect("a URL");
    match (method, address.path()) {
        ("GET", "/orgs/acme/repos" | "/installation/repositories" | "/2.0/repositories/acme") => {
            page(state, &address, if_none_match)
        }
        ("GET", "/orgs/acme/installation") => (200, String::new(), json!({"id": 77})),
        ("POST", "/app/installations/77/access_tokens") => {
            (201, String::new(), json!({"token": INSTALLATION_TOKEN, "expires_at": "2030-01-01T00:00:00Z"}))
        }
        _ => (404, String::new(), json!({"message": "Not Found"})),
    }
}

fn page(state: &State, address: &Url, if_none_match: &str) -> (u16, String, Value) {
    let number = address
        .query_pairs()
        .find(|(name, _)| name == "page")
        .map_or(1, |(_, value)| value.parse::<usize>().expect("a number"));
    let repositories: Vec<&Value> =
        state.repositories.iter().skip((number - 1) * PAGE_SIZE).take(PAGE_SIZE).collect();
    let changed = repositories.iter().filter(|repository| repository["pushed_at"] == "after").count();
    let etag = format!("W/\"{number}-{}-{changed}\"", repositories.len());
    let mut further = format!("etag: {etag}\r\n");
    let next = (number * PAGE_SIZE < state.repositories.len()).then(|| {
        let size = if address.path().starts_with("/2.0/") { "pagelen" } else { "per_page" };
        format!("https://hidden.example.com{}?{size}=100&page={}", address.path(), number + 1)
    });
    // Bitbucket Cloud has it in the body.
    if let Some(next) = next.as_ref().filter(|_| !address.path().starts_with("/2.0/")) {
        further.push_str(&format!("link: <{next}>; rel=\"next\"\r\n"));
    }
    if etag == if_none_match {
        return (304, further, Value::Null);
    }
    let body = match address.path() {
        "/installation/repositories" => {
            json!({"total_count": state.repositories.len(), "repositories": repositories})
        }
        "/2.0/repositories/acme" => {
            json!({"values": repositories, "size": state.repositories.len(), "page": number, "next": next})
        }
        _ => json!(repositories),
    };
    (200, further, body)
}
