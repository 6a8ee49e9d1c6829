//! Leases of mirrors: while a mirror holds one, a change of refs is acknowledged only after the mirror was told of it.
//!
//! ```text
//!  change is stored ──▶ waits for every mirror that holds a lease ──▶ is acknowledged
//!                         │ it has taken in the event, or
//!                         ▼ its lease is over: from then on it answers no reader by itself
//! ```
//!
//! A mirror counts its lease from before it asks, this server from after it was asked, so it is never over here first. One
//! that does not take events gets no further lease: then a change waits no longer than one lease and a half. Who has
//! missed an event for good gets one only after it has compared everything. What another process before this one has
//! granted is not known: for the length of one lease, every mirror is taken to hold one.

use std::collections::{HashMap, VecDeque};
use std::time::Duration;

use heliostat_storage::{Generation, MirrorServerId, MirrorServerStore, Outbox, RepositoryId, StoreError};
use parking_lot::Mutex;
use tokio::sync::Notify;
use tokio::time::{Instant, sleep_until};

use super::deliver_events::is_of_this_make;

/// Of so many repositories it is remembered who was told what; of others a change waits until leases are over.
const MAX_TOLD: usize = 10_000;

/// Who holds a lease, and what mirrors were told.
pub struct Leases {
    duration: Duration,
    started: Instant,
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    held_until: HashMap<MirrorServerId, Instant>,
    /// The event that waits for a mirror longest, by when it was recorded, and when it was first found to wait.
    waits_since: HashMap<MirrorServerId, (i64, Instant)>,
    /// When a mirror last missed an event for good.
    missed_at: HashMap<MirrorServerId, Instant>,
    /// The newest generation of each repository of which each mirror was told.
    told: HashMap<RepositoryId, HashMap<MirrorServerId, Generation>>,
    /// The repositories in `told`, the one that came first in front.
    order: VecDeque<RepositoryId>,
}

/// What a mirror is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lease {
    /// Whether it has one.
    pub granted: bool,
    /// How long leases last; zero where no change waits for mirrors.
    pub duration: Duration,
}

/// A lease that is asked for. Unless it is granted, everything is as it was before when this is dropped: also where the mirror
/// does not wait for its answer.
struct Asked<'a> {
    leases: &'a Leases,
    mirror: &'a MirrorServerId,
    until: Instant,
    before: Option<Instant>,
    is_granted: bool,
}

impl Drop for Asked<'_> {
    fn drop(&mut self) {
        if self.is_granted {
            return;
        }
        let mut state = self.leases.state.lock();
        if state.held_until.get(self.mirror) == Some(&self.until) {
            match self.before {
                Some(before) => state.held_until.insert(self.mirror.clone(), before),
                None => state.held_until.remove(self.mirror),
            };
        }
        drop(state);
        self.leases.changed.notify_waiters();
    }
}

impl Leases {
    /// Leases that last so long; zero for none.
    pub(super) fn new(duration: Duration) -> Self {
        Self { duration, started: Instant::now(), state: Mutex::default(), changed: Notify::new() }
    }

    /// Grants or renews the lease of a mirror that began its last complete comparison so long ago.
    pub(crate) async fn take(
        &self,
        outbox: &Outbox,
        mirror: &MirrorServerId,
        compared_ago: Option<Duration>,
        now_ms: i64,
    ) -> Result<Lease, StoreError> {
        if self.duration.is_zero() {
            return Ok(Lease { granted: false, duration: Duration::ZERO });
        }
        let now = Instant::now();
        // Before events are looked for: a change that is stored after that look finds the lease.
        let mut asked = self.ask(mirror, now + self.duration);
        let knows_all = compared_ago.is_some_and(|ago| self.has_compared_since_missing(mirror, now, ago));
        let oldest = outbox.oldest_pending_at(mirror).await;
        asked.is_granted = knows_all
            && match &oldest {
                Ok(None) => true,
                // It may be on its way.
                Ok(Some(recorded_at)) => {
                    let age = self.age_of_oldest(mirror, *recorded_at, now_ms);
                    asked.before.is_some_and(|before| before > now) && age <= self.duration / 2
                }
                Err(_) => false,
            };
        let granted = asked.is_granted;
        drop(asked);
        oldest.map(|_| Lease { granted, duration: self.duration })
    }

    /// How old the event is at least that waits for a mirror longest. The clock by which it was recorded may have been set
    /// back since, so the age is never less than the time for which it was seen to wait.
    fn age_of_oldest(&self, mirror: &MirrorServerId, recorded_at: i64, now_ms: i64) -> Duration {
        let now = Instant::now();
        let mut state = self.state.lock();
        let seen = state.waits_since.entry(mirror.clone()).or_insert((recorded_at, now));
        if seen.0 != recorded_at {
            *seen = (recorded_at, now);
        }
        let by_the_clock = u64::try_from(now_ms.saturating_sub(recorded_at)).unwrap_or(0);
        Duration::from_millis(by_the_clock).max(now - seen.1)
    }

    /// Whether the mirror has begun a comparison since it may have missed events.
    fn has_compared_since_missing(&self, mirror: &MirrorServerId, now: Instant, ago: Duration) -> bool {
        let missed_at = self.state.lock().missed_at.get(mirror).copied().unwrap_or(self.started);
        now.checked_sub(ago).is_some_and(|compared_at| compared_at > missed_at)
    }

    /// A mirror that asks is taken to hold a lease until it is answered.
    fn ask<'a>(&'a self, mirror: &'a MirrorServerId, until: Instant) -> Asked<'a> {
        let before = self.state.lock().held_until.insert(mirror.clone(), until);
        Asked { leases: self, mirror, until, before, is_granted: false }
    }

    /// A mirror has taken in an event that leads to this generation.
    pub(super) fn was_told(&self, mirror: &MirrorServerId, repository: RepositoryId, generation: Generation) {
        if self.duration.is_zero() {
            return;
        }
        let mut state = self.state.lock();
        if !state.told.contains_key(&repository) {
            state.order.push_back(repository);
            if state.order.len() > MAX_TOLD
                && let Some(oldest) = state.order.pop_front()
            {
                state.told.remove(&oldest);
            }
        }
        let told = state.told.entry(repository).or_default().entry(mirror.clone()).or_default();
        *told = generation.max(*told);
        drop(state);
        self.changed.notify_waiters();
    }

    /// A mirror will never get an event that was stored for it.
    pub(super) fn has_missed(&self, mirror: &MirrorServerId) {
        self.state.lock().missed_at.insert(mirror.clone(), Instant::now());
    }

    /// Waits until every mirror that holds a lease was told of this generation.
    pub async fn until_told(
        &self,
        mirrors: &MirrorServerStore,
        repository: RepositoryId,
        generation: Generation,
    ) -> Result<(), StoreError> {
        if self.duration.is_zero() {
            return Ok(());
        }
        let inherited_until = self.started + self.duration;
        let mut inherited = Vec::new();
        if Instant::now() < inherited_until {
            inherited = mirrors.all_mirrors().await?;
            inherited.retain(|mirror| mirror.enabled && is_of_this_make(mirror));
        }
        loop {
            let changed = self.changed.notified();
            tokio::pin!(changed);
            changed.as_mut().enable();
            let others = inherited.iter().map(|mirror| (&mirror.id, inherited_until));
            let Some(over_at) = self.first_over(repository, generation, others) else { return Ok(()) };
            tokio::select! {
                () = changed => {}
                () = sleep_until(over_at) => {}
            }
        }
    }

    /// When the next lease is over of a mirror that was not told; `None` when there is none.
    fn first_over<'a>(
        &self,
        repository: RepositoryId,
        generation: Generation,
        others: impl Iterator<Item = (&'a MirrorServerId, Instant)>,
    ) -> Option<Instant> {
        let (state, now) = (self.state.lock(), Instant::now());
        let told = state.told.get(&repository);
        let was_told = |mirror: &MirrorServerId| {
            told.and_then(|told| told.get(mirror)).is_some_and(|told| *told >= generation)
        };
        let is_lacking = |mirror: &MirrorServerId, until: Instant| until > now && !was_told(mirror);
        let held = state.held_until.iter().filter(|(mirror, until)| is_lacking(mirror, **until));
        let others = others.filter(|(mirror, until)| is_lacking(mirror, *until));
        held.map(|(_, until)| *until).chain(others.map(|(_, until)| until)).min()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: RepositoryId = RepositoryId(1);
    const LEASE: Duration = Duration::from_secs(5);

    fn mirror(id: &str) -> MirrorServerId {
        MirrorServerId::from(id)
    }

    fn waits(leases: &Leases, generation: i64) -> bool {
        leases.first_over(ONE, Generation(generation), std::iter::empty()).is_some()
    }

    #[tokio::test(start_paused = true)]
    async fn a_change_waits_for_those_who_hold_a_lease_and_were_not_told() {
        let leases = Leases::new(LEASE);
        assert!(!waits(&leases, 7));
        let until = Instant::now() + LEASE;
        leases.state.lock().held_until.insert(mirror("AAAA"), until);
        leases.state.lock().held_until.insert(mirror("BBBB"), until);
        leases.was_told(&mirror("AAAA"), ONE, Generation(7));
        assert!(waits(&leases, 7));
        leases.was_told(&mirror("BBBB"), ONE, Generation(8));
        assert!(!waits(&leases, 7) && waits(&leases, 8));
        leases.was_told(&mirror("AAAA"), ONE, Generation(6));
        assert!(!waits(&leases, 7), "what was told later does not go back");
        tokio::time::advance(LEASE).await;
        assert!(!waits(&leases, 8), "the leases are over");
    }

    #[tokio::test(start_paused = true)]
    async fn who_has_missed_something_has_to_compare_first() {
        let leases = Leases::new(LEASE);
        let compared = |ago| leases.has_compared_since_missing(&mirror("AAAA"), Instant::now(), ago);
        tokio::time::advance(LEASE).await;
        assert!(compared(Duration::from_secs(4)));
        assert!(!compared(Duration::from_secs(6)), "of what came before this process nothing is known");
        leases.has_missed(&mirror("AAAA"));
        tokio::time::advance(Duration::from_secs(1)).await;
        assert!(!compared(Duration::from_secs(4)));
        assert!(compared(Duration::from_millis(500)));
    }

    #[tokio::test(start_paused = true)]
    async fn an_event_grows_older_while_it_waits_also_when_the_clock_goes_back() {
        let leases = Leases::new(LEASE);
        let age = |recorded_at, now_ms| leases.age_of_oldest(&mirror("AAAA"), recorded_at, now_ms).as_secs();
        assert_eq!(age(10_000, 12_000), 2);
        tokio::time::advance(Duration::from_secs(3)).await;
        assert_eq!(age(10_000, 15_000), 5);
        assert_eq!(age(10_000, 1_000), 3, "the clock was set back");
        assert_eq!(age(20_000, 1_000), 0, "another event");
        tokio::time::advance(Duration::from_secs(1)).await;
        assert_eq!(age(20_000, 1_000), 1);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_not_granted_is_as_it_was() {
        let leases = Leases::new(LEASE);
        let (one, now) = (mirror("AAAA"), Instant::now());
        let mut asked = leases.ask(&one, now + LEASE);
        assert!(waits(&leases, 1), "a change that is stored at this moment finds it");
        drop(asked);
        assert!(!waits(&leases, 1));

        asked = leases.ask(&one, now + LEASE);
        asked.is_granted = true;
        drop(asked);
        assert!(waits(&leases, 1));
        drop(leases.ask(&one, now + 2 * LEASE));
        assert_eq!(leases.state.lock().held_until.get(&one), Some(&(now + LEASE)));
    }
}
