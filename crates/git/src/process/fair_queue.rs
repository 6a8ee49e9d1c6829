//! Permits: a bounded number at once, shared fairly between repositories and between those who ask.
//!
//! A free permit goes to a client that holds fewest and has had least lately. Among equals it goes to the repository that
//! has waited longest for its permit in the round, and inside it to the client who has; one who asks a hundred things
//! waits behind one who asks for one. Who holds their whole share already is passed over until they give something back.
//! Work that no client waits for yet stands in a line of its own: it moves only when no client waits that could, and
//! never takes more than half of the permits.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;
use tokio::time::Instant;

use crate::process::shares::{Held, LOOK_AGAIN_AFTER, Rank};
use crate::process::{ClientKey, Shares};

/// Hands out permits. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct FairQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    shares: Shares,
    state: Mutex<State>,
}

/// Between two changes, no waiter in either line may have a permit; but what clients may have can depend on the time,
/// too ([`Shares::depend_on_time`]).
#[derive(Debug, Default)]
struct State {
    held: Held,
    /// A client waits for what these will do.
    foreground: Line,
    /// No client does yet.
    background: VecDeque<Waiter>,
    next_ticket: u64,
    counters: QueueCounters,
}

/// What a queue has done since it was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueCounters {
    /// Permits that were taken, background permits included.
    pub permits: u64,
    /// Permits that had to be waited for; background permits always stand back and do not count.
    pub waits: u64,
    /// How long these waited, all together.
    pub waited: Duration,
    /// How long the one of these that waited longest did.
    pub longest_wait: Duration,
}

/// Leave to do something; dropping it passes it on.
#[derive(Debug)]
pub struct Permit {
    queue: FairQueue,
    holder: Holder,
    since: Instant,
    usage_rank: u32,
    /// Already given back.
    spent: bool,
}

/// For whom a permit is, or is waited for.
#[derive(Debug, Clone, Copy)]
enum Holder {
    Client { repository: u64, client: ClientKey },
    Background,
}

/// Those who wait, in the order of the round.
#[derive(Debug, Default)]
struct Line {
    round: VecDeque<u64>,
    repositories: HashMap<u64, RepositoryLine>,
    length: usize,
}

#[derive(Debug, Default)]
struct RepositoryLine {
    round: VecDeque<ClientKey>,
    clients: HashMap<ClientKey, VecDeque<Waiter>>,
}

#[derive(Debug)]
struct Waiter {
    ticket: u64,
    call: oneshot::Sender<Permit>,
}

impl FairQueue {
    /// A queue that shares its permits like this.
    pub fn new(shares: Shares) -> Self {
        Self(Arc::new(Inner { shares, state: Mutex::default() }))
    }

    /// Waits for a permit. Dropping the future gives the place up.
    pub async fn permit(&self, repository: u64, client: ClientKey) -> Permit {
        self.take(Holder::Client { repository, client }).await
    }

    /// Waits for a permit at work that no client waits for yet. Dropping the future gives the place up, for example to
    /// take a permit of the other kind when a client does ask.
    pub async fn background_permit(&self) -> Permit {
        self.take(Holder::Background).await
    }

    async fn take(&self, holder: Holder) -> Permit {
        let (mut place, called) = {
            let mut state = self.lock();
            if state.has_room_for(&self.0.shares, holder) {
                return self.start(&mut state, holder);
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let (call, called) = oneshot::channel();
            state.join(holder, Waiter { ticket, call });
            (Place { queue: self, holder, ticket, waiting: true }, called)
        };
        let since = Instant::now();
        let permit = self.until_called(called).await;
        place.waiting = false;
        if matches!(holder, Holder::Client { .. }) {
            let mut state = self.lock();
            let waited = since.elapsed();
            state.counters.waits += 1;
            state.counters.waited += waited;
            state.counters.longest_wait = state.counters.longest_wait.max(waited);
        }
        permit
    }

    /// Waits for the permit that a waiter is given. Where time alone lets one start, each waiter looks again now and then: a
    /// client that has had much may have what others have left for a while.
    async fn until_called(&self, mut called: oneshot::Receiver<Permit>) -> Permit {
        const IS_CALLED: &str = "a waiter is called before its place is dropped";
        while self.0.shares.depend_on_time() {
            match tokio::time::timeout(LOOK_AGAIN_AFTER, &mut called).await {
                Ok(permit) => return permit.expect(IS_CALLED),
                Err(_) => self.call(self.lock()),
            }
        }
        called.await.expect(IS_CALLED)
    }

    /// How many wait for work that a client waits for.
    pub fn waiting(&self) -> usize {
        self.lock().foreground.length
    }

    /// How many permits are taken now.
    pub fn running(&self) -> usize {
        self.lock().held.all
    }

    /// What it has done.
    pub fn counters(&self) -> QueueCounters {
        self.lock().counters
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    fn start(&self, state: &mut State, holder: Holder) -> Permit {
        let since = Instant::now();
        let usage_rank = match holder {
            Holder::Client { repository, client } => {
                state.held.take(repository, client);
                state.held.usage_rank(client, since)
            }
            Holder::Background => {
                state.held.take_for_background();
                u32::MAX
            }
        };
        state.counters.permits += 1;
        Permit { queue: self.clone(), holder, since, usage_rank, spent: false }
    }

    /// Calls those who may start now; to be done after every change.
    fn call<'a>(&'a self, mut state: MutexGuard<'a, State>) {
        while let Some((holder, waiter)) = state.next(&self.0.shares) {
            let permit = self.start(&mut state, holder);
            drop(state);
            let left = waiter.call.send(permit);
            state = self.lock();
            if let Err(mut permit) = left {
                // It left at this moment; the next one gets the permit.
                permit.spent = true;
                state.give_back(holder, None);
            }
        }
    }
}

impl State {
    fn has_room_for(&self, shares: &Shares, holder: Holder) -> bool {
        match holder {
            Holder::Client { repository, client } => {
                self.held.rank(shares, repository, client, Instant::now()).is_some()
            }
            Holder::Background => self.held.leave_room_for_background(shares),
        }
    }

    fn join(&mut self, holder: Holder, waiter: Waiter) {
        match holder {
            Holder::Client { repository, client } => self.foreground.join(repository, client, waiter),
            Holder::Background => self.background.push_back(waiter),
        }
    }

    /// Takes out one who waits and may start.
    fn next(&mut self, shares: &Shares) -> Option<(Holder, Waiter)> {
        let (held, now) = (&self.held, Instant::now());
        let rank = |repository, client| held.rank(shares, repository, client, now);
        if let Some((repository, client, waiter)) = self.foreground.next(rank) {
            return Some((Holder::Client { repository, client }, waiter));
        }
        if !self.held.leave_room_for_background(shares) {
            return None;
        }
        self.background.pop_front().map(|waiter| (Holder::Background, waiter))
    }

    /// `None` for a permit that no waiter has received.
    fn give_back(&mut self, holder: Holder, since: Option<Instant>) {
        match holder {
            Holder::Client { repository, client } => {
                if let Some(since) = since {
                    self.held.note_usage(client, since);
                }
                self.held.give_back(repository, client);
            }
            Holder::Background => self.held.give_back_of_background(),
        }
    }
}

impl Line {
    fn join(&mut self, repository: u64, client: ClientKey, waiter: Waiter) {
        let line = self.repositories.entry(repository).or_insert_with(|| {
            self.round.push_back(repository);
            RepositoryLine::default()
        });
        line.clients
            .entry(client)
            .or_insert_with(|| {
                line.round.push_back(client);
                VecDeque::new()
            })
            .push_back(waiter);
        self.length += 1;
    }

    /// Takes out who is next of those who may start, and puts the repository and the client at the end of their rounds.
    fn next(&mut self, rank: impl Fn(u64, ClientKey) -> Option<Rank>) -> Option<(u64, ClientKey, Waiter)> {
        let all = self.round.iter().enumerate().flat_map(|(repository_at, repository)| {
            let clients = self.repositories.get(repository).into_iter().flat_map(|line| line.round.iter());
            clients.enumerate().filter_map({
                let rank = &rank;
                move |(client_at, client)| Some((rank(*repository, *client)?, repository_at, client_at))
            })
        });
        // The first of equals.
        let (_, repository_at, client_at) = all.min_by_key(|(rank, ..)| *rank)?;
        let repository = self.round.remove(repository_at)?;
        let line = self.repositories.get_mut(&repository)?;
        let client = line.round.remove(client_at)?;
        let waiters = line.clients.get_mut(&client)?;
        let waiter = waiters.pop_front()?;
        if waiters.is_empty() {
            line.clients.remove(&client);
        } else {
            line.round.push_back(client);
        }
        if line.clients.is_empty() {
            self.repositories.remove(&repository);
        } else {
            self.round.push_back(repository);
        }
        self.length -= 1;
        Some((repository, client, waiter))
    }

    /// Takes out one who waits no more.
    fn leave(&mut self, repository: u64, client: ClientKey, ticket: u64) {
        let Some(line) = self.repositories.get_mut(&repository) else {
            return;
        };
        let Some(waiters) = line.clients.get_mut(&client) else {
            return;
        };
        let Some(at) = waiters.iter().position(|waiter| waiter.ticket == ticket) else {
            return;
        };
        waiters.remove(at);
        self.length -= 1;
        if waiters.is_empty() {
            line.clients.remove(&client);
            line.round.retain(|other| *other != client);
        }
        if line.clients.is_empty() {
            self.repositories.remove(&repository);
            self.round.retain(|other| *other != repository);
        }
    }
}

impl Permit {
    /// The same, whose client has had as much as is known of it where the other one is from.
    #[must_use]
    pub fn with_usage_of(mut self, other: &Self) -> Self {
        self.usage_rank = other.usage_rank;
        self
    }

    /// 0 if its client had had little when this was taken; one more for each time that it had had twice as much. The highest
    /// where no client waits.
    pub(crate) fn usage_rank(&self) -> u32 {
        self.usage_rank
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.spent {
            let mut state = self.queue.lock();
            state.give_back(self.holder, Some(self.since));
            self.queue.call(state);
        }
    }
}

/// One who waits.
struct Place<'a> {
    queue: &'a FairQueue,
    holder: Holder,
    ticket: u64,
    waiting: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.waiting {
            let mut state = self.queue.lock();
            match self.holder {
                Holder::Client { repository, client } => {
                    state.foreground.leave(repository, client, self.ticket);
                }
                Holder::Background => state.background.retain(|waiter| waiter.ticket != self.ticket),
            }
        }
    }
}

#[cfg(test)]
#[path = "fair_queue_tests.rs"]
mod tests;
