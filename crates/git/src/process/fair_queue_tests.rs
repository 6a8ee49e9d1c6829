//! Tests of who gets a permit when.

use std::sync::mpsc;

use futures_util::FutureExt;
use tokio::task::{JoinHandle, yield_now};
use tokio::time::advance;

use super::*;
use crate::process::usage::GONE_AFTER;

/// Sends its name when it gets its permit, and passes it on at once.
fn wait_as(queue: &FairQueue, repository: u64, client: &str, order: &mpsc::Sender<String>) -> JoinHandle<()> {
    let (queue, client, order) = (queue.clone(), client.to_owned(), order.clone());
    tokio::spawn(async move {
        let _permit = queue.permit(repository, ClientKey::verified(&client)).await;
        order.send(format!("{repository}{client}")).expect("the test listens");
    })
}

async fn settle() {
    for _ in 0..100 {
        yield_now().await;
    }
}

#[tokio::test(start_paused = true)]
async fn permits_go_round_repositories_and_clients() {
    let queue = FairQueue::new(Shares::unlimited(1));
    let permit = queue.permit(9, ClientKey::verified("first")).await;
    let (sender, order) = mpsc::channel();
    let mut waiting = Vec::new();
    for (repository, client) in [(1, "a"), (1, "a"), (1, "a"), (1, "b"), (2, "c"), (2, "c"), (3, "a")] {
        waiting.push(wait_as(&queue, repository, client, &sender));
        settle().await;
    }
    assert_eq!(queue.waiting(), 7);
    drop(permit);
    for waiter in waiting {
        waiter.await.expect("no panic");
    }
    let order: Vec<_> = order.try_iter().collect();
    assert_eq!(order, ["1a", "2c", "3a", "1b", "2c", "1a", "1a"]);
    assert_eq!((queue.waiting(), queue.running()), (0, 0));
    assert!(queue.lock().foreground.repositories.is_empty() && queue.lock().foreground.round.is_empty());
}

#[tokio::test]
async fn who_leaves_makes_no_hole() {
    let queue = FairQueue::new(Shares::unlimited(1));
    let permit = queue.permit(1, ClientKey::verified("a")).await;
    let (sender, order) = mpsc::channel();
    let mut waiting = Vec::new();
    for number in 0..6 {
        waiting.push(wait_as(&queue, number % 2, &number.to_string(), &sender));
    }
    settle().await;
    waiting[0].abort();
    waiting[3].abort();
    settle().await;
    assert_eq!(queue.waiting(), 4);
    drop(permit);
    // This one has been called and leaves before it can look.
    waiting[2].abort();
    for waiter in waiting {
        waiter.await.ok();
    }
    assert_eq!(order.try_iter().collect::<Vec<_>>(), ["11", "04", "15"]);
    assert_eq!((queue.waiting(), queue.running()), (0, 0));
}

#[tokio::test]
async fn no_more_turns_than_slots() {
    let queue = FairQueue::new(Shares::unlimited(3));
    let mut permits = Vec::new();
    for _ in 0..3 {
        permits.push(queue.permit(1, ClientKey::verified("a")).await);
    }
    let fourth = tokio::spawn({
        let queue = queue.clone();
        async move { queue.permit(1, ClientKey::verified("a")).await }
    });
    settle().await;
    assert!(!fourth.is_finished());
    assert_eq!((queue.running(), queue.waiting()), (3, 1));
    permits.pop();
    drop(fourth.await.expect("a permit"));
    assert_eq!(queue.running(), 2);
}

#[tokio::test]
async fn background_work_takes_half_and_stands_back() {
    let queue = FairQueue::new(Shares::unlimited(4));
    let first = queue.background_permit().await;
    let _second = queue.background_permit().await;
    let third = tokio::spawn({
        let queue = queue.clone();
        async move { queue.background_permit().await }
    });
    settle().await;
    assert!(!third.is_finished(), "half of the permits are taken");
    let asked = queue.permit(1, ClientKey::verified("a")).await;
    let _asked_too = queue.permit(1, ClientKey::verified("b")).await;
    let waiting = tokio::spawn({
        let queue = queue.clone();
        async move { queue.permit(3, ClientKey::verified("c")).await }
    });
    settle().await;
    drop(first);
    let waited = waiting.await.expect("a permit");
    settle().await;
    assert!(!third.is_finished(), "a client that asked was before it");
    drop((waited, asked));
    drop(third.await.expect("a permit"));
    assert_eq!(queue.lock().held.background, 1);
}

#[tokio::test]
async fn a_single_slot_serves_background_work_too() {
    let queue = FairQueue::new(Shares::unlimited(1));
    drop(queue.background_permit().await);
    drop(queue.permit(1, ClientKey::verified("a")).await);
    assert_eq!((queue.running(), queue.counters().permits, queue.counters().waits), (0, 2, 0));
}

#[tokio::test]
async fn background_work_goes_on_when_the_last_who_waited_leaves() {
    let queue = FairQueue::new(Shares::unlimited(2));
    let background = queue.background_permit().await;
    let asked = queue.permit(1, ClientKey::verified("a")).await;
    let next = tokio::spawn({
        let queue = queue.clone();
        async move { queue.background_permit().await }
    });
    let leaving = wait_as(&queue, 1, "b", &mpsc::channel().0);
    settle().await;
    drop(background);
    leaving.abort();
    drop(asked);
    drop(next.await.expect("a permit"));
    assert_eq!(queue.running(), 0);
}

#[tokio::test(start_paused = true)]
async fn waits_are_counted() {
    let queue = FairQueue::new(Shares::unlimited(1));
    let permit = queue.permit(1, ClientKey::verified("a")).await;
    let (sender, _order) = mpsc::channel();
    let first = wait_as(&queue, 1, "b", &sender);
    settle().await;
    advance(Duration::from_secs(1)).await;
    let second = wait_as(&queue, 1, "c", &sender);
    settle().await;
    advance(Duration::from_secs(2)).await;
    drop(permit);
    first.await.expect("no panic");
    second.await.expect("no panic");
    let counters = queue.counters();
    assert_eq!((counters.permits, counters.waits), (3, 2));
    let (waited, longest) = (Duration::from_secs(3 + 2), Duration::from_secs(3));
    assert_eq!((counters.waited, counters.longest_wait), (waited, longest));
}

/// Takes as many permits as there are without waiting.
fn take_all(queue: &FairQueue, repository: u64, client: ClientKey) -> Vec<Permit> {
    let one = || queue.permit(repository, client).now_or_never();
    std::iter::from_fn(one).collect()
}

#[tokio::test]
async fn no_client_and_no_repository_takes_all_processes() {
    let queue = FairQueue::new(Shares::of_processes(64));
    let unverified = |number| ClientKey::unverified(&format!("192.0.{number}.0/24"));
    let _of_one_network = take_all(&queue, 1, unverified(1));
    assert_eq!(queue.running(), 16);
    let _of_another = take_all(&queue, 1, unverified(2));
    assert_eq!(queue.running(), 32);
    let one_of_the_same = take_all(&queue, 1, unverified(3));
    assert_eq!(one_of_the_same.len(), 1, "of the repository, who asks now and then has one in any case");
    let of_an_account = take_all(&queue, 1, ClientKey::verified("ada"));
    assert_eq!(of_an_account.len(), 15, "of a repository, verified clients have more");
    drop((one_of_the_same, of_an_account));
    let _of_another_repository = take_all(&queue, 2, unverified(4));
    assert_eq!(queue.running(), 48);
    assert!(take_all(&queue, 3, unverified(5)).is_empty(), "unverified clients have three quarters of all");
    let of_an_account = take_all(&queue, 2, ClientKey::verified("bob"));
    assert_eq!(queue.running(), 64);
    drop(of_an_account);
    assert_eq!(take_all(&queue, 2, ClientKey::verified("ada")).len(), 16);
}

#[tokio::test(start_paused = true)]
async fn who_asks_now_and_then_comes_before_who_asks_without_end() {
    let queue = FairQueue::new(Shares::unlimited(1));
    let (busy, other) = (ClientKey::verified("busy"), ClientKey::verified("other"));
    let permit = queue.permit(1, busy).await;
    let began = Instant::now();
    advance(Duration::from_secs(100)).await;
    queue.lock().held.note_usage(busy, began);
    queue.lock().held.give_back(1, busy);
    queue.lock().held.take(1, busy);
    let mut again = Box::pin(queue.permit(1, busy));
    assert!((&mut again).now_or_never().is_none());
    let mut first = Box::pin(queue.permit(2, other));
    assert!((&mut first).now_or_never().is_none());
    drop(permit);
    assert!((&mut again).now_or_never().is_none(), "it has had much");
    assert!(first.now_or_never().is_some());
    assert!(again.now_or_never().is_some());
}

#[tokio::test]
async fn who_holds_its_share_is_passed_over() {
    let queue = FairQueue::new(Shares::of_processes(4));
    let (network, account) = (ClientKey::unverified("192.0.2.0/24"), ClientKey::verified("ada"));
    let held = take_all(&queue, 1, network);
    let _other = take_all(&queue, 2, ClientKey::verified("bob"));
    let again = queue.permit(1, network);
    tokio::pin!(again);
    assert!(again.as_mut().now_or_never().is_none(), "it has its share");
    let permit = queue.permit(3, account).now_or_never().expect("it has not waited");
    let next = queue.permit(3, account);
    tokio::pin!(next);
    assert!(next.as_mut().now_or_never().is_none(), "all are taken");
    drop(permit);
    assert!(next.now_or_never().is_some(), "the one before it may not start yet");
    assert!(again.as_mut().now_or_never().is_none());
    drop(held);
    assert!(again.now_or_never().is_some());
}

#[tokio::test]
async fn cores_are_all_used_by_one_and_begun_beside_by_others() {
    for (cores, of_unverified) in [(1, 1), (2, 3), (8, 12)] {
        let queue = FairQueue::new(Shares::of_cores(cores));
        let [one, two, three] = ["one", "two", "three"].map(ClientKey::unverified);
        let _one = take_all(&queue, 1, one);
        assert_eq!(queue.running(), cores);
        let _others = [take_all(&queue, 2, two), take_all(&queue, 3, three)];
        assert_eq!(queue.running(), of_unverified);
        let _account = take_all(&queue, 3, ClientKey::verified("ada"));
        assert_eq!(queue.running(), 2 * cores);
    }
}

#[tokio::test]
async fn background_work_begins_when_less_runs_than_there_are_cores() {
    let queue = FairQueue::new(Shares::of_cores(2));
    let taken = take_all(&queue, 1, ClientKey::verified("ada"));
    let background = queue.background_permit();
    tokio::pin!(background);
    assert!(background.as_mut().now_or_never().is_none());
    drop(taken);
    assert!(background.now_or_never().is_some());
}

#[tokio::test(start_paused = true)]
async fn a_permit_tells_whether_its_client_has_had_much() {
    let queue = FairQueue::new(Shares::unlimited(2));
    let (flood, other) = (ClientKey::unverified("flood"), ClientKey::unverified("other"));
    let permit = queue.permit(1, flood).await;
    assert_eq!(permit.usage_rank(), 0);
    advance(Duration::from_secs(4)).await;
    drop(permit);
    assert_eq!(queue.permit(1, flood).await.usage_rank(), 3);
    assert_eq!(queue.permit(1, other).await.usage_rank(), 0);
    assert_eq!(queue.background_permit().await.usage_rank(), u32::MAX, "no client waits for it");
}

/// A queue of four cores, of which a client has had all for four seconds.
async fn queue_after_much(client: ClientKey) -> FairQueue {
    let queue = FairQueue::new(Shares::of_cores(4));
    let first = all_of(&queue, client);
    assert_eq!(first.len(), 4, "it is alone");
    advance(Duration::from_secs(4)).await;
    drop(first);
    queue
}

fn all_of(queue: &FairQueue, client: ClientKey) -> Vec<Permit> {
    std::iter::from_fn(|| queue.permit(1, client).now_or_never()).collect()
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_had_much_leaves_half_of_the_cores_while_there_are_others() {
    let (flood, other) = (ClientKey::unverified("flood"), ClientKey::unverified("other"));
    let queue = queue_after_much(flood).await;
    drop(queue.permit(1, ClientKey::server()).await);
    let background = queue.background_permit().await;
    assert_eq!(all_of(&queue, flood).len(), 4, "neither is another client");
    drop(background);
    let of_other = queue.permit(1, other).await;
    advance(2 * GONE_AFTER).await;
    assert_eq!(all_of(&queue, flood).len(), 2, "the other one still has something");
    drop(of_other);
    assert_eq!(all_of(&queue, flood).len(), 2);
    assert_eq!(all_of(&queue, ClientKey::unverified("third")).len(), 4, "it has had little");
}

#[tokio::test(start_paused = true)]
async fn a_client_that_has_had_much_gets_what_others_left_for_a_while() {
    let (flood, other) = (ClientKey::unverified("flood"), ClientKey::unverified("other"));
    let queue = queue_after_much(flood).await;
    drop(queue.permit(1, other).await);
    let held = all_of(&queue, flood);
    assert_eq!(held.len(), 2);
    let began = Instant::now();
    let _third = queue.permit(1, flood).await;
    assert!(began.elapsed() <= 2 * GONE_AFTER, "{:?}", began.elapsed());
    assert_eq!(held.len(), 2, "nothing was given back meanwhile");
}

#[test]
fn only_shares_that_depend_on_time_let_waiters_look_again() {
    for all in [2, 16] {
        assert!(!Shares::unlimited(all).depend_on_time() && !Shares::of_requests(all).depend_on_time());
        assert!(Shares::of_processes(all).depend_on_time() && Shares::of_cores(all).depend_on_time());
    }
}
