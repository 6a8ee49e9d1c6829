//! Nothing is shown that was not proven: whatever answers in the upstream's place, readers see a state that it had.

use std::time::Duration;

use super::fake_upstream::{ADVERTISEMENT, Disturbance, NOWHERE};
use super::{MAIN, PATIENCE, World, ada, eventually, hash_of};

const OTHER: &str = "refs/heads/other";

/// At most: a greeting, one round in which git says what is here, and the objects. A `git fetch` of references takes as
/// many.
const REQUESTS_OF_A_FETCH: usize = 3;

impl World {
    /// The hash of the refs on disk, however old they are.
    async fn shown(&self) -> String {
        let served = self.mirror.serving.open("APP", "engine", &ada(), None).await.expect("ada may read");
        hash_of(served).await
    }

    /// The hash of the refs that a client gets to see as soon as no attempt fails any more that has begun amid trouble.
    async fn seen_after_trouble(&self) -> String {
        let current = async {
            loop {
                let served = self.mirror.serving.open("APP", "engine", &ada(), None).await;
                let served = served.expect("ada may read");
                if served.freshness.is_current() {
                    return hash_of(served).await;
                }
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        tokio::time::timeout(PATIENCE, current).await.expect("it heals")
    }

    fn failures(&self) -> i32 {
        self.records()[0].failed_count
    }

    fn disturb(&self, disturbance: Option<Disturbance>) {
        self.upstream.state().disturbance = disturbance;
    }

    /// The event of the latest push arrives.
    async fn hears_of(&self, name: &str) {
        let event = self.upstream.refs_changed(42, name);
        let heard = self.mirror.events.handle(&self.upstream_itself(), self.id(), event).await;
        heard.expect("a well-formed event");
    }

    async fn pushes(&self, name: &str, message: &str) {
        self.upstream.push(42, name, message).await;
        self.hears_of(name).await;
    }

    /// How often git's part of the upstream is asked until the mirror is current.
    async fn requests_until_current(&self) -> usize {
        assert_eq!(self.seen().await, self.upstream_hash());
        std::mem::take(&mut self.upstream.state().git_requests)
    }
}

fn greeting(content_type: &'static str, body: &str) -> Disturbance {
    Disturbance::Greeting { content_type, body: body.into() }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_is_no_whole_list_of_the_right_moment_changes_nothing() {
    let world = World::joined().await;
    world.pushes(OTHER, "a second branch").await;
    let _current = world.requests_until_current().await;
    let past = world.upstream.repository(42).moved.1;
    let past = Disturbance::List(format!("003f{past} refs/heads/main\n0000").into_bytes());
    let disturbances = [
        greeting(ADVERTISEMENT, ""),
        greeting(ADVERTISEMENT, "000eversion 2\n0013ls-refs=unb"),
        greeting("text/html", "<html><body>Please sign in.</body></html>"),
        greeting("text/plain", &format!("{}\trefs/heads/main\n", "1".repeat(40))),
        greeting(
            ADVERTISEMENT,
            "001f# service=git-receive-pack\n0000000eversion 2\n000cls-refs\n000afetch\n0000",
        ),
        greeting(ADVERTISEMENT, "001e# service=git-upload-pack\n0000000eversion 1\n0000"),
        Disturbance::HalfAList,
        Disturbance::List(b"0000".to_vec()),
        past,
        Disturbance::NoObjects,
    ];
    for disturbance in disturbances {
        let before = world.shown().await;
        world.disturb(Some(disturbance.clone()));
        world.upstream.push(42, MAIN, &format!("{disturbance:?}")).await;
        world.mirror.sweep_signal.wake();
        eventually("the synchronisation has failed", || world.failures() > 0).await;
        assert_eq!(world.shown().await, before, "{disturbance:?}");
        world.disturb(None);
        world.pushes(MAIN, "all is well again").await;
        assert_eq!(world.seen_after_trouble().await, world.upstream_hash(), "{disturbance:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fetch_that_brings_nothing_changes_nothing() {
    let world = World::joined().await;
    for disturbance in [greeting(ADVERTISEMENT, ""), Disturbance::NoObjects] {
        let before = world.shown().await;
        world.disturb(Some(disturbance.clone()));
        world.pushes(MAIN, &format!("{disturbance:?}")).await;
        eventually("the synchronisation has failed", || world.failures() > 0).await;
        assert_eq!(world.shown().await, before, "{disturbance:?}");
        world.disturb(None);
        world.pushes(MAIN, "all is well again").await;
        assert_eq!(world.seen_after_trouble().await, world.upstream_hash(), "{disturbance:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_announced_push_takes_a_fetch_by_name_and_a_deletion_no_request() {
    let world = World::joined().await;
    let _joining = world.requests_until_current().await;
    world.pushes(MAIN, "one more").await;
    assert!(world.requests_until_current().await <= REQUESTS_OF_A_FETCH);
    world.pushes(OTHER, "a branch").await;
    assert!(world.requests_until_current().await <= REQUESTS_OF_A_FETCH);
    world.upstream.delete(42, OTHER).await;
    world.hears_of(OTHER).await;
    assert_eq!(world.requests_until_current().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_event_that_is_based_on_something_else_asks_for_the_list() {
    let world = World::joined().await;
    let _joining = world.requests_until_current().await;
    world.upstream.push(42, MAIN, "another past").await;
    world.upstream.state().repositories.get_mut(&42).expect("there").moved.0 = NOWHERE.to_owned();
    world.hears_of(MAIN).await;
    let requests = world.requests_until_current().await;
    assert!(
        (4..=2 + REQUESTS_OF_A_FETCH).contains(&requests),
        "two for the list, the rest for the objects: {requests}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn an_old_deletion_does_not_undo_a_newer_push() {
    let world = World::joined().await;
    world.pushes(OTHER, "a branch").await;
    let _current = world.requests_until_current().await;
    world.upstream.delete(42, OTHER).await;
    let deletion = world.upstream.refs_changed(42, OTHER);
    world.pushes(OTHER, "the branch again").await;
    let _current = world.requests_until_current().await;
    let late = world.mirror.events.handle(&world.upstream_itself(), world.id(), deletion).await;
    late.expect("a well-formed event");
    assert_eq!(world.requests_until_current().await, 0, "it starts nothing");
    world.pushes(MAIN, "and on").await;
    assert_eq!(world.seen().await, world.upstream_hash());
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_that_a_cache_has_kept_is_no_fallback_of_the_upstream() {
    let world = World::joined().await;
    let kept = world.upstream.kept_answer(42);
    world.pushes(MAIN, "of which the cache does not know").await;
    assert_eq!(world.seen().await, world.upstream_hash());

    // An event that is late makes the mirror ask.
    let late = world.upstream.refs_changed(42, MAIN);
    world.pushes(MAIN, "one more").await;
    assert_eq!(world.seen().await, world.upstream_hash());
    world.upstream.state().kept = Some(kept.clone());
    let heard = world.mirror.events.handle(&world.upstream_itself(), world.id(), late).await;
    heard.expect("a well-formed event");
    assert_eq!(world.mirror.status.now().held, 0, "the answer does not repeat the nonce of the question");

    // The upstream itself says the same: it was restored from a backup.
    let of_the_past = world.upstream.go_back_to(42, &kept);
    let until_held = async {
        // It does not ask while it still works on what it heard before.
        while world.mirror.status.now().held == 0 {
            let again = of_the_past.clone();
            let heard = world.mirror.events.handle(&world.upstream_itself(), world.id(), again).await;
            heard.expect("a well-formed event");
        }
    };
    tokio::time::timeout(PATIENCE, until_held).await.expect("it is held back");
}
