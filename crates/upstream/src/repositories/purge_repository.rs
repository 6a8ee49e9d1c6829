//! Removing everything that no ref of a repository leads to, here and on the mirrors: how a secret is taken out of it.
//!
//! An order is a number in the repository's record, so that it outlives a restart, and mirrors learn of it with every
//! description of the repository: at once by an event, or later by comparing. Each says in its reports which order it has
//! carried out.

use std::sync::Arc;
use std::time::Duration;

use heliostat_api::AddonEventKey;
use heliostat_auth::Caller;
use heliostat_git_serve::purge;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirrorServerId, PurgeOrders, Repository, RepositoryId, RepositoryState};
use tokio_util::sync::CancellationToken;

use super::records::Repositories;
use crate::permit::RepositoryAdministrator;

/// How soon an order that could not be carried out is tried again.
const RETRY_PAUSE: Duration = Duration::from_secs(30);

/// How far the latest order is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PurgeProgress {
    /// Here.
    pub orders: PurgeOrders,
    /// At all mirrors: which of them have the repository is theirs to say, and one that has not said so may have it.
    pub mirrors: Vec<MirrorPurge>,
}

/// How far a mirror is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MirrorPurge {
    /// Which mirror.
    pub id: MirrorServerId,
    /// Its name.
    pub name: String,
    /// When it has reported that the latest order is carried out, in epoch milliseconds.
    pub done_at: Option<i64>,
    /// When it has last reported of the repository, in epoch milliseconds; `None` if it never has.
    pub reported_at: Option<i64>,
    /// When it was last heard of, in epoch milliseconds.
    pub last_seen_at: i64,
}

impl Repositories {
    /// Orders that everything is removed which no ref leads to, and says how far that is.
    pub async fn order_purge(
        self: &Arc<Self>,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<PurgeProgress, Refusal> {
        let (repositories, caller) = (Arc::clone(self), administrator.caller().clone());
        let id = administrator.repository().id;
        // An order that is recorded and not told would wait for the next one.
        let work = async move { repositories.store_purge_order(&caller, id).await };
        let ordered = self.tasks.to_the_end(work).await?;
        self.progress_of(&ordered).await
    }

    async fn store_purge_order(&self, caller: &Caller, id: RepositoryId) -> Result<Repository, Refusal> {
        let context = self.announcer.context(caller);
        let make_events =
            |ordered: &Repository| vec![context.repository(AddonEventKey::RepoModified, ordered)];
        let ordered = self.records.order_purge(id, context.now_ms, make_events).await?;
        self.announcer.announced();
        self.purge_ordered.notify_one();
        tracing::info!(repository.id = id.0, "everything that no ref leads to is to be removed");
        Ok(ordered)
    }

    /// How far the latest order is.
    pub async fn purge_progress(
        &self,
        administrator: &RepositoryAdministrator<'_>,
    ) -> Result<PurgeProgress, Refusal> {
        self.progress_of(administrator.repository()).await
    }

    async fn progress_of(&self, repository: &Repository) -> Result<PurgeProgress, Refusal> {
        let mirrors = self.mirrors.all_mirrors().await?;
        let states = self.mirrors.mirror_states_of(repository.id).await?;
        let number = repository.purge.number;
        let told = mirrors.into_iter().map(|mirror| {
            let state = states.iter().find(|state| state.mirror_id == mirror.id);
            MirrorPurge {
                done_at: state.filter(|state| state.purged >= number).and_then(|state| state.purged_at),
                reported_at: state.map(|state| state.reported_at),
                last_seen_at: mirror.last_seen_at.unwrap_or(mirror.created_at),
                id: mirror.id,
                name: mirror.name,
            }
        });
        Ok(PurgeProgress { orders: repository.purge, mirrors: told.collect() })
    }

    /// Carries out what is ordered here, and whether all of it could be.
    async fn purge_ordered_ones(&self) -> Result<bool, Refusal> {
        let mut are_done = true;
        for id in self.records.awaiting_purge().await? {
            if let Err(error) = self.purge(id).await {
                are_done = false;
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::warn!(repository.id = id.0, %error, cause, "cannot remove yet what no ref leads to");
            }
        }
        Ok(are_done)
    }

    async fn purge(&self, id: RepositoryId) -> Result<(), Refusal> {
        let Some(recorded) = self.records.find_repository(id).await? else { return Ok(()) };
        if recorded.state != RepositoryState::Available {
            return Ok(());
        }
        let served = self.changes.open_to_change(&recorded).await?;
        purge(&served).await.map_err(Refusal::internal)?;
        Ok(self.records.record_purge(id, recorded.purge.number, self.announcer.now_ms()).await?)
    }
}

/// Carries out orders as they come, and those that an earlier run has left; ends with the token.
pub(crate) async fn carry_out_purges(repositories: Arc<Repositories>, stop: CancellationToken) {
    loop {
        let are_done = tokio::select! {
            () = stop.cancelled() => return,
            outcome = repositories.purge_ordered_ones() => outcome,
        };
        let are_done = are_done.unwrap_or_else(|error| {
            tracing::warn!(%error, "cannot look which repositories are to be purged");
            false
        });
        tokio::select! {
            () = stop.cancelled() => return,
            () = repositories.purge_ordered.notified() => {}
            () = tokio::time::sleep(RETRY_PAUSE), if !are_done => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tests::test_upstream::TestUpstream;

    #[tokio::test]
    async fn an_order_is_carried_out_although_the_one_who_gave_it_hangs_up() {
        let test = TestUpstream::new().await;
        test.project("APP").await;
        test.repository("APP", "engine").await;
        let (admin, repositories) = (test.admin().await, test.upstream.repositories());
        let administrator = repositories.administrator(&admin, "APP", "engine").await;
        let administrator = administrator.expect("the administrator of all repositories");
        let mut ordering = Box::pin(repositories.order_purge(&administrator));
        assert!(futures_util::poll!(&mut ordering).is_pending());
        drop(ordering);
        repositories.tasks.finished().await;
        let told = tokio::time::timeout(Duration::ZERO, repositories.purge_ordered.notified()).await;
        assert!(told.is_ok(), "who carries it out was told");
        let id = administrator.repository().id;
        assert_eq!(repositories.records.awaiting_purge().await.expect("readable"), [id]);
    }
}
