//! What mirrors report of their synchronisations, and what webhooks learn from it.
//!
//! A mirror says which generation it serves now; the upstream remembers which one it had reported before and what
//! was pushed in between. So a report that was lost is made up for by the next one, one that is repeated tells
//! nothing twice, and nobody has to trust a mirror for what changed.

use heliostat_auth::Caller;
use heliostat_git::{ObjectId, RefChange, RefSnapshot};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, LocalRepositoryId, MirrorOutcome, MirrorProgress, MirrorServer, MirrorServerId, NewEvent,
    Repository, RepositoryId, RepositoryMirrorState, StoreError,
};
use serde_json::Value;

use crate::coalesce::net_changes;
use crate::permit;
use crate::upstream::Upstream;
use crate::webhook_events::{MAX_CHANGES_PER_WEBHOOK_EVENT, MIRROR_SYNCHRONIZED, SyncType};
use crate::wire_event::wire_changes;

/// How a mirror says that a synchronisation has ended.
#[derive(Debug, Clone)]
pub struct SyncReport {
    /// How it ended.
    pub outcome: MirrorOutcome,
    /// Which repository, as the upstream calls it.
    pub upstream_repository_id: String,
    /// The same, as the mirror calls it.
    pub mirror_repository_id: Option<i32>,
    /// The generation that the mirror serves now, if it counts them.
    pub generation: Option<i64>,
    /// How it came there, if it says so.
    pub sync_type: Option<SyncType>,
}

/// A report that webhooks are to hear of.
struct News {
    mirror: MirrorServer,
    repository: Repository,
    sync_type: Option<SyncType>,
    /// The generation that the mirror serves now, if that is one which this upstream has had.
    reached: Option<Generation>,
    /// All refs of that generation, if they are known.
    refs: Option<RefSnapshot>,
}

impl Upstream {
    /// A mirror reports how a synchronisation has ended.
    pub async fn publish_event(
        &self,
        caller: &Caller,
        mirror_id: &str,
        report: &SyncReport,
    ) -> Result<(), Refusal> {
        let mirror_id = MirrorServerId::from(mirror_id);
        permit::this_mirror(caller, &mirror_id)?;
        let unknown = || {
            let message = format!("The repository {} does not exist.", report.upstream_repository_id);
            Refusal::not_found("repository", message)
        };
        let id: RepositoryId = report.upstream_repository_id.parse().map_err(|_| unknown())?;
        let repository = self.store().find_repository(id).await?.ok_or_else(unknown)?;
        let reached = report
            .generation
            .map(Generation)
            .filter(|_| report.outcome == MirrorOutcome::Synchronized)
            .filter(|generation| *generation <= repository.generation);
        let state = RepositoryMirrorState {
            mirror_id: mirror_id.clone(),
            repository_id: id,
            last_outcome: report.outcome,
            mirror_repository_id: report.mirror_repository_id.map(LocalRepositoryId),
            synced_generation: reached,
            reported_at: self.now_ms(),
        };
        let news = match report.outcome {
            MirrorOutcome::Synchronized => {
                self.news(&mirror_id, repository, reached, report.sync_type).await?
            }
            MirrorOutcome::SynchronizationFailed => None,
        };
        let occasion = self.occasion(&Caller::Anonymous);
        let make_events = |progress: MirrorProgress| -> Vec<NewEvent> {
            let told = news.as_ref().and_then(|news| Some((news, news.gained(progress)?)));
            let event = told.map(|(news, (sync_type, changes))| {
                occasion.mirror_synchronized(&news.mirror, &news.repository, sync_type, changes)
            });
            event.into_iter().collect()
        };
        match self.store().record_mirror_outcome(state, make_events).await {
            Err(StoreError::NotFound { .. }) => return Err(unknown()),
            result => result?,
        }
        self.announced();
        Ok(())
    }

    /// What is needed to tell webhooks of a report; `None` if none of them asks.
    async fn news(
        &self,
        mirror_id: &MirrorServerId,
        repository: Repository,
        reached: Option<Generation>,
        sync_type: Option<SyncType>,
    ) -> Result<Option<News>, Refusal> {
        let webhooks = self.store().webhooks_of(repository.id).await?;
        let asks = webhooks.iter().any(|webhook| {
            webhook.settings.active && webhook.settings.events.iter().any(|key| key == MIRROR_SYNCHRONIZED)
        });
        if !asks {
            return Ok(None);
        }
        let mirror = self.mirror_record(mirror_id).await?;
        let current = self.refs(repository.id).await.ok();
        let refs = current.filter(|refs| {
            reached == Some(repository.generation) && refs.content_hash().as_str() == repository.content_hash
        });
        Ok(Some(News { mirror, repository, sync_type, reached, refs }))
    }
}

impl News {
    /// What the mirror serves now and did not serve at its last report, and how it came there. The outer `None`:
    /// nothing. The inner one: it is not known what, or it is too much to name.
    fn gained(&self, progress: MirrorProgress) -> Option<(SyncType, Option<Value>)> {
        let is_first = progress.from.is_none();
        let changes = match (self.reached, progress.from) {
            (None, _) => None,
            (Some(reached), Some(from)) if reached <= from => return None,
            (Some(_), Some(_)) => progress.changes.map(net_changes),
            (Some(_), None) => self.refs.as_ref().map(all_as_additions),
        };
        if changes.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let changes = changes.filter(|changes| changes.len() <= MAX_CHANGES_PER_WEBHOOK_EVENT);
        let guess = if is_first || changes.is_none() { SyncType::Snapshot } else { SyncType::Incremental };
        Some((self.sync_type.unwrap_or(guess), changes.map(Value::Array)))
    }
}

fn all_as_additions(refs: &RefSnapshot) -> Vec<Value> {
    let additions = refs.iter().map(|(name, object): (_, &ObjectId)| RefChange {
        name: name.clone(),
        from: ObjectId::zero(object.format()),
        to: object.clone(),
    });
    // One more than can be named is enough to know that they are too many.
    wire_changes(additions.take(MAX_CHANGES_PER_WEBHOOK_EVENT + 1))
}
