//! The primary as the server that mirrors follow: who reads, and what webhooks learn from the reports of mirrors.

use std::sync::Arc;

use heliostat_api::models::RestRefChange;
use heliostat_auth::Caller;
use heliostat_downstream::{
    AcceptedReport, Announcer, MakeEvents, Origin, SyncType, net_changes, wire_changes,
};
use heliostat_git::{ObjectId, RefChange, RefSnapshot};
use heliostat_refusal::Refusal;
use heliostat_storage::{
    Generation, MirrorProgress, MirrorServer, MirrorServerStore, Repository, WebhookStore,
};
use serde_json::{Value, json};

use crate::changes::Changes;
use crate::repositories::Repositories;
use crate::webhooks::{MAX_CHANGES_PER_WEBHOOK_EVENT, MIRROR_SYNCHRONIZED, WebhookEvents};

/// What the primary is to its mirrors.
pub struct Primary {
    pub(crate) mirrors: MirrorServerStore,
    pub(crate) webhooks: WebhookStore,
    pub(crate) announcer: Arc<Announcer>,
    pub(crate) changes: Arc<Changes>,
    pub(crate) repositories: Arc<Repositories>,
}

impl Origin for Primary {
    async fn readable_repository(&self, caller: &Caller, id: &str) -> Result<Repository, Refusal> {
        self.repositories.repository_by_id(caller, id).await
    }

    /// A repository's webhooks are told what the mirror serves now and did not serve before.
    async fn events_of_report(&self, report: AcceptedReport) -> Result<Option<MakeEvents>, Refusal> {
        let AcceptedReport { mirror_id, repository, sync_type, reached } = report;
        let webhooks = self.webhooks.webhooks_of(repository.id).await?;
        let asks = webhooks.iter().any(|webhook| {
            webhook.settings.active && webhook.settings.events.iter().any(|key| key == MIRROR_SYNCHRONIZED)
        });
        if !asks {
            return Ok(None);
        }
        let Some(mirror) = self.mirrors.find_mirror(&mirror_id).await? else {
            return Ok(None);
        };
        let current = self.changes.refs(&repository).await.ok();
        let refs = current.filter(|refs| {
            reached == Some(repository.generation) && refs.content_hash().as_str() == repository.content_hash
        });
        let news = News { mirror, repository, sync_type, reached, refs };
        let announcer = Arc::clone(&self.announcer);
        Ok(Some(Box::new(move |progress: MirrorProgress| {
            let Some((sync_type, changes)) = news.gained(progress) else {
                return Vec::new();
            };
            let events = WebhookEvents(announcer.context(&Caller::Anonymous));
            vec![events.mirror_synchronized(&news.mirror, &news.repository, sync_type, changes)]
        })))
    }
}

/// A report of which webhooks are to be told.
struct News {
    mirror: MirrorServer,
    repository: Repository,
    sync_type: Option<SyncType>,
    /// The generation that the mirror serves now, if that is one which this upstream has had.
    reached: Option<Generation>,
    /// All refs of that generation, if they are known.
    refs: Option<RefSnapshot>,
}

impl News {
    /// What the mirror serves now and did not serve at its last report, and how it came there. The outer `None`:
    /// nothing. The inner one: it is not known what, or it is too much to name.
    fn gained(&self, progress: MirrorProgress) -> Option<(SyncType, Option<Value>)> {
        let is_first = progress.from.is_none();
        let changes = match (self.reached, progress.from) {
            (None, _) => None,
            (Some(reached), Some(from)) if reached <= from => return None,
            (Some(_), Some(_)) => progress.changes.and_then(net_changes),
            (Some(_), None) => self.refs.as_ref().map(all_as_additions),
        };
        if changes.as_ref().is_some_and(Vec::is_empty) {
            return None;
        }
        let changes = changes.filter(|changes| changes.len() <= MAX_CHANGES_PER_WEBHOOK_EVENT);
        let guess = if is_first || changes.is_none() { SyncType::Snapshot } else { SyncType::Incremental };
        Some((self.sync_type.unwrap_or(guess), changes.map(|changes| json!(changes))))
    }
}

fn all_as_additions(refs: &RefSnapshot) -> Vec<RestRefChange> {
    let additions = refs.iter().map(|(name, object): (_, &ObjectId)| RefChange {
        name: name.clone(),
        from: ObjectId::zero(object.format()),
        to: object.clone(),
    });
    // One more than can be named is enough to know that they are too many.
    wire_changes(additions.take(MAX_CHANGES_PER_WEBHOOK_EVENT + 1))
}
