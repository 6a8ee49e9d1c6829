//! In which order passwords are checked, and how soon a client whose password was wrong may try again.
//!
//! Checking one takes a core for tens of milliseconds, so checks wait in a queue. It is shared fairly among the
//! networks that attempts come from, and inside a network those who were wrong least often come first: a client that
//! guesses waits behind clients that do not. When the queue is full, the network with the most attempts in it loses one
//! of them. A password that is expected to be right, because it was right before, goes before all others.
//!
//! Wrong attempts for a name from a network are followed by pauses that grow, in which further ones are refused without
//! a check. They do not concern the same name from other networks, so that no client can lock a user out.

use std::collections::{BTreeMap, HashMap, VecDeque};
use std::hash::{BuildHasher, RandomState};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use thiserror::Error;
use tokio::sync::oneshot;
use tokio::time::Instant;

/// The pause after one wrong attempt more than are free; each further one doubles it.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// Longest pause.
const LONGEST_PAUSE: Duration = Duration::from_mins(1);
/// Wrong attempts of a client that no pause follows: people mistype.
const FREE_FAILURES: u32 = 3;
/// The same for a server that passes on what many clients send, and lets each of them pause itself.
const FREE_FAILURES_OF_SERVERS: u32 = 20;
/// After so long without another one, wrong attempts are forgotten.
const FORGOTTEN_AFTER: Duration = Duration::from_mins(15);
/// Of how many names in networks wrong attempts are remembered; each takes about a hundred bytes.
const MAX_REMEMBERED_FAILURES: usize = 16_384;
/// How many different guesses are remembered of a name in a network.
const MAX_REMEMBERED_GUESSES: usize = 4;
/// When to try again when the queue is full.
const RETRY_WHEN_FULL: Duration = Duration::from_secs(2);

/// Why an attempt is not looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("too many passwords are being tried; try again in {} s", retry_after.as_secs().max(1))]
pub struct TooManyAttempts {
    /// How long to wait before the next attempt.
    pub retry_after: Duration,
}

/// From where an attempt comes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LoginOrigin<'a> {
    /// A client in this network.
    Network(&'a str),
    /// A server that passes on what its clients send.
    Server(&'a str),
}

/// Who tries to log in.
#[derive(Debug, Clone, Copy)]
pub struct LoginAttempt<'a> {
    /// As whom.
    pub name: &'a str,
    /// From where.
    pub origin: LoginOrigin<'a>,
}

/// What is known of an attempt before it is checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expectation {
    /// The same was right before.
    Right,
    /// It may be a guess.
    Nothing,
}

/// The queue. Cloning is cheap and shares it.
#[derive(Debug, Clone)]
pub struct LoginQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    hasher: RandomState,
    at_once: usize,
    longest: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    running: usize,
    /// Without those that are expected to be right.
    running_by_origin: HashMap<u64, usize>,
    expected: Line,
    others: Line,
    failures: HashMap<(u64, u64), Failures>,
    next_ticket: u64,
}

/// Wrong attempts for a name from one origin.
#[derive(Debug, Clone)]
struct Failures {
    /// How many were different.
    count: u32,
    /// What was tried last: a client that repeats it does not guess.
    guesses: VecDeque<u64>,
    last: Instant,
    pause: Duration,
}

/// Those who wait, by origin in the order of the round, and inside it by how often they were wrong.
#[derive(Debug, Default)]
struct Line {
    round: VecDeque<u64>,
    origins: HashMap<u64, BTreeMap<Rank, Waiter>>,
    length: usize,
}

/// How often an attempt's name was wrong, and when it came.
type Rank = (u32, u64);

#[derive(Debug)]
struct Waiter {
    attempt: Known,
    call: oneshot::Sender<Result<LoginTurn, TooManyAttempts>>,
}

/// An attempt without its texts.
#[derive(Debug, Clone, Copy)]
struct Known {
    name: u64,
    origin: u64,
    free_failures: u32,
    expectation: Expectation,
}

/// Leave to check one attempt; dropping it passes it on.
#[derive(Debug)]
pub struct LoginTurn {
    queue: LoginQueue,
    attempt: Known,
    /// Already given back.
    spent: bool,
}

impl LoginQueue {
    /// A queue in which so many attempts are checked at once and so many wait.
    pub fn new(at_once: usize, longest: usize) -> Self {
        let hasher = RandomState::new();
        Self(Arc::new(Inner { hasher, at_once: at_once.max(1), longest, state: Mutex::default() }))
    }

    /// Waits until this attempt may be checked. Dropping the future gives its place up.
    pub async fn turn(
        &self,
        attempt: LoginAttempt<'_>,
        expectation: Expectation,
    ) -> Result<LoginTurn, TooManyAttempts> {
        let attempt = self.known(attempt, expectation);
        let (mut place, called) = {
            let now = Instant::now();
            let mut state = self.lock();
            state.refuse_in_pause(attempt, now)?;
            if state.has_room_for(attempt, self.0.at_once) {
                return Ok(self.start(&mut state, attempt));
            }
            let rank = (state.failures_of(attempt, now), state.next_ticket);
            state.next_ticket += 1;
            if state.expected.length + state.others.length >= self.0.longest {
                state.make_room_for(attempt, rank)?;
            }
            let (call, called) = oneshot::channel();
            state.line(attempt).join(attempt.origin, rank, Waiter { attempt, call });
            (Place { queue: self, attempt, rank, waiting: true }, called)
        };
        let turn = called.await.expect("a waiter is called before its place is dropped");
        place.waiting = false;
        turn
    }

    fn known(&self, attempt: LoginAttempt<'_>, expectation: Expectation) -> Known {
        let free_failures = match attempt.origin {
            LoginOrigin::Network(_) => FREE_FAILURES,
            LoginOrigin::Server(_) => FREE_FAILURES_OF_SERVERS,
        };
        let origin = match attempt.origin {
            LoginOrigin::Network(network) => self.0.hasher.hash_one(("network", network)),
            LoginOrigin::Server(id) => self.0.hasher.hash_one(("server", id)),
        };
        // Names are the same in all cases of their letters.
        let name = self.0.hasher.hash_one(attempt.name.to_lowercase());
        Known { name, origin, free_failures, expectation }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    fn start(&self, state: &mut State, attempt: Known) -> LoginTurn {
        state.running += 1;
        if attempt.expectation == Expectation::Nothing {
            *state.running_by_origin.entry(attempt.origin).or_default() += 1;
        }
        LoginTurn { queue: self.clone(), attempt, spent: false }
    }

    /// Calls those who may be checked now; to be done after every change.
    fn call<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        while let Some(waiter) = state.next(self.0.at_once) {
            let attempt = waiter.attempt;
            let turn = match state.refuse_in_pause(attempt, Instant::now()) {
                Ok(()) => Ok(self.start(&mut state, attempt)),
                Err(refused) => Err(refused),
            };
            drop(state);
            let left = waiter.call.send(turn);
            state = self.lock();
            if let Err(Ok(mut turn)) = left {
                // It left at this moment; the next one gets its turn.
                turn.spent = true;
                state.give_back(attempt);
            }
        }
    }
}

impl LoginTurn {
    /// It was right: earlier wrong attempts are forgotten.
    pub fn was_right(self) {
        self.queue.lock().failures.remove(&self.attempt.key());
    }

    /// This was wrong, which may be followed by a pause.
    pub fn was_wrong(self, guess: &[u8; 32]) {
        let guess = self.queue.0.hasher.hash_one(guess);
        self.queue.lock().note_failure(self.attempt, guess, Instant::now());
    }
}

impl Drop for LoginTurn {
    fn drop(&mut self) {
        if !self.spent {
            let mut state = self.queue.lock();
            state.give_back(self.attempt);
            self.queue.call(state);
        }
    }
}

impl Known {
    fn key(self) -> (u64, u64) {
        (self.name, self.origin)
    }
}

impl State {
    fn line(&mut self, attempt: Known) -> &mut Line {
        match attempt.expectation {
            Expectation::Right => &mut self.expected,
            Expectation::Nothing => &mut self.others,
        }
    }

    fn failures_of(&self, attempt: Known, now: Instant) -> u32 {
        let failures = self.failures.get(&attempt.key());
        failures.filter(|failures| !failures.are_forgotten(now)).map_or(0, |failures| failures.count)
    }

    fn refuse_in_pause(&self, attempt: Known, now: Instant) -> Result<(), TooManyAttempts> {
        let Some(failures) = self.failures.get(&attempt.key()) else { return Ok(()) };
        let retry_after = failures.pause.saturating_sub(now.duration_since(failures.last));
        match attempt.expectation {
            Expectation::Nothing if !retry_after.is_zero() => Err(TooManyAttempts { retry_after }),
            _ => Ok(()),
        }
    }

    fn note_failure(&mut self, attempt: Known, guess: u64, now: Instant) {
        if self.failures.len() >= MAX_REMEMBERED_FAILURES && !self.failures.contains_key(&attempt.key()) {
            self.failures.retain(|_, failures| !failures.are_forgotten(now));
            if self.failures.len() >= MAX_REMEMBERED_FAILURES {
                // Those that matter most stay.
                self.failures.retain(|_, failures| !failures.pause.is_zero());
            }
            if self.failures.len() >= MAX_REMEMBERED_FAILURES {
                self.failures.clear();
            }
        }
        let none = || Failures { count: 0, guesses: VecDeque::new(), last: now, pause: Duration::ZERO };
        let failures = self.failures.entry(attempt.key()).or_insert_with(none);
        if failures.are_forgotten(now) {
            *failures = none();
        }
        if failures.guesses.contains(&guess) {
            return;
        }
        if failures.guesses.len() >= MAX_REMEMBERED_GUESSES {
            failures.guesses.pop_front();
        }
        failures.guesses.push_back(guess);
        failures.count += 1;
        failures.last = now;
        failures.pause = match failures.count.checked_sub(attempt.free_failures) {
            None | Some(0) => Duration::ZERO,
            Some(beyond) => FIRST_PAUSE.saturating_mul(1 << (beyond - 1).min(16)).min(LONGEST_PAUSE),
        };
    }

    /// Attempts of one origin never take all turns, as long as there are several.
    fn has_room_for(&self, attempt: Known, at_once: usize) -> bool {
        let of_origin = self.running_by_origin.get(&attempt.origin).copied().unwrap_or_default();
        let is_within_share =
            attempt.expectation == Expectation::Right || of_origin < share_of_origin(at_once);
        self.running < at_once && is_within_share
    }

    /// Refuses another attempt in favour of this one, or this one.
    fn make_room_for(&mut self, attempt: Known, rank: Rank) -> Result<(), TooManyAttempts> {
        let full = TooManyAttempts { retry_after: RETRY_WHEN_FULL };
        let (origin, waiting) = self.others.longest().ok_or(full)?;
        let own = self.others.origins.get(&attempt.origin).map_or(0, BTreeMap::len);
        let last = self.others.origins.get(&origin).and_then(BTreeMap::last_key_value);
        let last = last.map(|(rank, _)| *rank).ok_or(full)?;
        let gives_way = attempt.expectation == Expectation::Right
            || waiting > own + 1
            || (waiting >= own && last.0 > rank.0);
        if !gives_way {
            return Err(full);
        }
        if let Some(waiter) = self.others.leave(origin, last) {
            waiter.call.send(Err(full)).ok();
        }
        Ok(())
    }

    /// Takes out one who waits and may be checked.
    fn next(&mut self, at_once: usize) -> Option<Waiter> {
        if self.running >= at_once {
            return None;
        }
        if let Some(waiter) = self.expected.next(|_| true) {
            return Some(waiter);
        }
        let (running, share) = (&self.running_by_origin, share_of_origin(at_once));
        self.others.next(|origin| running.get(&origin).copied().unwrap_or_default() < share)
    }

    fn give_back(&mut self, attempt: Known) {
        self.running -= 1;
        if attempt.expectation == Expectation::Right {
            return;
        }
        if let Some(running) = self.running_by_origin.get_mut(&attempt.origin) {
            *running -= 1;
            if *running == 0 {
                self.running_by_origin.remove(&attempt.origin);
            }
        }
    }
}

/// How many of so many turns the attempts of one origin may take: three quarters, rounded down, and one at least.
fn share_of_origin(at_once: usize) -> usize {
    (at_once - at_once.div_ceil(4)).max(1)
}

impl Failures {
    fn are_forgotten(&self, now: Instant) -> bool {
        now.duration_since(self.last) > FORGOTTEN_AFTER
    }
}

impl Line {
    fn join(&mut self, origin: u64, rank: Rank, waiter: Waiter) {
        let waiting = self.origins.entry(origin).or_insert_with(|| {
            self.round.push_back(origin);
            BTreeMap::new()
        });
        waiting.insert(rank, waiter);
        self.length += 1;
    }

    /// Takes out who is next of those whose origin may have a turn, and puts the origin at the end of the round.
    fn next(&mut self, may_start: impl Fn(u64) -> bool) -> Option<Waiter> {
        let at = self.round.iter().position(|origin| may_start(*origin))?;
        let origin = self.round.remove(at)?;
        let waiting = self.origins.get_mut(&origin)?;
        let (_, waiter) = waiting.pop_first()?;
        if waiting.is_empty() {
            self.origins.remove(&origin);
        } else {
            self.round.push_back(origin);
        }
        self.length -= 1;
        Some(waiter)
    }

    /// Takes out one who waits no more.
    fn leave(&mut self, origin: u64, rank: Rank) -> Option<Waiter> {
        let waiting = self.origins.get_mut(&origin)?;
        let waiter = waiting.remove(&rank)?;
        if waiting.is_empty() {
            self.origins.remove(&origin);
            self.round.retain(|other| *other != origin);
        }
        self.length -= 1;
        Some(waiter)
    }

    /// The origin of which most wait, and how many.
    fn longest(&self) -> Option<(u64, usize)> {
        let lengths = self.origins.iter().map(|(origin, waiting)| (*origin, waiting.len()));
        lengths.max_by_key(|(_, length)| *length)
    }
}

/// One who waits.
struct Place<'a> {
    queue: &'a LoginQueue,
    attempt: Known,
    rank: Rank,
    waiting: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.waiting {
            let mut state = self.queue.lock();
            let left = state.line(self.attempt).leave(self.attempt.origin, self.rank);
            drop(state);
            drop(left);
        }
    }
}

#[cfg(test)]
#[path = "login_queue_tests.rs"]
mod tests;
