//! Too many guesses: a caller who shows one more password is told when to come back, on the upstream and through a mirror.

use std::time::Duration;

use heliostat_api::Role;
use serde_json::json;
use tokio::task::JoinSet;

use super::scene::scenes;
use crate::harness::{
    Answer, Identity, Promised, shared_upstream_by_hand, start_joined_by_hand, unique, within,
};

/// Each guess that is looked at takes a core for a moment, and there are some for each operation.
const PATIENCE: Duration = Duration::from_mins(5);

#[tokio::test]
async fn an_upstream_that_is_shown_too_many_guesses_answers_429() {
    let joined = start_joined_by_hand().await;
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
            refused.await.refused_for_now();
        });
    }
    let mirror = joined.upstream.client(&joined.identity());
    asking.spawn(async move {
        let refused = within(PATIENCE, "authenticate", || async {
            let body = json!({"credentials": {"username": "admin", "password": unique()}});
            turned_away(mirror.post("/rest/mirroring/latest/authenticate", &body).await)
        });
        refused.await.refused_for_now();
    });
    while let Some(asked) = asking.join_next().await {
        asked.unwrap_or_else(|error| std::panic::resume_unwind(error.into_panic()));
    }
}

/// Where only servers may call, users are told so by 403, so that their passwords are looked at.
fn looks_at_passwords(operation: &Promised) -> bool {
    operation.accepts("basic") || operation.accepts("serverJwt")
}

/// The answer, unless the password was looked at and was wrong.
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
        client.send(operation.method(), &address, body.as_ref()).await.refused_for_now();
    }
}
