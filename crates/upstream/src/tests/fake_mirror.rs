//! A mirror's end of the channel: it answers what it is told to and remembers what it was sent, which the contract must
//! allow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use heliostat_auth::{Caller, Claims, Credentials, Secret, UnverifiedToken, query_string_hash, sign};
use heliostat_contract::exchange;
use heliostat_downstream::Acceptance;
use heliostat_refusal::Refusal;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

use super::test_upstream::{TestUpstream, registration};
use crate::{RequestFacts, permit};

pub(super) const MIRROR_ID: &str = "B0F5-CS21-45C2-CCK3";
const RESOURCE: &str = "/rest/mirroring/latest/upstreamServers/1";

#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) method: String,
    pub(super) path: String,
    pub(super) query: Option<String>,
    pub(super) authorization: String,
    pub(super) event_key: Option<String>,
    media_type: String,
    bytes: Vec<u8>,
    pub(super) body: Value,
}

impl Received {
    /// The path below the base URL.
    fn path_below(&self) -> &str {
        self.path.strip_prefix("/eu").expect("below the context path")
    }

    fn hold_to_the_contract(&self) {
        let target = format!("{}?{}", self.path_below(), self.query.as_deref().unwrap_or_default());
        let judged = exchange::judge_request(&self.method, &target, &self.media_type, &self.bytes);
        judged.unwrap_or_else(|fault| panic!("{} {target} with {}: {fault}", self.method, self.body));
    }
}

#[derive(Clone)]
pub(super) struct FakeMirror {
    pub(super) base_url: String,
    received: Arc<watch::Sender<Vec<Received>>>,
    /// Path ending and the status that is answered to it in place of 204.
    refuses: Arc<Mutex<Vec<(&'static str, u16)>>>,
    /// Whether events that list what has changed are answered 400.
    refuses_changes: Arc<AtomicBool>,
    /// A descriptor other than the usual one.
    descriptor: Arc<Mutex<Option<String>>>,
}

impl FakeMirror {
    pub(super) async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let address = listener.local_addr().expect("an address");
        let mirror = Self {
            base_url: format!("http://{address}/eu"),
            received: Arc::new(watch::Sender::new(Vec::new())),
            refuses: Arc::default(),
            refuses_changes: Arc::default(),
            descriptor: Arc::default(),
        };
        let server = mirror.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let server = server.clone();
                tokio::spawn(async move { server.serve(stream).await });
            }
        });
        mirror
    }

    /// One that has asked to join and was accepted.
    pub(super) async fn joined(server: &TestUpstream) -> Self {
        let (mirror, admin) = (Self::start().await, server.admin().await);
        let id = mirror.ask_to_join(server).await;
        let admin = permit::sys_admin(&admin).expect("the administrator");
        let accepted = server.upstream.downstream().joining.accept(admin, &id, Acceptance::default()).await;
        accepted.expect("accepted");
        mirror
    }

    /// Asks to join, and returns the id of its request.
    pub(super) async fn ask_to_join(&self, server: &TestUpstream) -> String {
        let asked = registration(MIRROR_ID, "Mirror", &self.base_url);
        let request = server.upstream.downstream().joining.register(None, asked).await;
        request.expect("a request").id.to_string()
    }

    /// Answers requests whose paths end so with this status; 204 ends it.
    pub(super) fn answer(&self, path_end: &'static str, status: u16) {
        let mut refuses = self.refuses.lock().expect("no test thread panicked");
        refuses.retain(|(end, _)| *end != path_end);
        refuses.push((path_end, status));
    }

    /// Refuses events that list what has changed, as a mirror with other limits may.
    pub(super) fn refuse_changes(&self) {
        self.refuses_changes.store(true, Ordering::Relaxed);
    }

    pub(super) fn describe_as(&self, descriptor: String) {
        *self.descriptor.lock().expect("no test thread panicked") = Some(descriptor);
    }

    /// Waits until so many requests with this end of path have come, and returns all of them. Each must be one that the
    /// contract allows.
    pub(super) async fn wait_for(&self, path_end: &str, count: usize) -> Vec<Received> {
        let mut receiver = self.received.subscribe();
        let matching = |all: &Vec<Received>| {
            all.iter().filter(|received| received.path.ends_with(path_end)).cloned().collect::<Vec<_>>()
        };
        let waited = receiver.wait_for(|all| matching(all).len() >= count);
        let all = tokio::time::timeout(std::time::Duration::from_mins(4), waited).await;
        let all = matching(&all.expect("the requests come in time").expect("the mirror lives"));
        all.iter().for_each(Received::hold_to_the_contract);
        all
    }

    /// The secret of the last installation.
    pub(super) fn secret(&self) -> Secret {
        let all = self.received.borrow();
        let installed = all.iter().rfind(|received| received.path.ends_with("/installed"));
        Secret::new(installed.expect("it was installed").body["sharedSecret"].as_str().expect("a text"))
    }

    /// Calls the upstream, signed.
    pub(super) async fn call(
        &self,
        server: &TestUpstream,
        method: &str,
        path: &str,
    ) -> Result<Caller, Refusal> {
        let hash = query_string_hash(method, path, None);
        let claims = Claims::new(MIRROR_ID, hash, server.upstream.now_ms() / 1_000, 180);
        let token = Credentials::Jwt(Secret::new(sign(&self.secret(), &claims)));
        let path = format!("/git{path}");
        server
            .upstream
            .accounts()
            .identify(token, RequestFacts { method, path: &path, raw_query: None, peer: None })
            .await
    }

    /// Checks that a request was signed by the upstream with the installed secret.
    pub(super) fn verify(&self, received: &Received) {
        let token = received.authorization.strip_prefix("JWT ").expect("a signed request");
        let hash = query_string_hash(&received.method, received.path_below(), received.query.as_deref());
        let now = heliostat_peer::Clock::system().now_seconds();
        let token = UnverifiedToken::parse(token).expect("a well-formed token");
        assert!(token.issuer().starts_with("heliostat-"), "{}", token.issuer());
        token.verify(&self.secret(), &hash, now).expect("a good signature");
    }

    async fn serve(&self, stream: TcpStream) {
        let mut stream = BufReader::new(stream);
        while let Some(received) = read_request(&mut stream).await {
            let refuses = self.refuses.lock().expect("no test thread panicked").clone();
            let status = refuses
                .iter()
                .find(|(end, _)| received.path.ends_with(end))
                .map_or(204, |(_, status)| *status);
            let lists_changes =
                received.body["changes"].as_array().is_some_and(|changes| !changes.is_empty());
            let is_refused = lists_changes && self.refuses_changes.load(Ordering::Relaxed);
            let status = if is_refused { 400 } else { status };
            let answer = if received.path.ends_with("/descriptor") && status == 204 {
                let other = self.descriptor.lock().expect("no test thread panicked").clone();
                let body = other.unwrap_or_else(|| self.usual_descriptor());
                format!("HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len())
            } else if status == 204 {
                "HTTP/1.1 204 No Content\r\n\r\n".to_owned()
            } else {
                let body = r#"{"errors":[{"message":"not today"}]}"#;
                let location = "Location: http://127.0.0.1:1/\r\n";
                format!("HTTP/1.1 {status} No\r\n{location}Content-Length: {}\r\n\r\n{body}", body.len())
            };
            self.received.send_modify(|all| all.push(received));
            if stream.get_mut().write_all(answer.as_bytes()).await.is_err() {
                return;
            }
        }
    }

    fn usual_descriptor(&self) -> String {
        json!({
            "key": "heliostat-mirror",
            "name": "Mirror",
            "baseUrl": self.base_url,
            "authentication": { "type": "jwt" },
            "lifecycle": {
                "installed": format!("{RESOURCE}/addon/installed"),
                "uninstalled": format!("{RESOURCE}/addon/uninstalled"),
            },
            "webhooks": [{ "event": "repo:refs_changed", "url": format!("{RESOURCE}/addon/events") }],
        })
        .to_string()
    }
}

async fn read_request(stream: &mut BufReader<TcpStream>) -> Option<Received> {
    let mut line = String::new();
    stream.read_line(&mut line).await.ok().filter(|length| *length > 0)?;
    let mut words = line.split(' ');
    let (method, target) = (words.next()?.to_owned(), words.next()?);
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path.to_owned(), Some(query.to_owned())),
        None => (target.to_owned(), None),
    };
    let (mut length, mut authorization, mut media_type, mut event_key) =
        (0, String::new(), String::new(), None);
    loop {
        let mut header = String::new();
        stream.read_line(&mut header).await.ok()?;
        let Some((name, value)) = header.trim().split_once(':') else {
            break;
        };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.trim().parse().ok()?,
            "authorization" => authorization = value.trim().to_owned(),
            "content-type" => media_type = value.trim().to_owned(),
            "x-event-key" => event_key = Some(value.trim().to_owned()),
            _ => {}
        }
    }
    let mut bytes = vec![0; length];
    stream.read_exact(&mut bytes).await.ok()?;
    let body = serde_json::from_slice(&bytes).unwrap_or_default();
    Some(Received { method, path, query, authorization, event_key, media_type, bytes, body })
}
