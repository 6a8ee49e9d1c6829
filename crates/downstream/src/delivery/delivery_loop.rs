//! Delivers stored events to their receivers: the loop that mirrors and webhooks share.
//!
//! It is woken by a signal and by a timer; what a lost signal leaves behind, the timer finds. Each receiver that has
//! something due gets one task at a time, so that its events stay in order and no receiver waits for another. Who has
//! failed rests first (`rests.rs`).

use std::collections::HashSet;
use std::fmt::Display;
use std::hash::Hash;
use std::time::Duration;

use heliostat_storage::{StoreError, WaitingReceiver};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::rests::Rests;

/// How often the store is looked at without a signal.
const CHECK_INTERVAL: Duration = Duration::from_secs(2);

/// One kind of receivers.
pub trait Receivers: Clone + Send + Sync + 'static {
    /// Names one of them.
    type Id: Clone + Eq + Hash + Display + Send + Sync + 'static;

    /// What they are called in the log.
    const NAME: &'static str;
    /// How many of them are told at the same time.
    const AT_ONCE: usize;

    /// The signal that something was stored for them.
    fn wake(&self) -> &Notify;

    /// Epoch milliseconds.
    fn now_ms(&self) -> i64;

    /// The receivers for which something waits, the one that has waited longest first.
    fn waiting(&self) -> impl Future<Output = Result<Vec<WaitingReceiver<Self::Id>>, StoreError>> + Send;

    /// How long one that has failed rests at most before it is tried again.
    fn longest_rest(&self, waiting: &WaitingReceiver<Self::Id>) -> Duration;

    /// Those that are to rest no longer, because they have been heard of since they failed.
    fn take_those_back(&self) -> Vec<Self::Id> {
        Vec::new()
    }

    /// Delivers a part of what waits for one, and returns whether there may be more now.
    fn deliver_some(&self, id: &Self::Id) -> impl Future<Output = Result<bool, StoreError>> + Send;
}

/// Runs until `stop` is cancelled.
pub async fn deliver<R: Receivers>(receivers: R, stop: CancellationToken) {
    let mut tasks: JoinSet<R::Id> = JoinSet::new();
    let mut busy: HashSet<R::Id> = HashSet::new();
    let mut rests = Rests::new();
    loop {
        let pause = match receivers.waiting().await {
            Ok(waiting) => {
                let (back, now_ms) = (receivers.take_those_back(), receivers.now_ms());
                rests.take_in(waiting, &back, now_ms, |waiting| receivers.longest_rest(waiting));
                for id in rests.over() {
                    if busy.len() < R::AT_ONCE && busy.insert(id.clone()) {
                        let receivers = receivers.clone();
                        tasks.spawn(async move {
                            deliver_to(&receivers, &id).await;
                            id
                        });
                    }
                }
                // Those whose rest is over have a task or must wait for one.
                rests.until_next_is_over().unwrap_or(CHECK_INTERVAL).min(CHECK_INTERVAL)
            }
            Err(error) => {
                tracing::warn!(error = %error, receivers = R::NAME, "cannot read what is to be delivered");
                CHECK_INTERVAL
            }
        };
        tokio::select! {
            () = stop.cancelled() => break,
            () = receivers.wake().notified() => {}
            () = tokio::time::sleep(pause) => {}
            // What was announced while this receiver's task was ending is found by the next look.
            Some(ended) = tasks.join_next(), if !tasks.is_empty() => match ended {
                Ok(id) => drop(busy.remove(&id)),
                Err(error) => {
                    tracing::error!(error = %error, receivers = R::NAME, "a delivery has panicked");
                    busy.clear();
                    tasks.abort_all();
                }
            },
        }
    }
    // An interrupted delivery is repeated after the next start.
    tasks.shutdown().await;
}

/// Delivers what waits for a receiver until nothing does, or until it fails.
async fn deliver_to<R: Receivers>(receivers: &R, id: &R::Id) {
    loop {
        match receivers.deliver_some(id).await {
            Ok(true) => {}
            Ok(false) => return,
            Err(error) => {
                tracing::warn!(
                    receiver.id = %id, error = %error, receivers = R::NAME, "cannot work on what is to be delivered"
                );
                // It stays due: without a pause the receiver would be told the same again and again.
                tokio::time::sleep(CHECK_INTERVAL).await;
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use heliostat_peer::BackOff;
    use parking_lot::Mutex;
    use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
    use tokio::time::Instant;

    use super::*;

    const RETRY: BackOff = BackOff::new(Duration::from_secs(1), Duration::from_secs(30));
    const BEGAN_MS: i64 = 1_764_000_000_000;
    /// Timers keep time in such steps.
    const TICK: Duration = Duration::from_millis(2);

    /// One receiver that takes nothing, and a time of day that the test sets.
    #[derive(Clone)]
    struct Failing(Arc<State>);

    struct State {
        began: Instant,
        shift_ms: AtomicI64,
        waiting: Mutex<WaitingReceiver<&'static str>>,
        tried: UnboundedSender<Instant>,
        wake: Notify,
    }

    impl Failing {
        fn new(attempts: i32, not_before: i64) -> (Self, UnboundedReceiver<Instant>) {
            let (tried, tries) = unbounded_channel();
            let waiting = WaitingReceiver { receiver: "one", attempts, not_before };
            let (began, waiting) = (Instant::now(), Mutex::new(waiting));
            let state = State { began, shift_ms: AtomicI64::new(0), waiting, tried, wake: Notify::new() };
            (Self(Arc::new(state)), tries)
        }

        fn set_clock_ahead(&self, seconds: i64) {
            self.0.shift_ms.store(seconds * 1_000, Ordering::Relaxed);
        }
    }

    impl Receivers for Failing {
        type Id = &'static str;

        const NAME: &'static str = "tests";
        const AT_ONCE: usize = 1;

        fn wake(&self) -> &Notify {
            &self.0.wake
        }

        fn now_ms(&self) -> i64 {
            let passed_ms = i64::try_from(self.0.began.elapsed().as_millis()).expect("not for ever");
            BEGAN_MS + passed_ms + self.0.shift_ms.load(Ordering::Relaxed)
        }

        async fn waiting(&self) -> Result<Vec<WaitingReceiver<&'static str>>, StoreError> {
            Ok(vec![self.0.waiting.lock().clone()])
        }

        fn longest_rest(&self, waiting: &WaitingReceiver<&'static str>) -> Duration {
            RETRY.longest_after(waiting.attempts.unsigned_abs())
        }

        async fn deliver_some(&self, _: &&'static str) -> Result<bool, StoreError> {
            let mut waiting = self.0.waiting.lock();
            waiting.attempts += 1;
            let delay = RETRY.after(waiting.attempts.unsigned_abs());
            waiting.not_before = self.now_ms() + i64::try_from(delay.as_millis()).expect("not for ever");
            self.0.tried.send(Instant::now()).expect("the test listens");
            Ok(false)
        }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_lasts_as_long_as_it_was_to_last_whatever_the_clock_does() {
        let (failing, mut tries) = Failing::new(0, BEGAN_MS);
        let stop = CancellationToken::new();
        let delivering = tokio::spawn(deliver(failing.clone(), stop.clone()));
        let mut last = tries.recv().await.expect("a first try");
        for (failures, ahead) in (1..).zip([425, 0, -425, 0, 3, -3]) {
            // A moment later the loop has found that it failed, and begun the rest.
            tokio::time::sleep(Duration::from_millis(1)).await;
            failing.set_clock_ahead(ahead);
            let next = tries.recv().await.expect("another try");
            let longest = RETRY.longest_after(failures);
            let rested = next - last;
            assert!(
                rested + TICK >= longest / 2 && rested <= longest + TICK,
                "{rested:?} after {failures}, {ahead} s ahead"
            );
            last = next;
        }
        stop.cancel();
        delivering.await.expect("it does not panic");
    }

    #[tokio::test(start_paused = true)]
    async fn what_another_process_has_left_for_a_time_to_come_rests_no_longer_than_a_failure_lasts() {
        let ahead = BEGAN_MS + 425_000;
        for (attempts, not_before) in [(0, ahead), (1, ahead), (3, ahead), (3, BEGAN_MS + 1_000), (3, 0)] {
            let began = Instant::now();
            let (failing, mut tries) = Failing::new(attempts, not_before);
            let stop = CancellationToken::new();
            let delivering = tokio::spawn(deliver(failing, stop.clone()));
            let rested = tries.recv().await.expect("a try") - began;
            let longest =
                if attempts == 0 { Duration::ZERO } else { RETRY.longest_after(attempts.unsigned_abs()) };
            assert!(rested <= longest + TICK, "{rested:?} after {attempts} and until {not_before}");
            stop.cancel();
            delivering.await.expect("it does not panic");
        }
    }
}
