//! When a connection that was let in is served: at once, or later where its address prefix has many.
//!
//! Thousands of connections that come at once take all cores for a while, and what others wait for takes as long. So what goes
//! beyond the first ones of a prefix starts at a bounded rate, prefix by prefix: a crowd waits for itself.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::thread::available_parallelism;
use std::time::Duration;

use heliostat_peer::AddressPrefix;
use parking_lot::Mutex;
use tokio::sync::oneshot;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// So many connections that have to wait start in a second, for each core. One takes a tenth of a millisecond of it or two.
const PER_SECOND_AND_CORE: usize = 500;
/// How often some of them start.
const PAUSE: Duration = Duration::from_millis(10);

/// Lets connections start. Cloning is cheap and shares the rate.
#[derive(Debug, Clone, Default)]
pub struct ConnectionStarts(Arc<Mutex<Waiting>>);

/// Those who wait, by prefix in the order of the round.
#[derive(Debug, Default)]
struct Waiting {
    round: VecDeque<AddressPrefix>,
    lines: HashMap<AddressPrefix, VecDeque<oneshot::Sender<()>>>,
    /// How many may start before the next pause has passed.
    left: usize,
    /// A task counts the pauses.
    is_counted: bool,
}

impl ConnectionStarts {
    /// Waits until a connection of this prefix may start. Dropping the future gives its place up.
    pub async fn wait_to_start(&self, prefix: AddressPrefix) {
        let called = {
            let mut waiting = self.0.lock();
            if !std::mem::replace(&mut waiting.is_counted, true) {
                waiting.left = starts_per_pause();
                tokio::spawn(self.clone().count_pauses());
            }
            match waiting.join(prefix) {
                None => return,
                Some(called) => called,
            }
        };
        // Where the sender is gone, the runtime ends.
        called.await.ok();
    }

    /// For tests: none start but those that are let.
    #[cfg(test)]
    pub fn stopped() -> Self {
        Self(Arc::new(Mutex::new(Waiting { is_counted: true, ..Waiting::default() })))
    }

    /// Lets so many start, of those that wait and of those that come.
    #[cfg(test)]
    pub fn let_start(&self, count: usize) {
        let mut waiting = self.0.lock();
        waiting.left = count;
        waiting.call();
    }

    /// Lets some start after each pause, until a whole one has passed in which no connection wanted to.
    async fn count_pauses(self) {
        let mut pauses = interval_at(Instant::now() + PAUSE, PAUSE);
        pauses.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            pauses.tick().await;
            let mut waiting = self.0.lock();
            if waiting.left == starts_per_pause() {
                waiting.is_counted = false;
                return;
            }
            waiting.left = starts_per_pause();
            waiting.call();
        }
    }
}

fn starts_per_pause() -> usize {
    let cores = available_parallelism().map_or(1, usize::from);
    (cores * PER_SECOND_AND_CORE * PAUSE.as_millis() as usize / 1_000).max(1)
}

impl Waiting {
    /// `None` for one that may start at once.
    fn join(&mut self, prefix: AddressPrefix) -> Option<oneshot::Receiver<()>> {
        if self.left > 0 && self.round.is_empty() {
            self.left -= 1;
            return None;
        }
        let (call, called) = oneshot::channel();
        let Self { round, lines, .. } = self;
        let line = lines.entry(prefix).or_insert_with(|| {
            round.push_back(prefix);
            VecDeque::new()
        });
        line.push_back(call);
        Some(called)
    }

    /// Calls as many as may start.
    fn call(&mut self) {
        while self.left > 0
            && let Some(prefix) = self.round.pop_front()
        {
            let Some(line) = self.lines.get_mut(&prefix) else { continue };
            // One that has left does not count.
            while let Some(call) = line.pop_front() {
                if call.send(()).is_ok() {
                    self.left -= 1;
                    break;
                }
            }
            if line.is_empty() {
                self.lines.remove(&prefix);
            } else {
                self.round.push_back(prefix);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use futures_util::FutureExt;
    use futures_util::future::join_all;

    use super::*;

    fn prefix(third: u8) -> AddressPrefix {
        IpAddr::from(Ipv4Addr::new(192, 0, third, 1)).into()
    }

    /// How many start in ten seconds.
    fn of_ten_seconds() -> usize {
        1_000 * starts_per_pause()
    }

    fn assert_ten_seconds(took: Duration) {
        assert!(Duration::from_secs(9) < took && took < Duration::from_secs(11), "{took:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_starts_bit_by_bit_and_others_do_not_wait_for_it() {
        let (starts, began) = (ConnectionStarts::default(), Instant::now());
        let crowd = (0..of_ten_seconds()).map(|_| {
            let starts = starts.clone();
            async move { starts.wait_to_start(prefix(1)).await }
        });
        let crowd = tokio::spawn(join_all(crowd.collect::<Vec<_>>()));
        tokio::task::yield_now().await;
        starts.wait_to_start(prefix(2)).await;
        assert!(began.elapsed() <= 2 * PAUSE, "{:?}", began.elapsed());
        crowd.await.expect("no panic");
        assert_ten_seconds(began.elapsed());
        tokio::time::sleep(4 * PAUSE).await;
        let waiting = starts.0.lock();
        assert!(waiting.round.is_empty() && waiting.lines.is_empty() && !waiting.is_counted);
    }

    #[tokio::test(start_paused = true)]
    async fn those_who_come_one_after_the_other_start_no_faster() {
        let (starts, began) = (ConnectionStarts::default(), Instant::now());
        for _ in 0..of_ten_seconds() {
            starts.wait_to_start(prefix(1)).await;
        }
        assert_ten_seconds(began.elapsed());
    }

    #[tokio::test(start_paused = true)]
    async fn one_that_has_left_does_not_count() {
        let (starts, began) = (ConnectionStarts::default(), Instant::now());
        for number in 0..100_000 {
            let is_at_once = starts.wait_to_start(prefix(1)).now_or_never().is_some();
            assert_eq!(is_at_once, number < starts_per_pause());
        }
        starts.wait_to_start(prefix(1)).await;
        assert!(began.elapsed() <= 2 * PAUSE, "{:?}", began.elapsed());
    }
}
