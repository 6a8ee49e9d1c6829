//! Too many passwords at once: whoever shows one is told to come back, on the upstream and through a mirror.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base64::Engine;
use heliostat_api::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::scene::scenes;
use crate::harness::{
    Answer, Identity, Promised, Server, eventually, shared_upstream_by_hand, start_joined_by_hand, unique,
};

/// Passwords that an upstream checks or keeps waiting at the same time.
const MAX_QUEUED_PASSWORDS: usize = 256;
/// More guesses than that, so that a place is taken again as soon as it is free.
const GUESSERS: usize = MAX_QUEUED_PASSWORDS + 32;

#[tokio::test]
async fn an_upstream_that_checks_too_many_passwords_answers_429() {
    let joined = start_joined_by_hand().await;
    let crowd = Crowd::besiege(&joined.upstream);
    for operation in Promised::of_role(Role::Upstream).filter(|operation| operation.accepts("basic")) {
        // Nothing is there, and nobody finds out: the password comes first.
        let address = operation.address(|_| "1".to_owned());
        let (method, body) = (operation.method(), operation.example_body());
        let refused = eventually(operation.id(), || async {
            let caller = joined.upstream.client(&Identity::User("admin".to_owned(), unique()));
            turned_away(caller.send(method.clone(), &address, body.as_ref()).await)
        });
        expect_patience(refused.await);
    }
    let mirror = joined.upstream.client(&joined.identity());
    let refused = eventually("a refusal to a mirror", || async {
        let body = json!({"credentials": {"username": "admin", "password": unique()}});
        turned_away(mirror.post("/rest/mirroring/latest/authenticate", &body).await)
    });
    expect_patience(refused.await);
    crowd.leave();
}

#[tokio::test]
async fn a_mirror_passes_the_upstreams_429_on() {
    let by_hand = shared_upstream_by_hand().await;
    let [_, mirror] = scenes().await;
    for operation in mirror.operations().filter(|operation| operation.accepts("basic")) {
        let address = operation.address(|name| {
            if name == "upstreamId" { by_hand.upstream_id.clone() } else { mirror.sample(name) }
        });
        let client = by_hand.mirror.client(&by_hand.unlucky_user());
        expect_patience(client.send(operation.method(), &address, mirror.body(&operation).as_ref()).await);
    }
}

fn turned_away(answer: Answer) -> Option<Answer> {
    if answer.status == 401 { None } else { Some(answer) }
}

fn expect_patience(answer: Answer) {
    let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    assert!(wait.is_some_and(|seconds| seconds > 0), "429 without a time to wait: {wait:?}");
    answer.refused(429);
}

/// So many guesses at a time that the queue of passwords to check is always full.
struct Crowd {
    left: Arc<AtomicBool>,
    guessers: JoinSet<std::io::Result<()>>,
}

impl Crowd {
    fn besiege(upstream: &Server) -> Self {
        let address = format!("127.0.0.1:{}", upstream.base_url().port().expect("has a port"));
        let left = Arc::new(AtomicBool::new(false));
        let mut guessers = JoinSet::new();
        for _ in 0..GUESSERS {
            guessers.spawn(guess(address.clone(), left.clone()));
        }
        Crowd { left, guessers }
    }

    fn leave(mut self) {
        self.left.store(true, Ordering::Relaxed);
        self.guessers.abort_all();
    }
}

async fn guess(address: String, left: Arc<AtomicBool>) -> std::io::Result<()> {
    while !left.load(Ordering::Relaxed) {
        let guess = base64::engine::general_purpose::STANDARD.encode(format!("admin:{}", unique()));
        let request = format!(
            "GET /rest/api/latest/users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {guess}\r\nConnection: close\r\n\r\n"
        );
        let mut stream = TcpStream::connect(&address).await?;
        stream.write_all(request.as_bytes()).await?;
        stream.read_to_end(&mut Vec::new()).await?;
    }
    Ok(())
}
