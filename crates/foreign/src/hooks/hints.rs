//! Repositories that should be looked at: each waits once however many hints came, and is looked at by one task at a
//! time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;

use parking_lot::Mutex;
use tokio::sync::{Notify, Semaphore};
use tokio::task::JoinSet;

use crate::RepositoryPath;

/// Most repositories that wait. What finds no room is found by the next sweep, or by the next reader.
const MAX_WAITING: usize = 20_000;

/// The repositories that wait to be looked at, and those that are being looked at.
#[derive(Debug, Default)]
pub struct Hints {
    state: Mutex<State>,
    noted: Notify,
}

#[derive(Debug, Default)]
struct State {
    in_order: VecDeque<RepositoryPath>,
    known: HashMap<RepositoryPath, Stage>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting,
    Looking,
    /// A hint came during a look, which may have been too early.
    LookingAndWaiting,
}

/// What became of a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Noted {
    /// The repository is going to be looked at.
    Waits,
    /// It was going to be looked at anyway.
    WaitedAlready,
    /// Too many wait.
    NoRoom,
}

impl Hints {
    /// Has a repository looked at, soon.
    pub fn note(&self, path: RepositoryPath) -> Noted {
        let mut state = self.state.lock();
        if let Some(stage) = state.known.get_mut(&path) {
            if *stage != Stage::Looking {
                return Noted::WaitedAlready;
            }
            *stage = Stage::LookingAndWaiting;
            return Noted::Waits;
        }
        if state.in_order.len() >= MAX_WAITING {
            return Noted::NoRoom;
        }
        state.known.insert(path.clone(), Stage::Waiting);
        state.in_order.push_back(path);
        drop(state);
        self.noted.notify_one();
        Noted::Waits
    }

    /// How many wait.
    pub fn waiting(&self) -> usize {
        self.state.lock().in_order.len()
    }

    /// Has them looked at, so many at once and each in the order of its first hint, as long as it is polled.
    pub async fn follow<Look>(
        self: Arc<Self>,
        at_once: usize,
        look: impl Fn(RepositoryPath) -> Look + Send + Sync + 'static,
    ) where
        Look: Future<Output = ()> + Send + 'static,
    {
        let places = Arc::new(Semaphore::new(at_once));
        // Those that look end with this future.
        let mut looking = JoinSet::new();
        loop {
            let place = Arc::clone(&places).acquire_owned().await.expect("it is never closed");
            let path = self.next().await;
            let (hints, looks) = (Arc::clone(&self), look(path.clone()));
            looking.spawn(async move {
                let _looked = Looked { hints, path };
                looks.await;
                drop(place);
            });
            while looking.try_join_next().is_some() {}
        }
    }

    async fn next(&self) -> RepositoryPath {
        loop {
            if let Some(path) = self.begin() {
                return path;
            }
            self.noted.notified().await;
        }
    }

    fn begin(&self) -> Option<RepositoryPath> {
        let mut state = self.state.lock();
        let path = state.in_order.pop_front()?;
        state.known.insert(path.clone(), Stage::Looking);
        Some(path)
    }

    fn end(&self, path: &RepositoryPath) {
        let mut state = self.state.lock();
        if state.known.remove(path) == Some(Stage::LookingAndWaiting) {
            state.known.insert(path.clone(), Stage::Waiting);
            state.in_order.push_back(path.clone());
            drop(state);
            self.noted.notify_one();
        }
    }
}

/// Ends a look, also one that panicked.
struct Looked {
    hints: Arc<Hints>,
    path: RepositoryPath,
}

impl Drop for Looked {
    fn drop(&mut self) {
        self.hints.end(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tokio::sync::mpsc;
    use tokio::time::timeout;

    use super::*;

    const PATIENCE: Duration = Duration::from_mins(4);

    fn path(name: &str) -> RepositoryPath {
        RepositoryPath::parse(name).expect("a path")
    }

    #[test]
    fn hints_of_one_repository_are_one() {
        let hints = Hints::default();
        assert_eq!(hints.note(path("acme/a")), Noted::Waits);
        assert_eq!(hints.note(path("acme/b")), Noted::Waits);
        assert_eq!(hints.note(path("acme/a")), Noted::WaitedAlready);
        assert_eq!(hints.waiting(), 2);
        assert_eq!(hints.begin(), Some(path("acme/a")));
        assert_eq!(hints.note(path("acme/a")), Noted::Waits, "the look may have been too early");
        assert_eq!(hints.note(path("acme/a")), Noted::WaitedAlready);
        assert_eq!(hints.begin(), Some(path("acme/b")));
        assert_eq!(hints.begin(), None, "no repository is looked at twice at a time");
        hints.end(&path("acme/b"));
        assert_eq!(hints.begin(), None);
        hints.end(&path("acme/a"));
        assert_eq!(hints.begin(), Some(path("acme/a")));
        hints.end(&path("acme/a"));
        assert!(hints.state.lock().known.is_empty());
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let hints = Hints::default();
        for number in 0..MAX_WAITING {
            assert_eq!(hints.note(path(&number.to_string())), Noted::Waits);
        }
        assert_eq!(hints.note(path("one-more")), Noted::NoRoom);
        assert_eq!(hints.note(path("0")), Noted::WaitedAlready);
    }

    #[tokio::test]
    async fn hints_are_followed_while_the_future_is_polled() {
        let hints = Arc::new(Hints::default());
        let (seen, mut looks) = mpsc::unbounded_channel();
        let gate = Arc::new(Semaphore::new(0));
        let look = {
            let gate = Arc::clone(&gate);
            move |path: RepositoryPath| {
                let (seen, gate) = (seen.clone(), Arc::clone(&gate));
                async move {
                    seen.send(path.to_string()).expect("the test listens");
                    gate.acquire().await.expect("open").forget();
                }
            }
        };
        let following = tokio::spawn(Arc::clone(&hints).follow(2, look));
        for name in ["a", "b", "c", "a"] {
            hints.note(path(name));
        }
        let mut next = async || timeout(PATIENCE, looks.recv()).await.expect("in time").expect("one comes");
        assert_eq!([next().await, next().await], ["/a", "/b"]);
        assert_eq!(hints.waiting(), 1, "two are looked at, the third waits");
        hints.note(path("a"));
        gate.add_permits(3);
        assert_eq!([next().await, next().await], ["/c", "/a"]);
        following.abort();
    }
}
