//! Too many passwords at once: a caller who shows one is told to come back, on the upstream and through a mirror.

use std::time::Duration;

use base64::Engine;
use heliostat_api::Role;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::task::JoinSet;

use super::scene::scenes;
use crate::harness::{
    Answer, Identity, Promised, Server, shared_upstream_by_hand, start_joined_by_hand, unique, within,
};

/// Who guesses at the same time: more than an upstream lets wait, so that a place is taken as soon as it is free.
const GUESSERS: usize = 256 + 64;

/// A caller who gets a place in the queue waits for hundreds of passwords, and may get one again.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test]
async fn an_upstream_that_checks_too_many_passwords_answers_429() {
    let joined = start_joined_by_hand().await;
    let _crowd = Crowd::gather(&joined.upstream);
    within(PATIENCE, "a full queue", || async {
        let guesser = joined.upstream.anonymous().as_(Identity::User("admin".to_owned(), unique()));
        turned_away(guesser.get("/rest/api/latest/projects").await)
    })
    .await;
    // All at once: a caller who gets through to the queue in spite of the crowd waits long for being wrong.
    let mut asking = JoinSet::new();
    for operation in Promised::of_role(Role::Upstream).filter(looks_at_passwords) {
        let anonymous = joined.upstream.anonymous();
        asking.spawn(async move {
            // Nothing is there, and no caller finds out: the password comes first.
            let (address, body) = (operation.address(|_| "1".to_owned()), operation.example_body());
            let refused = within(PATIENCE, operation.id(), || async {
                let guesser = anonymous.as_(Identity::User("admin".to_owned(), unique()));
                turned_away(guesser.send(operation.method(), &address, body.as_ref()).await)
            });
            expect_patience(refused.await);
        });
    }
    let mirror = joined.upstream.client(&joined.identity());
    asking.spawn(async move {
        let refused = within(PATIENCE, "authenticate", || async {
            let body = json!({"credentials": {"username": "admin", "password": unique()}});
            turned_away(mirror.post("/rest/mirroring/latest/authenticate", &body).await)
        });
        expect_patience(refused.await);
    });
    while let Some(asked) = asking.join_next().await {
        asked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

/// Where only servers may call, users are told so by 403, so that their passwords are looked at.
fn looks_at_passwords(operation: &Promised) -> bool {
    operation.accepts("basic") || operation.accepts("serverJwt")
}

/// The answer, unless there was time for the password and it was wrong.
fn turned_away(answer: Answer) -> Option<Answer> {
    if answer.status == 401 { None } else { Some(answer) }
}

#[tokio::test]
async fn a_mirror_passes_the_upstreams_429_on() {
    let by_hand = shared_upstream_by_hand().await;
    let [_, mirror] = scenes().await;
    let client = by_hand.mirror.client(&by_hand.unlucky_user());
    for operation in mirror.operations().filter(|operation| operation.accepts("basic")) {
        let address = operation.address(|name| match name {
            "upstreamId" => by_hand.upstream_id.clone(),
            name => mirror.sample(name),
        });
        let body = mirror.body(&operation);
        expect_patience(client.send(operation.method(), &address, body.as_ref()).await);
    }
}

fn expect_patience(answer: Answer) {
    let wait = answer.headers.get("retry-after").and_then(|value| value.to_str().ok()?.parse::<u64>().ok());
    assert!(wait.is_some_and(|seconds| seconds > 0), "no time to wait in {:?}", answer.headers);
    answer.refused(429);
}

/// So many guesses that the queue of passwords to check is full for all who come later. It goes when dropped.
struct Crowd {
    _guessers: JoinSet<()>,
}

impl Crowd {
    fn gather(upstream: &Server) -> Self {
        let address = format!("127.0.0.1:{}", upstream.base_url().port().expect("has a port"));
        let mut guessers = JoinSet::new();
        for _ in 0..GUESSERS {
            guessers.spawn(guess_without_end(address.clone()));
        }
        Crowd { _guessers: guessers }
    }
}

/// Two requests are always under way, so that the server finds the next one as soon as it has answered one.
async fn guess_without_end(address: String) {
    let guess = base64::engine::general_purpose::STANDARD.encode(format!("admin:{}", unique()));
    let request = format!(
        "GET /rest/api/latest/users HTTP/1.1\r\nHost: {address}\r\nAuthorization: Basic {guess}\r\n\r\n"
    );
    let mut answer = [0; 4096];
    loop {
        // A connection that breaks is made anew.
        let Ok(mut stream) = TcpStream::connect(&address).await else { continue };
        let mut sent = stream.write_all(request.as_bytes()).await;
        while sent.is_ok() {
            sent = stream.write_all(request.as_bytes()).await;
            if !matches!(stream.read(&mut answer).await, Ok(1..)) {
                break;
            }
        }
    }
}
