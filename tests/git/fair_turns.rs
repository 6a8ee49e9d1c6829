//! One client can slow itself and no other: readers that do not read, and clients that guess passwords.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use reqwest::StatusCode;
use tokio::task::JoinSet;

use super::server_process::children_of;
use crate::harness::{
    ADMIN_PASSWORD, Checkout, Identity, Pair, Server, ServerOptions, USER_PASSWORD, clone_url, commit_noise,
    eventually, git, post_fetch, unique,
};

/// Readers of one network that take nothing: more than there are processes for all clients.
const STALLED: usize = 80;
/// How many processes unverified clients of one network have.
const SHARE: usize = 16;
/// More guesses than are looked at in a row.
const MANY_GUESSES: usize = 20;
/// Clients that guess at the same time.
const GUESSERS: usize = 150;
/// Users of another network who sign in meanwhile.
const HONEST_USERS: usize = 5;
/// What every user may ask an upstream.
const AT_UPSTREAM: &str = "/rest/api/latest/users";
/// What only administrators may ask a mirror.
const AT_MIRROR: &str = "/rest/mirroring/latest/upstreamServers";

#[tokio::test]
async fn readers_that_take_nothing_keep_no_client_from_pushing_and_fetching() {
    // Nothing is stored, so that each reader has a process of its own.
    let arguments = ["--cache-size", "0"].map(str::to_owned).to_vec();
    let server = Server::upstream(ServerOptions { arguments, ..ServerOptions::default() });
    let (repository, checkout) = server.pushed_repository(true).await;
    let commit = commit_noise(&checkout);
    checkout.push(&server.admin_url(&repository), &["HEAD:refs/heads/main"]);
    eventually("the push to end", || async { (children_of(&server) == 0).then_some(()) }).await;

    let url = clone_url(server.base_url(), &repository, None);
    let body = format!("0032want {commit}\n00000009done\n");
    let mut stalled = Vec::new();
    for _ in 0..STALLED {
        stalled.push(post_fetch(&url, &body, body.len()).await);
    }
    eventually("their network to have its share", || async { (children_of(&server) == SHARE).then_some(()) })
        .await;

    let other = server.empty_repository(false).await;
    let pushed = Checkout::new();
    pushed.push(&server.admin_url(&other), &["HEAD:refs/heads/main"]);
    // Git shows no credentials for what is public, unless it is told to.
    let credentials = STANDARD.encode(format!("admin:{ADMIN_PASSWORD}"));
    let header = format!("http.extraHeader=Authorization: Basic {credentials}");
    for (number, repository) in [&other, &repository].into_iter().enumerate() {
        let (from, copy) = (clone_url(server.base_url(), repository, None), format!("copy-{number}.git"));
        let clone = ["-c", &header, "clone", "--quiet", "--bare", "--depth=1", from.as_str(), &copy];
        git(pushed.path(), &clone);
    }
    eventually("no others to run", || async { (children_of(&server) == SHARE).then_some(()) }).await;
    drop(stalled);
    eventually("git to end", || async { (children_of(&server) == 0).then_some(()) }).await;
}

#[tokio::test]
async fn who_guesses_is_told_to_wait_and_no_other_client_is() {
    let server = Server::upstream(ServerOptions::default());
    let other = server.new_user().await;
    let user = eventually("a user who has to wait as well", || async {
        let user = server.new_user().await;
        let guessed = guess_until_refused(&server, AT_UPSTREAM, user.name()).await;
        assert!(guessed < MANY_GUESSES, "{guessed} guesses were looked at");
        // A password that was not right before could be one more guess. The first pause lasts a second, and is over when a
        // busy machine comes to it.
        let answer = server.client(&user).get(AT_UPSTREAM).await;
        (answer.status != 200).then(|| answer.refused_for_now()).map(|()| user)
    })
    .await;
    // It concerns neither other names nor the same name elsewhere.
    server.client(&other).get(AT_UPSTREAM).await.expect(200);
    assert_eq!(status_from_elsewhere(&server, AT_UPSTREAM, &user).await, StatusCode::OK);
    // What was right is no guess any more, wherever it comes from.
    server.client(&user).get(AT_UPSTREAM).await.expect(200);
    guess_until_refused(&server, AT_UPSTREAM, other.name()).await;
    server.client(&other).get(AT_UPSTREAM).await.expect(200);
}

#[tokio::test]
async fn a_wrong_password_that_is_repeated_is_no_new_guess() {
    let server = Server::upstream(ServerOptions::default());
    let user = server.new_user().await;
    let outdated = server.client(&Identity::User(user.name().to_owned(), "outdated".to_owned()));
    for _ in 0..MANY_GUESSES {
        outdated.get(AT_UPSTREAM).await.refused(401);
    }
    server.client(&user).get(AT_UPSTREAM).await.expect(200);
}

#[tokio::test]
async fn many_who_guess_many_names_of_one_network_keep_no_other_client_from_signing_in() {
    let server = Server::upstream(ServerOptions::default());
    let mut users = Vec::new();
    for _ in 0..HONEST_USERS {
        users.push(server.new_user().await);
    }
    let url = server.base_url().join(AT_UPSTREAM).expect("is a URL");
    let answered = Arc::new(AtomicUsize::new(0));
    let mut guessers = JoinSet::new();
    for number in 0..GUESSERS {
        let (url, answered) = (url.clone(), Arc::clone(&answered));
        guessers.spawn(async move {
            let client = reqwest::Client::builder().tls_certs_only([]).build().expect("a client can be made");
            let address = format!("203.0.113.{}", number % 250 + 1);
            loop {
                let guess = client.get(url.clone()).basic_auth(unique(), Some(unique()));
                let answer = guess.header("X-Forwarded-For", &address).send().await;
                assert_eq!(answer.expect("the server answers").status(), StatusCode::UNAUTHORIZED);
                answered.fetch_add(1, Ordering::Relaxed);
            }
        });
    }
    eventually("the guesses to be looked at", || async {
        (answered.load(Ordering::Relaxed) > 0).then_some(())
    })
    .await;
    // Their passwords were never shown before, so that each has to be checked.
    for user in &users {
        let before = answered.load(Ordering::Relaxed);
        assert_eq!(status_from_elsewhere(&server, AT_UPSTREAM, user).await, StatusCode::OK);
        let meanwhile = answered.load(Ordering::Relaxed) - before;
        assert!(
            meanwhile < GUESSERS / 2,
            "{meanwhile} guesses were looked at before a user of another network"
        );
    }
    guessers.abort_all();
    while let Some(guesser) = guessers.join_next().await {
        let fault = guesser.expect_err("it guesses without end");
        assert!(fault.is_cancelled(), "{fault}");
    }
}

#[tokio::test]
async fn a_mirror_slows_guesses_down_before_its_upstream_hears_of_them() {
    let pair = Pair::start().await;
    let user = eventually("a user who has to wait as well", || async {
        let user = pair.upstream.new_user().await;
        let guessed = guess_until_refused(&pair.mirror, AT_MIRROR, user.name()).await;
        assert!(guessed < MANY_GUESSES, "{guessed} guesses were looked at");
        // Who is right may not do this, which is told when the pause is over before a busy machine comes to it.
        let answer = pair.mirror.client(&user).get(AT_MIRROR).await;
        (answer.status != 403).then(|| answer.refused(429)).map(|_| user)
    })
    .await;
    // Who is right is known, and may not do this.
    assert_eq!(status_from_elsewhere(&pair.mirror, AT_MIRROR, &user).await, StatusCode::FORBIDDEN);
    pair.mirror.client(&user).get(AT_MIRROR).await.refused(403);
    pair.upstream.client(&user).get(AT_UPSTREAM).await.expect(200);
}

/// Shows one wrong password after the other, and returns how many were looked at.
async fn guess_until_refused(server: &Server, path: &str, name: &str) -> usize {
    for number in 0..=MANY_GUESSES {
        let guess = Identity::User(name.to_owned(), unique());
        let answer = server.client(&guess).get(path).await;
        if answer.status == 429 {
            return number;
        }
        answer.refused(401);
    }
    panic!("{MANY_GUESSES} guesses were all looked at");
}

/// The answer to a client in another network than those of all others here.
async fn status_from_elsewhere(server: &Server, path: &str, user: &Identity) -> StatusCode {
    let client = reqwest::Client::builder()
        .tls_certs_only([])
        .local_address(IpAddr::V4(Ipv4Addr::new(127, 0, 9, 1)))
        .build()
        .expect("a client can be made");
    let url = server.base_url().join(path).expect("is a URL");
    let request = client.get(url).basic_auth(user.name(), Some(USER_PASSWORD));
    request.send().await.expect("the server answers").status()
}
