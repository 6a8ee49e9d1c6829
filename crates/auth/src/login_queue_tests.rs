//! Tests of whose attempt is checked when.

use std::pin::pin;

use super::*;

const ONE: LoginOrigin<'_> = LoginOrigin::Network("192.0.2.0/24");
const OTHER: LoginOrigin<'_> = LoginOrigin::Network("198.51.100.0/24");

fn attempt<'a>(name: &'a str, origin: LoginOrigin<'a>) -> LoginAttempt<'a> {
    LoginAttempt { name, origin }
}

async fn turn(queue: &LoginQueue, name: &str, origin: LoginOrigin<'_>) -> LoginTurn {
    queue.turn(attempt(name, origin), Expectation::Nothing).await.expect("it may be checked")
}

/// Waits in a task of its own, and keeps its turn until the test takes it.
fn waiting(
    queue: &LoginQueue,
    name: &str,
    origin: &'static LoginOrigin<'static>,
    expectation: Expectation,
) -> tokio::task::JoinHandle<Result<LoginTurn, TooManyAttempts>> {
    let (queue, name) = (queue.clone(), name.to_owned());
    tokio::spawn(async move { queue.turn(attempt(&name, *origin), expectation).await })
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn pauses_grow_and_end_and_concern_one_name_in_one_network() {
    let queue = LoginQueue::new(2, 10);
    let mut guesses = (0_u8..).map(|number| [number; 32]);
    let mut guess = || guesses.next().expect("there are enough");
    for _ in 0..=FREE_FAILURES {
        turn(&queue, "ada", ONE).await.was_wrong(&guess());
    }
    let mut before = Duration::ZERO;
    for _ in 0..10 {
        let refused = queue.turn(attempt("Ada", ONE), Expectation::Nothing).await;
        let TooManyAttempts { retry_after } = refused.expect_err("it must wait");
        assert!(retry_after > before || retry_after == LONGEST_PAUSE, "{retry_after:?}");
        before = retry_after;
        drop(turn(&queue, "ada", OTHER).await);
        drop(turn(&queue, "bob", ONE).await);
        let expected = queue.turn(attempt("ada", ONE), Expectation::Right).await;
        drop(expected.expect("what was right before is no guess"));
        tokio::time::advance(retry_after).await;
        turn(&queue, "ada", ONE).await.was_wrong(&guess());
    }
    assert_eq!(before, LONGEST_PAUSE);
    tokio::time::advance(LONGEST_PAUSE).await;
    turn(&queue, "ada", ONE).await.was_right();
    turn(&queue, "ada", ONE).await.was_wrong(&guess());
    for _ in 0..100 {
        turn(&queue, "ada", ONE).await.was_wrong(&[0xff; 32]);
    }
    drop(turn(&queue, "ada", ONE).await);
}

#[tokio::test]
async fn who_was_wrong_waits_behind_who_was_not() {
    let queue = LoginQueue::new(1, 10);
    turn(&queue, "guesser", ONE).await.was_wrong(&[0; 32]);
    let running = turn(&queue, "first", ONE).await;
    let guess = waiting(&queue, "guesser", &ONE, Expectation::Nothing);
    settle().await;
    let honest = waiting(&queue, "ada", &ONE, Expectation::Nothing);
    settle().await;
    let known = waiting(&queue, "bob", &ONE, Expectation::Right);
    settle().await;
    drop(running);
    let known = known.await.expect("no panic").expect("a turn");
    settle().await;
    assert!(!honest.is_finished());
    drop(known);
    let honest = honest.await.expect("no panic").expect("a turn");
    settle().await;
    assert!(!guess.is_finished());
    drop(honest);
    drop(guess.await.expect("no panic").expect("a turn"));
}

#[tokio::test]
async fn one_network_takes_neither_all_turns_nor_the_whole_queue() {
    let queue = LoginQueue::new(2, 4);
    let running = turn(&queue, "0", ONE).await;
    let flood: Vec<_> =
        (1..=4).map(|number| waiting(&queue, &number.to_string(), &ONE, Expectation::Nothing)).collect();
    settle().await;
    let _other = turn(&queue, "ada", OTHER).await;
    let mut fifth = pin!(queue.turn(attempt("5", ONE), Expectation::Nothing));
    let fifth = polled_once(fifth.as_mut()).await.expect("it is refused at once");
    assert_eq!(fifth.expect_err("the queue is full").retry_after, RETRY_WHEN_FULL);
    let from_elsewhere = waiting(&queue, "bob", &OTHER, Expectation::Nothing);
    settle().await;
    assert!(!from_elsewhere.is_finished(), "it waits");
    let refused = flood.iter().filter(|waiting| waiting.is_finished()).count();
    assert_eq!(refused, 1, "it has made room");
    drop(running);
    for waiting in flood {
        drop(waiting.await.expect("no panic"));
    }
}

#[tokio::test(start_paused = true)]
async fn attempts_that_queued_before_the_pause_are_refused_in_it() {
    let queue = LoginQueue::new(1, 10);
    for number in 0..FREE_FAILURES {
        turn(&queue, "ada", ONE).await.was_wrong(&[number as u8; 32]);
    }
    let last = turn(&queue, "ada", ONE).await;
    let queued = waiting(&queue, "ada", &ONE, Expectation::Nothing);
    settle().await;
    last.was_wrong(&[0xff; 32]);
    assert!(queued.await.expect("no panic").is_err());
    assert_eq!(queue.lock().running, 0);
}

#[tokio::test]
async fn who_leaves_makes_no_hole() {
    let queue = LoginQueue::new(1, 10);
    let running = turn(&queue, "ada", ONE).await;
    let leaving = waiting(&queue, "bob", &ONE, Expectation::Nothing);
    let called = waiting(&queue, "cy", &ONE, Expectation::Nothing);
    settle().await;
    leaving.abort();
    settle().await;
    assert_eq!(queue.lock().others.length, 1);
    drop(running);
    // It has its turn and leaves before it can look.
    called.abort();
    called.await.ok();
    drop(turn(&queue, "ada", ONE).await);
    let state = queue.lock();
    assert!(state.running == 0 && state.running_by_origin.is_empty() && state.others.round.is_empty());
}

#[tokio::test]
async fn what_is_remembered_of_failures_is_bounded() {
    let queue = LoginQueue::new(1, 10);
    for number in 0..=MAX_REMEMBERED_FAILURES {
        turn(&queue, &number.to_string(), ONE).await.was_wrong(&[0; 32]);
    }
    assert!(queue.lock().failures.len() <= MAX_REMEMBERED_FAILURES);
}

/// What a future gives at once.
async fn polled_once<F: Future + Unpin>(mut future: F) -> Option<F::Output> {
    std::future::poll_fn(|context| {
        std::task::Poll::Ready(match std::pin::Pin::new(&mut future).poll(context) {
            std::task::Poll::Ready(output) => Some(output),
            std::task::Poll::Pending => None,
        })
    })
    .await
}
