//! How long receivers that have failed are left alone, by a monotonic clock.
//!
//! The database keeps until when, so that a rest goes on in the next process. It keeps it by the time of day, which may be
//! set meanwhile, in either direction. So what is stored is read when it is seen first, and never means more than a rest
//! can last; from then on what counts is what has passed.

use std::collections::HashMap;
use std::hash::Hash;
use std::time::Duration;

use heliostat_storage::WaitingReceiver;
use tokio::time::Instant;

/// The receivers for which something waits, in their order.
pub(super) struct Rests<I>(Vec<(I, Rest)>);

#[derive(Clone, Copy)]
struct Rest {
    /// As it is stored: another value is another rest.
    not_before: i64,
    until: Instant,
}

impl<I: Clone + Eq + Hash> Rests<I> {
    pub(super) fn new() -> Self {
        Self(Vec::new())
    }

    /// Takes in who waits now. Who has not failed does not rest, nor does who is back; a rest that has begun goes on.
    pub(super) fn take_in(
        &mut self,
        waiting: Vec<WaitingReceiver<I>>,
        back: &[I],
        now_ms: i64,
        longest: impl Fn(&WaitingReceiver<I>) -> Duration,
    ) {
        let now = Instant::now();
        let before: HashMap<I, Rest> = self.0.drain(..).collect();
        self.0.extend(waiting.into_iter().map(|waiting| {
            let not_before = waiting.not_before;
            let begun = before.get(&waiting.receiver).filter(|rest| rest.not_before == not_before);
            let until = match begun {
                _ if waiting.attempts == 0 || back.contains(&waiting.receiver) => now,
                Some(begun) => begun.until,
                None => {
                    let stored = u64::try_from(not_before.saturating_sub(now_ms)).unwrap_or(0);
                    now + Duration::from_millis(stored).min(longest(&waiting))
                }
            };
            (waiting.receiver, Rest { not_before, until })
        }));
    }

    /// Those that are to be told now.
    pub(super) fn over(&self) -> Vec<I> {
        let now = Instant::now();
        self.0.iter().filter(|(_, rest)| rest.until <= now).map(|(receiver, _)| receiver.clone()).collect()
    }

    /// In what time the next rest is over; `None` if no receiver rests.
    pub(super) fn until_next_is_over(&self) -> Option<Duration> {
        let now = Instant::now();
        self.0
            .iter()
            .filter_map(|(_, rest)| rest.until.checked_duration_since(now))
            .filter(|left| !left.is_zero())
            .min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_764_000_000_000;
    const LONGEST: Duration = Duration::from_secs(30);

    fn waits(receiver: &'static str, attempts: i32, not_before: i64) -> WaitingReceiver<&'static str> {
        WaitingReceiver { receiver, attempts, not_before }
    }

    #[tokio::test(start_paused = true)]
    async fn a_rest_that_has_begun_goes_on_until_it_is_over_or_its_receiver_is_back() {
        let mut rests = Rests::new();
        let waiting = || {
            vec![waits("new", 0, NOW + 60_000), waits("old", 2, NOW + 20_000), waits("far", 9, NOW + 60_000)]
        };
        let seconds = |rests: &Rests<&'static str>| rests.until_next_is_over().map(|left| left.as_secs());
        rests.take_in(waiting(), &[], NOW, |_| LONGEST);
        assert_eq!((rests.over(), seconds(&rests)), (vec!["new"], Some(20)));
        // The clock is set, by much and by less than a rest lasts.
        for now_ms in [NOW - 400_000, NOW - 15_000, NOW + 15_000, NOW + 400_000] {
            rests.take_in(waiting(), &[], now_ms, |_| LONGEST);
            assert_eq!((rests.over(), seconds(&rests)), (vec!["new"], Some(20)));
        }
        tokio::time::advance(Duration::from_secs(20)).await;
        assert_eq!((rests.over(), seconds(&rests)), (vec!["new", "old"], Some(10)));
        rests.take_in(
            vec![waits("old", 3, NOW + 44_000), waits("far", 9, NOW + 60_000)],
            &["far"],
            NOW + 20_000,
            |_| LONGEST,
        );
        assert_eq!((rests.over(), seconds(&rests)), (vec!["far"], Some(24)));
        rests.take_in(Vec::new(), &[], NOW, |_| LONGEST);
        assert_eq!((rests.over(), seconds(&rests)), (Vec::new(), None));
    }
}
