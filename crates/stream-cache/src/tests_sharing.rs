//! Tests of how clients share computations: joining, waiting, leaving, failing.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::join_all;
use tokio::runtime::Handle;

use crate::fixture::*;
use crate::{CacheOptions, Pace, ResponseError, ResponseStream};

const BUDGET: u64 = 1 << 30;

fn open() -> (tempfile::TempDir, Cache) {
    let folder = tempfile::tempdir().expect("a folder");
    let cache = Cache::open(folder.path(), options(BUDGET)).expect("opens");
    (folder, cache)
}

#[tokio::test]
async fn the_first_computes_and_the_next_finds_it() {
    let (folder, cache) = open();
    let content = content(300_000);
    let mut first = cache.answer(key(1), yields(&content)).await.expect("answered");
    assert_eq!(rest(&mut first).await.expect("whole"), content);
    assert_eq!(first.total_bytes(), Some(300_000));
    quiet(&cache).await;
    let mut second = cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(second.total_bytes(), Some(300_000));
    assert_eq!(rest(&mut second).await.expect("whole"), content);
    let counters = cache.counters();
    assert_eq!((counters.hits, counters.joins, counters.misses), (1, 0, 1));
    assert_eq!((counters.bytes_served, counters.bytes_generated), (600_000, 300_000));
    assert_eq!((counters.saved, counters.entries), (COST, 1));
    assert!(cache.holds(&key(1)) && !cache.holds(&key(2)));
    let files = files_below(folder.path());
    assert_eq!(files.len(), 1, "{files:?}");
    assert!(std::fs::read(&files[0]).expect("readable").starts_with(&content));
}

#[tokio::test]
async fn readers_join_in_the_middle_and_wait_for_more() {
    let (_folder, cache) = open();
    let content = content(200_000);
    let mut spring = Spring::new();
    spring.send(&content.slice(..50_000));
    let mut first = cache.answer(key(1), spring.flows()).await.expect("begun");
    assert_eq!(take(&mut first, 50_000).await, content[..50_000]);
    assert_eq!(first.total_bytes(), None);
    let mut second = cache.answer(key(1), nothing).await.expect("joined");
    assert_eq!(take(&mut second, 20_000).await, content[..20_000]);
    // It waits until there is more.
    assert!(next(&mut first, 10).now_or_never().is_none());
    let waiting = tokio::spawn(async move { rest(&mut first).await });
    spring.send(&content.slice(50_000..));
    spring.end();
    assert_eq!(waiting.await.expect("no panic").expect("whole"), content[50_000..]);
    assert_eq!(rest(&mut second).await.expect("whole"), content[20_000..]);
    let counters = quiet(&cache).await;
    assert_eq!((counters.misses, counters.joins, counters.saved), (1, 1, COST));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn two_hundred_ask_and_one_computes() {
    let (_folder, cache) = open();
    let content = content(1_000_000);
    let computed = Arc::new(AtomicUsize::new(0));
    let readers = (0..200).map(|number| {
        let (cache, content, computed) = (cache.clone(), content.clone(), Arc::clone(&computed));
        tokio::spawn(async move {
            let produce = yields(&content);
            let compute = move || {
                computed.fetch_add(1, Ordering::Relaxed);
                produce()
            };
            let mut reader = cache.answer(key(1), compute).await.expect("answered");
            let mut all = take(&mut reader, 1 + number * 1000).await;
            tokio::task::yield_now().await;
            all.extend(rest(&mut reader).await.expect("whole"));
            all == content
        })
    });
    for same in join_all(readers).await {
        assert!(same.expect("no panic"));
    }
    assert_eq!(computed.load(Ordering::Relaxed), 1);
    let counters = quiet(&cache).await;
    assert_eq!((counters.misses, counters.hits + counters.joins), (1, 199));
    assert_eq!((counters.bytes_generated, counters.bytes_served), (1_000_000, 200_000_000));
}

#[tokio::test]
async fn a_thousand_readers_leave_and_nothing_stays() {
    let (folder, cache) = open();
    let tasks = Handle::current().metrics().num_alive_tasks();
    let content = content(100_000);
    let mut spring = Spring::new();
    spring.send(&content);
    let mut readers = vec![cache.answer(key(1), spring.flows()).await.expect("begun")];
    for number in 0..999 {
        let mut reader = cache.answer(key(1), nothing).await.expect("joined");
        take(&mut reader, number * 100 + 1).await;
        readers.push(reader);
    }
    assert_eq!(files_below(folder.path()).len(), 1);
    let last = readers.pop();
    drop(readers);
    // One is left, so it goes on.
    spring.send(&content);
    assert!(!spring.feed.is_closed() && cache.holds(&key(1)));
    drop(last);
    assert!(!cache.holds(&key(1)), "from this moment on it cannot be joined");
    spring.given_up().await;
    let counters = quiet(&cache).await;
    assert_eq!((counters.abandoned, counters.entries, counters.bytes), (1, 0, 0));
    eventually("no file stays", || files_below(folder.path()).is_empty()).await;
    eventually("no task stays", || Handle::current().metrics().num_alive_tasks() == tasks).await;
}

#[tokio::test]
async fn who_comes_while_a_computation_is_given_up_starts_another() {
    let (_folder, cache) = open();
    let content = content(1000);
    for _ in 0..50 {
        let mut spring = Spring::new();
        spring.send(&content);
        let reader = cache.answer(key(1), spring.flows()).await.expect("begun");
        // The task of the first computation has had no chance to notice yet.
        drop(reader);
        let mut reader = cache.answer(key(1), yields(&content)).await.expect("answered");
        assert_eq!(rest(&mut reader).await.expect("whole"), content);
        drop(reader);
        spring.given_up().await;
        quiet(&cache).await;
        assert!(cache.holds(&key(1)), "the end of the first does not take the second away");
        cache.forget_group(key(1).group);
    }
}

#[tokio::test]
async fn a_client_that_leaves_before_the_first_piece_ends_the_computation() {
    let (_folder, cache) = open();
    let mut spring = Spring::new();
    let asked = cache.answer(key(1), spring.flows());
    let mut asked = Box::pin(asked);
    assert!(asked.as_mut().now_or_never().is_none());
    let mut other = Box::pin(cache.answer(key(1), nothing));
    assert!(other.as_mut().now_or_never().is_none());
    drop(asked);
    tokio::task::yield_now().await;
    assert!(!spring.feed.is_closed(), "the other still waits");
    drop(other);
    spring.given_up().await;
    quiet(&cache).await;
}

#[tokio::test]
async fn every_client_is_told_why_there_is_no_answer() {
    let (folder, cache) = open();
    let (go, gone) = tokio::sync::oneshot::channel::<()>();
    let refuses = move || {
        async move {
            gone.await.ok();
            Err("no such object".to_owned())
        }
        .boxed()
    };
    let clients = async {
        let first = cache.answer(key(1), refuses);
        let others = join_all((0..5).map(|_| cache.answer(key(1), nothing)));
        let release = async { go.send(()).expect("it waits") };
        let (first, others, ()) = tokio::join!(first, others, release);
        others.into_iter().chain([first]).collect::<Vec<_>>()
    };
    for client in clients.await {
        assert_eq!(client.expect_err("refused"), ResponseError::Failed("no such object".to_owned()));
    }
    let breaks = || async { Ok(response(vec![Err(io::ErrorKind::BrokenPipe.into())])) }.boxed();
    let broken = cache.answer(key(1), breaks).await.expect_err("broken");
    assert!(matches!(&broken, ResponseError::Broken(error) if error.0.kind() == io::ErrorKind::BrokenPipe));
    quiet(&cache).await;
    assert!(!cache.holds(&key(1)) && files_below(folder.path()).is_empty());
    let mut reader = cache.answer(key(1), yields(&content(10))).await.expect("a failure is not kept");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(10));
}

#[tokio::test]
async fn a_failure_in_the_middle_reaches_every_reader_and_nothing_is_stored() {
    let (folder, cache) = open();
    let mut spring = Spring::new();
    spring.send(&content(70_000));
    let mut first = cache.answer(key(1), spring.flows()).await.expect("begun");
    let mut second = cache.answer(key(1), nothing).await.expect("joined");
    take(&mut second, 10).await;
    // The last bytes before the failure still arrive.
    spring.send(&content(10));
    spring.feed.send(Err(io::ErrorKind::UnexpectedEof.into())).expect("computing");
    for (reader, left) in [(&mut first, 70_010), (&mut second, 70_000)] {
        take(reader, left).await;
        for _ in 0..2 {
            let error = next(reader, 10).await.expect("not the end").expect_err("incomplete");
            assert_eq!(error.kind(), io::ErrorKind::UnexpectedEof);
        }
        assert_eq!(reader.total_bytes(), None);
    }
    quiet(&cache).await;
    assert!(!cache.holds(&key(1)));
    eventually("no file stays", || files_below(folder.path()).is_empty()).await;
}

#[tokio::test]
async fn a_computation_that_panics_is_an_error_and_not_a_trap() {
    let (_folder, cache) = open();
    let broken = cache.answer(key(1), || panic!("as planned")).await.expect_err("no answer");
    assert!(matches!(broken, ResponseError::Broken(_)));
    let mut reader = cache.answer(key(1), yields(&content(10))).await.expect("computed again");
    assert_eq!(rest(&mut reader).await.expect("whole"), content(10));
}

#[tokio::test]
async fn a_computation_waits_for_its_furthest_reader() {
    let (_folder, cache) = open();
    let mut spring = Spring::new();
    let piece = content(100_000);
    for _ in 0..100 {
        spring.send(&piece);
    }
    let taken = Arc::clone(&spring.taken);
    let mut reader = cache.answer(key(1), spring.flows()).await.expect("begun");
    let mut slow = cache.answer(key(1), nothing).await.expect("joined");
    // 1 MiB ahead, and at most a batch more.
    eventually("it fills what it may", || taken.load(Ordering::Relaxed) >= 11).await;
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    assert!(taken.load(Ordering::Relaxed) <= 11 + pieces_at_once(100_000), "{taken:?}");
    let before = taken.load(Ordering::Relaxed);
    take(&mut reader, 2_500_000).await;
    eventually("it goes on", || taken.load(Ordering::Relaxed) > before).await;
    spring.end();
    let (fast, slow) = tokio::join!(rest(&mut reader), rest(&mut slow));
    assert_eq!(fast.expect("whole").len(), 7_500_000);
    assert_eq!(slow.expect("whole").len(), 10_000_000);
}

#[tokio::test]
async fn a_prepared_answer_does_not_wait() {
    let (_folder, cache) = open();
    let content = content(5_000_000);
    let compute = yields(&content);
    assert!(cache.prepare(key(1), |_| compute()));
    assert!(!cache.prepare(key(1), |_| nothing()));
    assert!(cache.holds(&key(1)));
    let counters = quiet(&cache).await;
    assert_eq!((counters.prepared, counters.misses, counters.entries), (1, 0, 1));
    assert!(!cache.prepare(key(1), |_| nothing()));
    let mut reader = cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(rest(&mut reader).await.expect("whole"), content);
}

#[tokio::test]
async fn a_preparation_learns_that_a_client_asks_and_survives_that_they_leave() {
    let (_folder, cache) = open();
    let mut spring = Spring::new();
    let flows = spring.flows();
    let stands_back = |interest: crate::Interest| {
        async move {
            interest.wanted().await;
            flows().await
        }
        .boxed()
    };
    assert!(cache.prepare(key(1), stands_back));
    tokio::task::yield_now().await;
    spring.send(&content(10));
    assert_eq!(spring.taken.load(Ordering::Relaxed), 0);
    let mut reader = cache.answer(key(1), nothing).await.expect("joined");
    take(&mut reader, 10).await;
    drop(reader);
    spring.send(&content(10));
    spring.end();
    quiet(&cache).await;
    let reader = cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(reader.total_bytes(), Some(20));
}

#[tokio::test]
async fn an_answer_that_is_prepared_goes_on_when_its_readers_leave() {
    let (_folder, cache) = open();
    let mut spring = Spring::new();
    spring.send(&content(10));
    let reader = cache.answer(key(1), spring.flows()).await.expect("begun");
    assert!(!cache.prepare(key(1), |_| nothing()));
    drop(reader);
    spring.send(&content(10));
    spring.end();
    assert_eq!(quiet(&cache).await.entries, 1);
}

#[tokio::test]
async fn an_empty_answer_is_an_answer() {
    let (_folder, cache) = open();
    let mut reader = cache.answer(key(1), yields(&Bytes::new())).await.expect("answered");
    assert!(next(&mut reader, 10).await.is_none());
    assert_eq!(reader.total_bytes(), Some(0));
    quiet(&cache).await;
    let reader = cache.answer(key(1), nothing).await.expect("stored");
    assert_eq!(reader.total_bytes(), Some(0));
}

#[tokio::test]
async fn who_joins_computes_nothing_and_finds_only_what_is_in_the_making() {
    let (_folder, cache) = open();
    let wanted = key(1);
    let mut early = Box::pin(cache.joined(&wanted));
    assert!((&mut early).now_or_never().is_none(), "there is nothing yet");
    let (content, mut spring) = (content(1000), Spring::new());
    spring.send(&content);
    let mut other = cache.answer(key(2), yields(&content)).await.expect("answered");
    assert!((&mut early).now_or_never().is_none(), "it is another one that has begun");
    let mut first = cache.answer(key(1), spring.flows()).await.expect("begun");
    let (mut early, mut late) = (early.await, cache.joined(&wanted).await);
    spring.end();
    for reader in [&mut first, &mut early, &mut late, &mut other] {
        assert_eq!(rest(reader).await.expect("whole"), content);
    }
    assert!(cache.joined(&wanted).now_or_never().is_none(), "it is whole");
    let counters = quiet(&cache).await;
    assert_eq!((counters.misses, counters.joins, counters.entries), (2, 2, 2));
}

#[tokio::test]
async fn at_a_pace_of_its_own_it_waits_for_no_reader_however_long_it_is() {
    let content = content(2_000_000);
    // An answer that is kept, and one for which there is no room among those that are.
    for (budget, entries) in [(BUDGET, 1), (0, 0)] {
        let folder = tempfile::tempdir().expect("a folder");
        let options = CacheOptions { ahead_bytes: 1000, ..options(budget) };
        let cache = Cache::open(folder.path(), options).expect("opens");
        let pieces = content.chunks(100_000).map(|piece| Ok(Bytes::copy_from_slice(piece))).collect();
        let flows = || async { Ok(ResponseStream { pace: Pace::Own, ..response(pieces) }) }.boxed();
        let mut reader = cache.answer(key(1), flows).await.expect("begun");
        assert_eq!(quiet(&cache).await.entries, entries);
        assert_eq!(rest(&mut reader).await.expect("whole"), content);
        eventually("no other file stays", || files_below(folder.path()).len() as u64 == entries).await;
    }
}
