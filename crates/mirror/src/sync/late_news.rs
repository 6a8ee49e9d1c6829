//! News that may be late.
//!
//! Events are repeated and overtake each other, and a list is read for as long as it is long. So what tells of a repository may
//! be older than the word that it was deleted, made private or renamed. A mirror that believed it would take the
//! repository out of the trash, find that the upstream does not have it, and hold it for an administrator as lost; or
//! show it at a path that it has left, or to people who may not read it any more. So where an event would change
//! something, the upstream is asked what is so now. What an event closes is closed until that is known. Where the
//! upstream does not answer, what an event ends is ended as well, and the next comparison finds the rest.

use std::borrow::Cow;
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::TrashReason;
use heliostat_peer::CallError;
use heliostat_storage::StoreError;
use tokio::time::{Instant, timeout};

use super::handle_event::UpstreamEvents;
use super::pending_changes::PendingChanges;
use crate::inventory::{Entry, Inventory, SyncNeed, has_identity, knows_project};
use crate::upstream_link::{
    RepositoryNow, UpstreamClient, UpstreamLink, UpstreamProject, UpstreamRepository,
};

/// How long the upstream may take to answer. It waits for the answer to its event meanwhile, for ten seconds; an event is a
/// reason for two questions at most.
pub(super) const PATIENCE: Duration = Duration::from_secs(4);

/// What is to be mirrored of a repository that is listed and not mirrored yet: what the list tells, or where that may be
/// late, what the upstream answers now. `None` if it does not have it.
pub(super) async fn as_it_is_now<'a>(
    client: &UpstreamClient,
    link: &UpstreamLink,
    inventory: &Inventory,
    news: &'a UpstreamRepository,
) -> Result<Option<Cow<'a, UpstreamRepository>>, CallError> {
    if !inventory.is_gone(news) {
        return Ok(Some(Cow::Borrowed(news)));
    }
    let Some(secret) = link.secret_in_force() else { return Ok(None) };
    Ok(match client.repository_now(&news.external_id, &secret).await? {
        RepositoryNow::Is(now) => Some(Cow::Owned(*now)),
        RepositoryNow::Unproven => Some(Cow::Borrowed(news)),
        RepositoryNow::Gone => {
            note_late(news);
            None
        }
    })
}

fn note_late(news: &UpstreamRepository) {
    tracing::debug!(
        repository.project = news.project.key,
        repository.slug = news.slug,
        "late news of a repository that the upstream has deleted"
    );
}

impl UpstreamEvents {
    /// Begins to mirror the repository that an event tells of, as it is now.
    pub(super) async fn begin_to_mirror(&self, news: &UpstreamRepository) -> Result<(), StoreError> {
        let asked = Instant::now();
        let now = match self.ask(&news.external_id).await {
            Some(RepositoryNow::Is(now)) => Cow::Owned(*now),
            Some(RepositoryNow::Unproven) if !self.inventory.is_gone(news) => Cow::Borrowed(news),
            Some(RepositoryNow::Gone) => {
                note_late(news);
                return Ok(());
            }
            Some(RepositoryNow::Unproven) | None => {
                self.sweep_signal.wake();
                return Ok(());
            }
        };
        if !self.selection.current().covers(&now.project.id) {
            return Ok(());
        }
        if let Some(entry) = self.inventory.adopt(&now).await? {
            self.queue.request(&entry, PendingChanges::Snapshot);
        } else if let Some(entry) = self.inventory.find(&now.external_id) {
            // Another task has begun meanwhile, with what may be older.
            self.describe(&entry, &now, asked).await?;
            self.inventory.note_known(&entry, &now).await?;
            self.queue.request(&entry, PendingChanges::Snapshot);
        }
        Ok(())
    }

    /// Takes in how an event describes a repository.
    pub(super) async fn take_in_description(
        &self,
        entry: &Arc<Entry>,
        news: &UpstreamRepository,
    ) -> Result<(), StoreError> {
        self.inventory.note_purge_order(entry, news);
        if !self.inventory.is_described_otherwise(entry, news) {
            return self.inventory.note_metadata_hash(entry, news).await;
        }
        self.inventory.close(entry, news.public, news.project.public).await?;
        let asked = Instant::now();
        match self.ask(&news.external_id).await {
            Some(RepositoryNow::Is(now)) => self.describe(entry, &now, asked).await,
            Some(RepositoryNow::Unproven) => {
                self.sweep_signal.wake();
                self.describe(entry, news, asked).await
            }
            // Its end is announced, too, and is behind this. A comparison could overtake it, and take the end for a loss.
            Some(RepositoryNow::Gone) => Ok(()),
            None => {
                self.sweep_signal.wake();
                Ok(())
            }
        }
    }

    /// Takes in that a repository was deleted, as an event tells. One that comes so late that the upstream has the repository
    /// again, put back from a backup, or that a copy of the upstream has sent, ends nothing.
    pub(super) async fn take_in_deletion(&self, entry: &Arc<Entry>) -> Result<(), StoreError> {
        match self.ask(&entry.external_id).await {
            Some(RepositoryNow::Is(now)) if has_identity(&entry.record(), now.identity()) => {
                tracing::warn!(
                    repository.project = now.project.key,
                    repository.slug = now.slug,
                    "an event tells of the deletion of a repository that the upstream has"
                );
                self.sweep_signal.wake();
                return Ok(());
            }
            Some(RepositoryNow::Is(_) | RepositoryNow::Gone | RepositoryNow::Unproven) => {}
            None => self.sweep_signal.wake(),
        }
        self.inventory.stop_mirroring(entry, TrashReason::Deleted).await
    }

    /// Takes in how an event describes a project. One of its repositories tells how it is now.
    pub(super) async fn take_in_project(&self, news: &UpstreamProject) -> Result<(), StoreError> {
        let entries = self.inventory.in_project(news);
        let Some(witness) = entries.iter().find(|entry| !knows_project(&entry.record(), news)) else {
            return Ok(());
        };
        for entry in &entries {
            self.inventory.close(entry, true, news.public).await?;
        }
        let asked = Instant::now();
        let now = match self.ask(&witness.external_id).await {
            Some(RepositoryNow::Is(now)) if now.project.id == news.id => now.project,
            Some(RepositoryNow::Unproven) => {
                self.sweep_signal.wake();
                news.clone()
            }
            // It has left the project, or does not tell.
            Some(RepositoryNow::Is(_) | RepositoryNow::Gone) | None => {
                self.sweep_signal.wake();
                return Ok(());
            }
        };
        for entry in &entries {
            let need = self.inventory.describe_project(entry, &now, asked).await?;
            self.queue.request_needed(entry, need);
        }
        Ok(())
    }

    /// What the upstream has of a repository now; `None` if it does not answer soon.
    async fn ask(&self, external_id: &str) -> Option<RepositoryNow> {
        let secret = self.link.secret_in_force()?;
        let reason = match timeout(PATIENCE, self.client.repository_now(external_id, &secret)).await {
            Ok(Ok(now)) => return Some(now),
            Ok(Err(error)) => error.to_string(),
            Err(_) => format!("there was no answer within {} s", PATIENCE.as_secs()),
        };
        tracing::warn!(
            repository.external_id = external_id,
            reason,
            "cannot ask the upstream whether an event is late; comparing everything instead"
        );
        None
    }

    async fn describe(
        &self,
        entry: &Arc<Entry>,
        answer: &UpstreamRepository,
        asked: Instant,
    ) -> Result<(), StoreError> {
        let need = self.inventory.describe(entry, answer, asked).await?;
        if need == SyncNeed::Comparison {
            // A list that was begun to be read before may have come since.
            self.inventory.close(entry, answer.public, answer.project.public).await?;
        }
        self.queue.request_needed(entry, need);
        Ok(())
    }
}
