//! The first look at each repository since the start: nothing of a repository is shown before it has ended.
//!
//! A server listens before it has looked at all of its repositories, of which one may be missing, damaged, or put back from
//! an older backup. The first caller that asks for a repository has it looked at at once. All that ask meanwhile wait for the
//! same look, and so does the round that looks at all of them.
//!
//! [`Changes::refs`], [`Changes::open_to_read`] and [`Changes::open_to_change`] are the ways to what a repository holds, and
//! begin here.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryId};
use parking_lot::Mutex;
use tokio::sync::{Semaphore, watch};

use super::announce_change::Changes;
use super::reconcile_refs::check_and_note;

/// How long a caller waits for the first look at a repository. It opens each pack once: mostly it takes milliseconds.
const LOOK_PATIENCE: Duration = Duration::from_secs(20);

/// How soon a caller that has waited in vain may ask again.
const ASK_AGAIN_AFTER: Duration = Duration::from_secs(5);

/// First looks that go on at the same time, however many callers ask.
const PARALLEL_LOOKS: usize = 16;

/// Which first looks are over, and which are under way.
pub(super) struct FirstLooks {
    state: Mutex<State>,
    places: Semaphore,
}

#[derive(Default)]
struct State {
    over: BTreeSet<RepositoryId>,
    /// Each of these sees the end of its look by the end of its sender.
    under_way: BTreeMap<RepositoryId, watch::Receiver<()>>,
}

/// A first look that is under way until this is dropped, however it ends.
struct UnderWay {
    changes: Arc<Changes>,
    id: RepositoryId,
    _sender: watch::Sender<()>,
}

impl Default for FirstLooks {
    fn default() -> Self {
        Self { state: Mutex::default(), places: Semaphore::new(PARALLEL_LOOKS) }
    }
}

impl FirstLooks {
    /// Notes that it is known what is there: what is right, or a fault that was noted.
    pub(super) fn note_over(&self, id: RepositoryId) {
        self.state.lock().over.insert(id);
    }

    /// Forgets a repository that is gone.
    pub(super) fn forget(&self, id: RepositoryId) {
        self.state.lock().over.remove(&id);
    }

    fn is_over(&self, id: RepositoryId) -> bool {
        self.state.lock().over.contains(&id)
    }
}

impl Changes {
    /// That what a repository holds may be shown or changed: it was looked at since the start, and nothing wrong was found.
    pub(crate) async fn require_served(self: &Arc<Self>, recorded: &Repository) -> Result<(), Refusal> {
        self.until_looked_at(recorded).await?;
        self.reconciliation.wait_while_suspected(recorded.id).await;
        self.faults.refuse_unserved(recorded)
    }

    /// Waits until a repository was looked at since the start, and refuses where that takes too long or has told nothing.
    pub(crate) async fn until_looked_at(self: &Arc<Self>, recorded: &Repository) -> Result<(), Refusal> {
        let Some(look) = self.first_look(recorded.id) else { return Ok(()) };
        let is_in_time = tokio::time::timeout(LOOK_PATIENCE, end_of(look)).await.is_ok();
        if self.first_looks.is_over(recorded.id) {
            return Ok(());
        }
        let path = format!("{}/{}", recorded.project.key, recorded.slug);
        let reason = if is_in_time {
            "could not be looked at since this server was started; its log says why"
        } else {
            "is being looked at for the first time since this server was started"
        };
        let message = format!("The repository {path} {reason}. Try again in a few seconds.");
        Err(Refusal::unavailable_for(ASK_AGAIN_AFTER, message))
    }

    /// Whether a repository was looked at since the start.
    pub(crate) fn was_looked_at(&self, id: RepositoryId) -> bool {
        self.first_looks.is_over(id)
    }

    /// Looks at a repository for the first time since the start, unless that was done.
    pub(super) async fn look_first(self: &Arc<Self>, id: RepositoryId) {
        if let Some(look) = self.first_look(id) {
            end_of(look).await;
        }
    }

    /// Notes that a repository was made by this process, whole.
    pub(crate) fn made_here(&self, id: RepositoryId) {
        self.first_looks.note_over(id);
    }

    /// The first look that is under way, or begins now; `None` when it is over. It goes on although no caller waits for it.
    fn first_look(self: &Arc<Self>, id: RepositoryId) -> Option<watch::Receiver<()>> {
        let mut state = self.first_looks.state.lock();
        if state.over.contains(&id) {
            return None;
        }
        if let Some(look) = state.under_way.get(&id) {
            return Some(look.clone());
        }
        let (sender, look) = watch::channel(());
        state.under_way.insert(id, look.clone());
        drop(state);
        let under_way = UnderWay { changes: Arc::clone(self), id, _sender: sender };
        self.tasks.spawn(async move {
            let changes = &under_way.changes;
            let _place = changes.first_looks.places.acquire().await;
            changes.finish_interrupted_pushes(id).await;
            check_and_note(changes, id).await;
        });
        Some(look)
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        self.changes.first_looks.state.lock().under_way.remove(&self.id);
    }
}

async fn end_of(mut look: watch::Receiver<()>) {
    // Nothing is ever sent.
    while look.changed().await.is_ok() {}
}
