//! An upstream whose mirror is played by the test: it learns the shared secret and can sign, well or badly.

use std::sync::{Arc, Mutex};

use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use url::Url;

use super::client::{Client, Identity};
use super::server::{ADMIN_PASSWORD, Server, ServerOptions};

/// An upstream and what its hand-made mirror knows.
pub struct JoinedByHand {
    /// Keeps the upstream running.
    pub upstream: Server,
    /// Nobody at the upstream; give it a token.
    pub upstream_client: Client,
    /// The mirror's server id.
    pub mirror_id: String,
    /// The secret that the upstream gave.
    pub secret: String,
}

/// A mirror made of two canned answers: its descriptor, and 204 to everything that is posted.
pub struct FakeMirror {
    /// Where it listens.
    pub base: Url,
    received: Arc<Mutex<Vec<Value>>>,
}

impl FakeMirror {
    /// Starts it; `descriptor` gets its base URL and says what its descriptor is.
    pub async fn start(descriptor: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
        let base = Url::parse(&format!("http://{}", listener.local_addr().expect("has one"))).expect("is a URL");
        let received = Arc::new(Mutex::new(Vec::new()));
        let descriptor = Arc::new(descriptor(base.as_str().trim_end_matches('/')).to_string());
        let log = received.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(answer(stream, descriptor.clone(), log.clone()));
            }
        });
        FakeMirror { base, received }
    }

    /// Bodies that were posted to it.
    pub fn received(&self) -> Vec<Value> {
        self.received.lock().expect("nobody panics while holding it").clone()
    }
}

async fn answer(mut stream: TcpStream, descriptor: Arc<String>, log: Arc<Mutex<Vec<Value>>>) {
    let mut text = Vec::new();
    let mut piece = [0; 4096];
    loop {
        let Ok(length) = stream.read(&mut piece).await else { return };
        text.extend_from_slice(&piece[..length]);
        let request = String::from_utf8_lossy(&text).into_owned();
        let Some((head, body)) = request.split_once("\r\n\r\n") else {
            if length == 0 {
                return;
            }
            continue;
        };
        let wanted = head.lines().find_map(|line| line.to_ascii_lowercase().strip_prefix("content-length:")?.trim().parse().ok());
        if body.len() < wanted.unwrap_or(0) && length > 0 {
            continue;
        }
        let reply = if head.starts_with("GET") {
            let length = descriptor.len();
            format!("HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{descriptor}")
        } else {
            if let Ok(body) = serde_json::from_str(body) {
                log.lock().expect("nobody panics while holding it").push(body);
            }
            "HTTP/1.1 204 No Content\r\nconnection: close\r\n\r\n".to_owned()
        };
        let _ = stream.write_all(reply.as_bytes()).await;
        return;
    }
}

/// A request of a hand-made mirror.
pub fn request_of(mirror_id: &str, name: &str, base: &Url) -> Value {
    let base = base.as_str().trim_end_matches('/');
    json!({
        "mirrorId": mirror_id, "mirrorName": name, "mirrorBaseUrl": base, "mirrorType": "SINGLE",
        "productType": "Heliostat", "productVersion": "0.1.0",
        "addonDescriptorUri": format!("{base}/rest/mirroring/latest/upstreamServers/u/addon/descriptor"),
    })
}

/// A descriptor that an upstream accepts.
pub fn good_descriptor(base: &str) -> Value {
    let addon = format!("{base}/rest/mirroring/latest/upstreamServers/u/addon");
    json!({
        "key": "hand-made", "name": "hand-made", "baseUrl": base, "authentication": {"type": "jwt"},
        "lifecycle": {"installed": format!("{addon}/installed"), "uninstalled": format!("{addon}/uninstalled")},
        "webhooks": [{"event": "*", "url": format!("{addon}/events")}],
    })
}

/// Starts an upstream and joins a hand-made mirror to it.
pub async fn start_joined_by_hand() -> JoinedByHand {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let mirror_id = heliostat_auth::server_id();
    let admin = Client::new(upstream.base_url(), Identity::User("admin".into(), ADMIN_PASSWORD.into()));
    let upstream_client = admin.as_(Identity::Anonymous);
    let body = request_of(&mirror_id, "Hand-made", &mirror.base);
    let request = upstream_client.post("/rest/mirroring/latest/requests", &body).await.expect(200).json();
    let accept = format!("/rest/mirroring/latest/requests/{}/accept", request["id"]);
    admin.post_nothing(&accept).await.expect(200);
    let received = mirror.received();
    let installed = received.iter().find(|body| body["sharedSecret"].is_string()).expect("the event was sent");
    let secret = installed["sharedSecret"].as_str().expect("is text").to_owned();
    JoinedByHand { upstream, upstream_client, mirror_id, secret }
}
