//! An upstream whose mirror is played by the test: it learns the shared secret and can sign, well or badly.

use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{OnceLock, mpsc};

use parking_lot::Mutex;
use serde_json::{Value, json};
use url::Url;

use super::attempt::Attempt;
use super::client::{Client, Identity};
use super::server::{Server, ServerOptions};
use super::tiny_http::{Received, TinyHttp};

/// An upstream and what its hand-made mirror knows.
pub struct JoinedByHand {
    /// Keeps the upstream running.
    pub upstream: Server,
    /// The upstream without credentials; give it a token.
    pub upstream_client: Client,
    /// The mirror's server id.
    pub mirror_id: String,
    /// The secret that the upstream gave.
    pub secret: String,
    /// The mirror itself.
    pub mirror: FakeMirror,
}

/// A mirror made of two canned answers: its descriptor, and 204 to everything that is posted.
#[derive(Debug)]
pub struct FakeMirror {
    /// Where it listens.
    pub base: Url,
    server: TinyHttp,
    /// What waits for its end goes on when it is dropped.
    _end: mpsc::Sender<()>,
}

impl FakeMirror {
    /// Starts it; `descriptor` gets its base URL and says what its descriptor is.
    pub async fn start(descriptor: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        Self::start_deaf(0, descriptor).await
    }

    /// The same, but gives no answer to the first posts.
    pub async fn start_deaf(posts: u32, descriptor: impl Fn(&str) -> Value + Send + Sync + 'static) -> Self {
        let (end, ended) = mpsc::channel::<()>();
        let (left, ended) = (AtomicU32::new(posts), Mutex::new(ended));
        let server = TinyHttp::start(|base| {
            let descriptor = descriptor(base);
            move |request: &Received| {
                if request.method == "GET" {
                    return (200, descriptor.clone());
                }
                let one_less = |left: u32| left.checked_sub(1);
                if left.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less).is_ok() {
                    let _ = ended.lock().recv();
                }
                (204, Value::Null)
            }
        });
        FakeMirror { base: server.base.clone(), server, _end: end }
    }

    /// Bodies that were posted to it.
    pub fn received(&self) -> Vec<Value> {
        self.requests()
            .into_iter()
            .filter(|request| request.method != "GET")
            .map(|request| request.body)
            .collect()
    }

    /// Everything that was asked of it.
    pub fn requests(&self) -> Vec<Received> {
        self.server.received()
    }

    /// What was posted to a path with this end.
    pub fn posted_to(&self, end: &str) -> Option<Received> {
        self.requests()
            .into_iter()
            .rev()
            .find(|request| request.method == "POST" && request.path.ends_with(end))
    }

    /// Asks an upstream to join and is accepted; returns the mirror's id and secret.
    pub async fn join(&self, upstream: &Server, name: &str) -> (String, String) {
        let mirror_id = heliostat_auth::server_id();
        let body = request_of(&mirror_id, name, &self.base);
        let request =
            upstream.anonymous().post("/rest/mirroring/latest/requests", &body).await.expect(200).json();
        let accept = format!("/rest/mirroring/latest/requests/{}/accept", request["id"]);
        upstream.admin().post_nothing(&accept).await.expect(200);
        let installed = self.posted_to("/addon/installed").expect("the event was sent");
        let secret = installed.body["sharedSecret"].as_str().expect("is text").to_owned();
        (mirror_id, secret)
    }
}

impl JoinedByHand {
    /// The mirror, as the upstream knows it.
    pub fn identity(&self) -> Identity {
        Identity::Server(self.mirror_id.clone(), self.secret.clone())
    }

    /// The mirror's name with a secret that is not its.
    pub fn forger(&self) -> Identity {
        Identity::Server(self.mirror_id.clone(), "0".repeat(64))
    }

    /// Callers other than this mirror are refused, another mirror included.
    pub async fn refuse_all_others(&self, call: &Attempt) {
        let (second, _) = self.another("Second").await;
        call.by(&Identity::Anonymous, 401).await;
        call.by(&Identity::impostor(), 401).await;
        call.by(&self.forger(), 401).await;
        call.by(&Identity::admin(), 403).await;
        call.by(&second, 403).await;
    }

    /// Another mirror that joins.
    pub async fn another(&self, name: &str) -> (Identity, FakeMirror) {
        let mirror = FakeMirror::start(good_descriptor).await;
        let (id, secret) = mirror.join(&self.upstream, name).await;
        (Identity::Server(id, secret), mirror)
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
        "webhooks": [{"event": "repo:refs_changed", "url": format!("{addon}/events")}],
    })
}

/// Starts an upstream and joins a hand-made mirror to it.
pub async fn start_joined_by_hand() -> JoinedByHand {
    let upstream = Server::upstream(ServerOptions::default());
    let mirror = FakeMirror::start(good_descriptor).await;
    let (mirror_id, secret) = mirror.join(&upstream, "Hand-made").await;
    let upstream_client = upstream.anonymous();
    JoinedByHand { upstream, upstream_client, mirror_id, secret, mirror }
}

/// One of these for all tests that leave its mirrors as they are.
pub async fn shared_joined_by_hand() -> &'static JoinedByHand {
    static JOINED: OnceLock<JoinedByHand> = OnceLock::new();
    static STARTING: tokio::sync::Mutex<()> = tokio::sync::Mutex::const_new(());
    let _guard = STARTING.lock().await;
    if let Some(joined) = JOINED.get() {
        return joined;
    }
    let joined = start_joined_by_hand().await;
    JOINED.get_or_init(|| joined)
}
