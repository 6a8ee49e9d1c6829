//! The right to answer readers by itself: while this mirror holds it, the upstream acknowledges no change of which this mirror
//! was not told.
//!
//! Not every upstream gives leases, and one that waits for no mirror needs none to be held. A lease counts from before it
//! was asked for, by two clocks: one that is never set, and one that goes on while the machine sleeps.

use std::time::{Duration, Instant};

use heliostat_api::models::RestLease;
use heliostat_peer::Clock;
use parking_lot::Mutex;
use tokio::sync::Notify;

/// By so much a lease is shorter here than at the upstream, whose clock may be faster: one in this many parts.
const SHORTER_BY_ONE_IN: u32 = 10;

/// What is said while a lease that is needed is not held.
const IS_OVER: &str = "the lease of this mirror is over: the upstream may have acknowledged changes of which it was not told, and \
                       answers its readers until the lease is renewed";

/// The lease of this mirror.
#[derive(Debug)]
pub(crate) struct Lease {
    clock: Clock,
    state: Mutex<State>,
    to_be_asked: Notify,
}

#[derive(Debug, Clone, Copy)]
enum State {
    /// The upstream waits for no mirror, or has never said that it does.
    NotNeeded,
    /// It does; this mirror holds a lease until then, or none.
    Needed { until: Option<Moment> },
}

/// A moment by two clocks.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    steady: Instant,
    wall_ms: i64,
}

impl Lease {
    /// None is held at first; whether one is needed is what an earlier process was told.
    pub(super) fn new(clock: Clock, is_needed: bool) -> Self {
        let state = if is_needed { State::Needed { until: None } } else { State::NotNeeded };
        Self { clock, state: Mutex::new(state), to_be_asked: Notify::new() }
    }

    /// Another process answers as the upstream, or has sent an event: it may give leases where the one before gave none.
    pub(super) fn ask_soon(&self) {
        self.to_be_asked.notify_one();
    }

    /// Waits until there is a reason to ask before the time comes.
    pub(crate) async fn to_be_asked(&self) {
        self.to_be_asked.notified().await;
    }

    /// The moment from which on a lease counts that is asked for next.
    pub(crate) fn moment(&self) -> Moment {
        Moment { steady: Instant::now(), wall_ms: self.clock.now_ms() }
    }

    /// Takes in what the upstream has answered to a question of this moment; `None` when it knows no leases.
    pub(crate) fn take_in(&self, asked: Moment, answer: Option<&RestLease>) {
        let mut state = self.state.lock();
        let duration = answer.map_or(0, |answer| u64::try_from(answer.duration_millis).unwrap_or(0));
        *state = match (answer, *state) {
            (None, _) => State::NotNeeded,
            _ if duration == 0 => State::NotNeeded,
            (Some(answer), _) if answer.granted => {
                let duration = Duration::from_millis(duration);
                State::Needed { until: asked.after(duration - duration / SHORTER_BY_ONE_IN) }
            }
            // One that is held lasts to its end.
            (Some(_), held @ State::Needed { .. }) => held,
            (Some(_), State::NotNeeded) => State::Needed { until: None },
        };
    }

    /// Whether the upstream may have acknowledged changes of which this mirror was not told.
    pub(crate) fn is_over(&self) -> bool {
        match *self.state.lock() {
            State::NotNeeded => false,
            State::Needed { until: None } => true,
            State::Needed { until: Some(until) } => {
                let now = self.moment();
                now.steady >= until.steady || now.wall_ms >= until.wall_ms
            }
        }
    }

    /// Whether the upstream acknowledges changes only when this mirror was told, as far as it has said.
    pub(crate) fn is_needed(&self) -> bool {
        matches!(*self.state.lock(), State::Needed { .. })
    }

    /// What is wrong, in words.
    pub(crate) fn complaint(&self) -> Option<String> {
        self.is_over().then(|| IS_OVER.to_owned())
    }
}

impl Moment {
    fn after(self, duration: Duration) -> Option<Self> {
        let milliseconds = i64::try_from(duration.as_millis()).ok()?;
        let (steady, wall_ms) = (self.steady.checked_add(duration)?, self.wall_ms.checked_add(milliseconds)?);
        Some(Self { steady, wall_ms })
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicI64, Ordering};

    use super::*;

    fn answer(granted: bool, duration_millis: i64) -> RestLease {
        RestLease { granted, duration_millis }
    }

    #[test]
    fn a_lease_is_held_until_it_is_over_and_needed_only_where_changes_wait_for_mirrors() {
        let now = Arc::new(AtomicI64::new(1_000));
        let shown = Arc::clone(&now);
        let lease = Lease::new(Clock::reading(move || shown.load(Ordering::Relaxed)), false);
        assert!(!lease.is_over());
        lease.take_in(lease.moment(), Some(&answer(false, 60_000)));
        assert!(lease.is_over(), "it was never granted");
        lease.take_in(lease.moment(), Some(&answer(true, 60_000)));
        assert!(!lease.is_over());
        lease.take_in(lease.moment(), Some(&answer(false, 60_000)));
        assert!(!lease.is_over(), "it lasts to its end");
        now.store(55_000, Ordering::Relaxed);
        assert!(lease.is_over() && lease.complaint().is_some(), "a little sooner than at the upstream");
        lease.take_in(lease.moment(), Some(&answer(false, 0)));
        assert!(!lease.is_over(), "no change waits for mirrors any more");
        lease.take_in(lease.moment(), Some(&answer(false, 60_000)));
        lease.take_in(lease.moment(), None);
        assert!(!lease.is_over(), "an upstream without leases");
    }

    #[test]
    fn after_a_start_none_is_held_where_one_is_needed() {
        let started = |is_needed| Lease::new(Clock::system(), is_needed);
        assert!(started(true).is_over() && started(true).is_needed());
        assert!(!started(false).is_over());
    }

    #[test]
    fn a_lease_counts_from_when_it_was_asked_for() {
        let now = Arc::new(AtomicI64::new(0));
        let shown = Arc::clone(&now);
        let lease = Lease::new(Clock::reading(move || shown.load(Ordering::Relaxed)), false);
        let asked = lease.moment();
        now.store(9_500, Ordering::Relaxed);
        lease.take_in(asked, Some(&answer(true, 10_000)));
        assert!(lease.is_over());
    }
}
