//! Permits at computing: a bounded number at once, shared fairly between repositories and between those who ask.
//!
//! A free permit goes to the repository that has waited longest for its permit in the round, and inside it to the client
//! who has; one who asks a hundred things waits behind one who asks for one. Work that no client waits for yet stands in a
//! line of its own: it moves only when no client waits, and never takes more than half of the permits, so that who
//! comes next finds one free.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::{Mutex, MutexGuard};
use tokio::sync::oneshot;

use crate::answer::ClientKey;

/// Background work may take this part of the permits, but at least one.
const BACKGROUND_SHARE: usize = 2;

/// Hands out permits. Cloning is cheap and shares them.
#[derive(Debug, Clone)]
pub struct FairQueue(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    slots: usize,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    free: usize,
    background_running: usize,
    /// A client waits for what these will compute.
    foreground: Line,
    /// No client does yet.
    background: Line,
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

/// A permit at computing; dropping it passes it on.
#[derive(Debug)]
pub struct Permit {
    queue: FairQueue,
    background: bool,
    /// Already given back.
    spent: bool,
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
    /// A queue with so many permits at once, at least 1.
    pub fn new(slots: usize) -> Self {
        let slots = slots.max(1);
        let state = State { free: slots, ..State::default() };
        Self(Arc::new(Inner { slots, state: Mutex::new(state) }))
    }

    /// Waits for a permit. Dropping the future gives the place up.
    pub async fn permit(&self, repository: u64, client: ClientKey) -> Permit {
        self.take(repository, client, false).await
    }

    /// Waits for a permit at work that no client waits for yet. Dropping the future gives the place up, for example to
    /// take a permit of the other kind when a client does ask.
    pub async fn background_permit(&self, repository: u64) -> Permit {
        self.take(repository, ClientKey::named(""), true).await
    }

    async fn take(&self, repository: u64, client: ClientKey, background: bool) -> Permit {
        let (mut place, called) = {
            let mut state = self.lock();
            if state.may_start(background, self.0.slots) {
                return self.start(&mut state, background);
            }
            let ticket = state.next_ticket;
            state.next_ticket += 1;
            let (call, called) = oneshot::channel();
            state.line(background).join(repository, client, Waiter { ticket, call });
            (Place { queue: self, repository, client, ticket, background, waiting: true }, called)
        };
        let since = Instant::now();
        let permit = called.await.expect("a waiter is called before its place is dropped");
        place.waiting = false;
        if !background {
            let mut state = self.lock();
            let waited = since.elapsed();
            state.counters.waits += 1;
            state.counters.waited += waited;
            state.counters.longest_wait = state.counters.longest_wait.max(waited);
        }
        permit
    }

    /// How many wait for work that a client waits for.
    pub fn waiting(&self) -> usize {
        self.lock().foreground.length
    }

    /// How many permits are taken now.
    pub fn running(&self) -> usize {
        self.0.slots - self.lock().free
    }

    /// What it has done.
    pub fn counters(&self) -> QueueCounters {
        self.lock().counters
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.state.lock()
    }

    fn start(&self, state: &mut State, background: bool) -> Permit {
        state.free -= 1;
        state.background_running += usize::from(background);
        state.counters.permits += 1;
        Permit { queue: self.clone(), background, spent: false }
    }

    /// Calls those who may start now.
    fn call(&self) {
        loop {
            let mut state = self.lock();
            let background = if state.foreground.length > 0 {
                false
            } else if state.background.length > 0 {
                true
            } else {
                return;
            };
            // Those who wait in the line that is chosen stand in the way of `may_start`: do not ask about them.
            if state.free == 0 || (background && !state.background_is_allowed(self.0.slots)) {
                return;
            }
            let Some(waiter) = state.line(background).next() else {
                return;
            };
            let permit = self.start(&mut state, background);
            drop(state);
            if let Err(mut permit) = waiter.call.send(permit) {
                // It left at this moment; the next one gets the permit.
                permit.give_back();
            }
        }
    }
}

impl State {
    fn line(&mut self, background: bool) -> &mut Line {
        if background { &mut self.background } else { &mut self.foreground }
    }

    fn background_is_allowed(&self, slots: usize) -> bool {
        self.background_running < (slots / BACKGROUND_SHARE).max(1)
    }

    /// Whether one who comes now need not wait.
    fn may_start(&self, background: bool, slots: usize) -> bool {
        let none_before = self.foreground.length == 0 && (!background || self.background.length == 0);
        self.free > 0 && none_before && (!background || self.background_is_allowed(slots))
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

    /// Takes out who is next, and puts the repository and the client at the end of their rounds.
    fn next(&mut self) -> Option<Waiter> {
        let repository = self.round.pop_front()?;
        let line = self.repositories.get_mut(&repository)?;
        let client = line.round.pop_front()?;
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
        Some(waiter)
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
    fn give_back(&mut self) {
        if std::mem::replace(&mut self.spent, true) {
            return;
        }
        let mut state = self.queue.lock();
        state.free += 1;
        state.background_running -= usize::from(self.background);
    }
}

impl Drop for Permit {
    fn drop(&mut self) {
        if !self.spent {
            self.give_back();
            self.queue.call();
        }
    }
}

/// One who waits.
struct Place<'a> {
    queue: &'a FairQueue,
    repository: u64,
    client: ClientKey,
    ticket: u64,
    background: bool,
    waiting: bool,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        if self.waiting {
            let mut state = self.queue.lock();
            state.line(self.background).leave(self.repository, self.client, self.ticket);
            drop(state);
            // Background work may have stood back for this one.
            self.queue.call();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use tokio::task::{JoinHandle, yield_now};

    use super::*;

    /// Sends its name when it gets its permit, and passes it on at once.
    fn wait_as(
        queue: &FairQueue,
        repository: u64,
        client: &str,
        order: &mpsc::Sender<String>,
    ) -> JoinHandle<()> {
        let (queue, client, order) = (queue.clone(), client.to_owned(), order.clone());
        tokio::spawn(async move {
            let _permit = queue.permit(repository, ClientKey::named(&client)).await;
            order.send(format!("{repository}{client}")).expect("the test listens");
        })
    }

    async fn settle() {
        for _ in 0..100 {
            yield_now().await;
        }
    }

    #[tokio::test]
    async fn permits_go_round_repositories_and_clients() {
        let queue = FairQueue::new(1);
        let permit = queue.permit(9, ClientKey::named("first")).await;
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
        let queue = FairQueue::new(1);
        let permit = queue.permit(1, ClientKey::named("a")).await;
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
        let queue = FairQueue::new(3);
        let mut permits = Vec::new();
        for _ in 0..3 {
            permits.push(queue.permit(1, ClientKey::named("a")).await);
        }
        let fourth = tokio::spawn({
            let queue = queue.clone();
            async move { queue.permit(1, ClientKey::named("a")).await }
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
        let queue = FairQueue::new(4);
        let first = queue.background_permit(1).await;
        let _second = queue.background_permit(1).await;
        let third = tokio::spawn({
            let queue = queue.clone();
            async move { queue.background_permit(2).await }
        });
        settle().await;
        assert!(!third.is_finished(), "half of the permits are taken");
        let asked = queue.permit(1, ClientKey::named("a")).await;
        let _asked_too = queue.permit(1, ClientKey::named("b")).await;
        let waiting = tokio::spawn({
            let queue = queue.clone();
            async move { queue.permit(3, ClientKey::named("c")).await }
        });
        settle().await;
        drop(first);
        let waited = waiting.await.expect("a permit");
        settle().await;
        assert!(!third.is_finished(), "a client that asked was before it");
        drop((waited, asked));
        drop(third.await.expect("a permit"));
        assert_eq!(queue.lock().background_running, 1);
    }

    #[tokio::test]
    async fn a_single_slot_serves_background_work_too() {
        let queue = FairQueue::new(1);
        drop(queue.background_permit(1).await);
        drop(queue.permit(1, ClientKey::named("a")).await);
        assert_eq!((queue.running(), queue.counters().permits, queue.counters().waits), (0, 2, 0));
    }

    #[tokio::test]
    async fn background_work_goes_on_when_the_last_who_waited_leaves() {
        let queue = FairQueue::new(2);
        let background = queue.background_permit(1).await;
        let asked = queue.permit(1, ClientKey::named("a")).await;
        let next = tokio::spawn({
            let queue = queue.clone();
            async move { queue.background_permit(2).await }
        });
        let leaving = wait_as(&queue, 1, "b", &mpsc::channel().0);
        settle().await;
        drop(background);
        leaving.abort();
        drop(asked);
        drop(next.await.expect("a permit"));
        assert_eq!(queue.running(), 0);
    }

    #[tokio::test]
    async fn waits_are_counted() {
        let queue = FairQueue::new(1);
        let permit = queue.permit(1, ClientKey::named("a")).await;
        let (sender, _order) = mpsc::channel();
        let first = wait_as(&queue, 1, "b", &sender);
        settle().await;
        let second = wait_as(&queue, 1, "c", &sender);
        settle().await;
        drop(permit);
        first.await.expect("no panic");
        second.await.expect("no panic");
        let counters = queue.counters();
        assert_eq!((counters.permits, counters.waits), (3, 2));
        assert!(counters.longest_wait > Duration::ZERO, "{counters:?}");
        assert!(counters.waited > counters.longest_wait && counters.waited < counters.longest_wait * 2);
    }
}
