//! What is on disk and what is recorded are brought together after a crash or a failure.
//!
//! At start every repository is looked at once, the first of them as callers ask for them (`first_looks.rs`); afterwards
//! those about which a doubt was raised. A difference
//! of refs is recorded and announced as a push would be. `HEAD` on disk follows the recorded default branch. What cannot
//! be brought together (a record without a repository, a repository without a record) is told, and left as it is.
//!
//! What looks damaged is examined beside these rounds: reading all of a repository may take hours.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use heliostat_auth::Caller;
use heliostat_git::{Fault, RefListener, RefName};
use heliostat_refusal::Refusal;
use heliostat_storage::{Repository, RepositoryId, RepositoryState};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::announce_change::Changes;

/// How often doubtful repositories are looked at again.
const RECHECK_INTERVAL: Duration = Duration::from_secs(15);
/// Repositories that are looked at at the same time.
const PARALLEL_CHECKS: usize = 4;
/// Repositories that are examined at the same time.
const PARALLEL_EXAMINATIONS: usize = 4;
/// How long readers wait for the examination of a repository. A look at it, which finds most, takes less.
const SUSPICION_PATIENCE: Duration = Duration::from_secs(5);
/// Repositories that are listed at once.
const LISTED_AT_ONCE: u64 = 500;

/// What has been looked at and what is in doubt.
#[derive(Debug, Default)]
pub(crate) struct Reconciliation {
    doubtful: Mutex<BTreeSet<RepositoryId>>,
    /// Repositories that were never announced, and whose records are still to be taken back.
    abandoned: Mutex<Vec<Repository>>,
    /// Those at which something met what looks like damage, until they were examined.
    suspected: watch::Sender<BTreeSet<RepositoryId>>,
    /// Whether every repository that was recorded at the start was looked at.
    first_done: watch::Sender<bool>,
    checked: AtomicU64,
}

/// The reconciliation as pages show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciliationStatus {
    /// Whether every repository has been looked at since the start.
    pub complete: bool,
    /// How many have been looked at.
    pub checked: u64,
    /// Those that could not be brought in order.
    pub doubtful: Vec<RepositoryId>,
}

impl Reconciliation {
    /// Notes that a repository's record may be wrong.
    pub(crate) fn doubt(&self, id: RepositoryId) {
        self.doubtful.lock().insert(id);
    }

    /// Notes that the record of a repository that was never announced could not be taken back.
    pub(super) fn abandon_later(&self, draft: &Repository) {
        self.abandoned.lock().push(draft.clone());
    }

    pub(super) fn take_abandoned(&self) -> Vec<Repository> {
        std::mem::take(&mut self.abandoned.lock())
    }

    /// Notes that something at a repository looks like damage.
    pub(crate) fn suspect(&self, id: RepositoryId) {
        self.suspected.send_if_modified(|suspected| suspected.insert(id));
    }

    /// Waits until a repository is not suspected, or its examination takes long.
    pub(crate) async fn wait_while_suspected(&self, id: RepositoryId) {
        if !self.suspected.borrow().contains(&id) {
            return;
        }
        let mut suspected = self.suspected.subscribe();
        let examined = suspected.wait_for(|suspected| !suspected.contains(&id));
        // Whichever comes first: what was found by then is noted.
        let _ = tokio::time::timeout(SUSPICION_PATIENCE, examined).await;
    }

    /// Waits until all repositories were looked at since the start, but no longer than so, and says whether they were.
    pub(crate) async fn until_all_looked_at(&self, patience: Duration) -> bool {
        let mut done = self.first_done.subscribe();
        tokio::time::timeout(patience, done.wait_for(|done| *done)).await.is_ok()
    }

    pub(crate) fn status(&self) -> ReconciliationStatus {
        ReconciliationStatus {
            complete: *self.first_done.borrow(),
            checked: self.checked.load(Ordering::Relaxed),
            doubtful: self.doubtful.lock().iter().copied().collect(),
        }
    }

    fn take_doubtful(&self) -> BTreeSet<RepositoryId> {
        std::mem::take(&mut self.doubtful.lock())
    }
}

impl RefListener for Reconciliation {
    fn suspected(&self, repository: u64, _: &Fault) {
        if let Ok(id) = i32::try_from(repository) {
            self.suspect(RepositoryId(id));
        }
    }
}

/// Runs until `stop` is cancelled.
pub(crate) async fn run(changes: &Arc<Changes>, stop: CancellationToken) {
    let work = async { tokio::join!(check_in_rounds(changes), examine_suspected(changes)) };
    stop.run_until_cancelled(work).await;
}

async fn check_in_rounds(changes: &Arc<Changes>) {
    loop {
        let first_done = &changes.reconciliation.first_done;
        if !*first_done.borrow() {
            match look_at_all(changes).await {
                Ok(()) => {
                    first_done.send_replace(true);
                }
                Err(error) => tracing::warn!(error = %error, "cannot list the repositories to check"),
            }
        }
        let doubtful = changes.reconciliation.take_doubtful();
        futures_util::stream::iter(doubtful)
            .for_each_concurrent(PARALLEL_CHECKS, |id| check_and_note(changes, id))
            .await;
        changes.abandon_again().await;
        if !changes.faults.agreement().unrecorded.is_empty()
            && let Err(error) = changes.look_for_unrecorded().await
        {
            tracing::warn!(error = %error, "cannot look for repositories without a record");
        }
        tokio::time::sleep(RECHECK_INTERVAL).await;
    }
}

async fn examine_suspected(changes: &Changes) {
    let all = &changes.reconciliation.suspected;
    let mut suspected = all.subscribe();
    let mut in_hand = BTreeSet::new();
    let mut examinations = FuturesUnordered::new();
    loop {
        let waiting: Vec<_> = suspected.borrow_and_update().difference(&in_hand).copied().collect();
        for id in waiting.into_iter().take(PARALLEL_EXAMINATIONS.saturating_sub(in_hand.len())) {
            in_hand.insert(id);
            examinations.push(async move {
                changes.examine(id).await;
                id
            });
        }
        tokio::select! {
            // It cannot end before the one that waits.
            _ = suspected.changed() => {}
            Some(id) = examinations.next() => {
                in_hand.remove(&id);
                all.send_modify(|suspected| {
                    suspected.remove(&id);
                });
            }
        }
    }
}

async fn look_at_all(changes: &Arc<Changes>) -> Result<(), Refusal> {
    let mut left_over = Vec::new();
    let mut from = RepositoryId(0);
    loop {
        // By id and not page by page, of which each would be counted from the beginning.
        let listed = changes.store.repositories_from(from, LISTED_AT_ONCE).await?;
        let Some(last) = listed.last() else { break };
        from = RepositoryId(last.id.0.saturating_add(1));
        let (unfinished, whole): (Vec<_>, Vec<_>) =
            listed.into_iter().partition(|repository| is_left_over(repository, changes));
        left_over.extend(unfinished);
        futures_util::stream::iter(whole)
            .for_each_concurrent(PARALLEL_CHECKS, |repository| changes.look_first(repository.id))
            .await;
    }
    changes.look_for_unrecorded().await?;
    for draft in left_over {
        tracing::warn!(repository.id = draft.id.0, "removing a repository whose creation was interrupted");
        changes.abandon(&draft).await;
    }
    Ok(())
}

/// Whether its creation was interrupted by the end of an earlier run.
fn is_left_over(repository: &Repository, changes: &Changes) -> bool {
    repository.state == RepositoryState::Initialising && repository.id <= changes.recorded_before
}

/// Looks at a repository. What it is afterwards is known, or it is looked at again.
pub(super) async fn check_and_note(changes: &Changes, id: RepositoryId) {
    match check_one(changes, id).await {
        Ok(()) | Err(Refusal::NotFound { .. }) => changes.first_looks.note_over(id),
        // The log has it already.
        Err(_) if changes.faults.is_noted(id) => {
            changes.first_looks.note_over(id);
            changes.reconciliation.doubt(id);
        }
        Err(error) => {
            let cause = std::error::Error::source(&error).map(ToString::to_string);
            tracing::warn!(repository.id = id.0, error = %error, cause, "cannot reconcile a repository");
            changes.reconciliation.doubt(id);
        }
    }
    changes.reconciliation.checked.fetch_add(1, Ordering::Relaxed);
}

async fn check_one(changes: &Changes, id: RepositoryId) -> Result<(), Refusal> {
    let recorded = changes.repository_record(id).await?;
    let on_disk = changes.open_git(id).await?;
    changes.check_identity(&recorded, &on_disk).await?;
    changes.check_known_damage(&recorded, &on_disk).await?;
    changes.look(&recorded, &on_disk).await?;
    changes.note_format(&recorded, &on_disk).await?;
    let announcement = changes.announce_change(&Caller::Anonymous, id).await?;
    let recorded = RefName::parse(announcement.repository.default_branch).map_err(Refusal::internal)?;
    if on_disk.head().await.map_err(Refusal::internal)?.as_ref() != Some(&recorded) {
        on_disk.set_head(&recorded).await.map_err(Refusal::internal)?;
    }
    changes.faults.clear(id);
    Ok(())
}
