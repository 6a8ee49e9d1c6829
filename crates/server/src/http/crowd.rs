//! Connections of networks that have very many: carried on by few tasks, so that they do not stand before those of others.
//!
//! Tasks of the runtime take turns. Thousands of connections that somebody opens or speaks on at the same moment, each
//! with a task of its own, would have everybody else wait for thousands of turns, however short each is. As one task for
//! each core they have as many turns among the others.

use std::future::poll_fn;
use std::panic::AssertUnwindSafe;
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::task::Poll;
use std::thread::available_parallelism;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use futures_util::stream::{FuturesUnordered, StreamExt};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// So many of them are carried on in one turn, each until it has to wait: less than a millisecond.
const STEPS_IN_A_TURN: usize = 16;

/// The tasks. They end when this is gone and all that they carry on has ended.
#[derive(Debug)]
pub struct Crowd {
    tasks: Vec<Task>,
    next: usize,
}

#[derive(Debug)]
struct Task {
    /// Those that have not begun are bounded by the number of connections.
    arriving: UnboundedSender<BoxFuture<'static, ()>>,
    turn: Turn,
}

/// How many steps are left in the turn of a task.
#[derive(Debug, Clone, Default)]
struct Turn(Arc<AtomicUsize>);

impl Crowd {
    /// One task for each core.
    pub fn start() -> Self {
        let cores = available_parallelism().map_or(1, usize::from);
        let tasks = (0..cores).map(|_| {
            let (sender, arriving) = unbounded_channel();
            let turn = Turn::default();
            tokio::spawn(turn.clone().taking_turns(carry_on(arriving)));
            Task { arriving: sender, turn }
        });
        Self { tasks: tasks.collect(), next: 0 }
    }

    /// Carries this on as well. That it panics is no matter of the others.
    pub fn add(&mut self, conversation: impl Future<Output = ()> + Send + 'static) {
        self.next = (self.next + 1) % self.tasks.len();
        let task = &self.tasks[self.next];
        let conversation = AssertUnwindSafe(conversation).catch_unwind().map(drop);
        let conversation = task.turn.clone().in_steps(conversation).boxed();
        // The task ends only after this sender is gone.
        let _ = task.arriving.send(conversation);
    }
}

impl Turn {
    /// The task, which has so many steps each time.
    async fn taking_turns(self, task: impl Future<Output = ()>) {
        let mut task = pin!(task);
        poll_fn(|context| {
            self.0.store(STEPS_IN_A_TURN, Ordering::Relaxed);
            task.as_mut().poll(context)
        })
        .await;
    }

    /// A part of the task, which goes on in the next turn when no step is left in this one.
    async fn in_steps(self, part: impl Future<Output = ()>) {
        let mut part = pin!(part);
        poll_fn(|context| {
            // One thread at a time has the turn.
            let left = self.0.load(Ordering::Relaxed);
            if left == 0 {
                context.waker().wake_by_ref();
                return Poll::Pending;
            }
            self.0.store(left - 1, Ordering::Relaxed);
            part.as_mut().poll(context)
        })
        .await;
    }
}

async fn carry_on(mut arriving: UnboundedReceiver<BoxFuture<'static, ()>>) {
    let mut conversations = FuturesUnordered::new();
    loop {
        // Those who wait go first: they give up the turn when it is over.
        tokio::select! {
            biased;
            Some(()) = conversations.next() => {}
            Some(conversation) = arriving.recv() => conversations.push(conversation),
            else => return,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::pending;

    use tokio::sync::Semaphore;
    use tokio::task::yield_now;

    use super::*;

    const MANY: usize = 10_000;

    #[tokio::test]
    async fn all_are_carried_on_to_their_end_whatever_becomes_of_others() {
        let (go_on, ended) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        let mut crowd = Crowd::start();
        crowd.add(pending());
        crowd.add(async { panic!("one of them") });
        for _ in 0..MANY {
            let (go_on, ended) = (go_on.clone(), ended.clone());
            crowd.add(async move {
                go_on.acquire().await.expect("it is open").forget();
                ended.add_permits(1);
            });
        }
        go_on.add_permits(MANY);
        // They go on also when no more can come.
        drop(crowd);
        ended.acquire_many(u32::try_from(MANY).expect("a small number")).await.expect("it is open").forget();
    }

    /// On the one thread of this test, tasks take turns.
    #[tokio::test]
    async fn others_have_their_turn_among_very_many() {
        let mut crowd = Crowd::start();
        let steps = Arc::new(AtomicUsize::new(0));
        for _ in 0..MANY {
            let steps = steps.clone();
            crowd.add(async move {
                loop {
                    steps.fetch_add(1, Ordering::Relaxed);
                    yield_now().await;
                }
            });
        }
        let mut most = 0;
        while steps.load(Ordering::Relaxed) < 3 * MANY {
            let before = steps.load(Ordering::Relaxed);
            yield_now().await;
            most = most.max(steps.load(Ordering::Relaxed) - before);
        }
        assert!(most <= STEPS_IN_A_TURN * crowd.tasks.len(), "{most} steps between two of others");
    }
}
