//! First synchronisations of many small repositories: one answer of the upstream becomes many drafts.
//!
//! A draft waits for the synchronisation of its repository, which proves its references and puts it in its place as it
//! does with one that it has fetched itself. Before that, one flush makes all drafts of an answer survive a power failure.
//! What does not come in this way is fetched alone: what is not small, and everything from an upstream that does not know
//! the question.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use heliostat_git::{RefSnapshot, RepositoryDraft, RepositoryStore};
use heliostat_peer::with_causes;
use parking_lot::Mutex;
use tokio::time::Instant;

use super::show_state::head_of;
use crate::inventory::{Entry, Inventory};
use crate::upstream_link::{UpstreamClient, UpstreamLink, WholeContent};

/// How many repositories are asked for at once; the contract allows no more.
pub(super) const MAX_TOGETHER: usize = 100;

/// How long an upstream that does not know the question is not asked again.
const UNKNOWN_PAUSE: Duration = Duration::from_mins(10);

/// How long it is not asked again after another failure.
const FAILURE_PAUSE: Duration = Duration::from_secs(10);

/// What asks for several repositories at once.
pub(crate) struct Batches {
    link: Arc<UpstreamLink>,
    client: UpstreamClient,
    inventory: Arc<Inventory>,
    repositories: RepositoryStore,
    /// Before this moment everything is fetched alone.
    not_before: Mutex<Option<Instant>>,
}

/// A repository that came as a whole and is not in its place yet.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) draft: RepositoryDraft,
    /// What the draft shows.
    pub(super) refs: RefSnapshot,
}

/// What became of repositories that were asked for together.
#[derive(Default)]
pub(super) struct Batch {
    pub(super) prepared: Vec<(Arc<Entry>, Prepared)>,
    /// Those that have to be fetched alone.
    pub(super) alone: Vec<Arc<Entry>>,
    /// Those for which the answer had no room any more.
    pub(super) again: Vec<Arc<Entry>>,
}

impl Batches {
    pub(crate) fn new(
        link: Arc<UpstreamLink>,
        client: UpstreamClient,
        inventory: Arc<Inventory>,
        repositories: RepositoryStore,
    ) -> Self {
        Self { link, client, inventory, repositories, not_before: Mutex::default() }
    }

    /// Asks for these repositories, and makes a draft of each that has come.
    pub(super) async fn prepare(&self, entries: Vec<Arc<Entry>>) -> Batch {
        let Some(mut contents) = self.ask_for(&entries).await else {
            return Batch { alone: entries, ..Batch::default() };
        };
        let last = entries.iter().rposition(|entry| contents.contains_key(&entry.external_id));
        let mut batch = Batch::default();
        for (index, entry) in entries.into_iter().enumerate() {
            match contents.remove(&entry.external_id) {
                Some(content) => match self.draft_of(&entry, content).await {
                    Ok(prepared) => batch.prepared.push((entry, prepared)),
                    Err(reason) => {
                        tracing::debug!(
                            repository.external_id = entry.external_id,
                            reason,
                            "a repository that came as a whole is fetched alone"
                        );
                        batch.alone.push(entry);
                    }
                },
                None if last.is_some_and(|last| index > last) => batch.again.push(entry),
                None => batch.alone.push(entry),
            }
        }
        if !batch.prepared.is_empty()
            && let Err(error) = self.repositories.flush().await
        {
            tracing::warn!(%error, "what came together cannot be made to survive a power failure, and is fetched alone");
            batch.alone.extend(batch.prepared.drain(..).map(|(entry, _)| entry));
        }
        batch
    }

    async fn ask_for(&self, entries: &[Arc<Entry>]) -> Option<HashMap<String, WholeContent>> {
        if self.not_before.lock().is_some_and(|not_before| Instant::now() < not_before) {
            return None;
        }
        let secret = self.link.secret_in_force()?;
        let wanted = entries.iter().filter(|entry| self.inventory.is_mirrored(entry));
        let ids = wanted.map(|entry| entry.external_id.clone()).collect();
        let pause = match self.client.whole_contents(ids, &secret).await {
            Ok(Some(contents)) => {
                let by_id = contents.into_iter().map(|content| (content.external_id.clone(), content));
                return Some(by_id.collect());
            }
            Ok(None) => UNKNOWN_PAUSE,
            Err(error) => {
                tracing::debug!(%error, "repositories cannot be fetched together");
                FAILURE_PAUSE
            }
        };
        *self.not_before.lock() = Some(Instant::now() + pause);
        None
    }

    async fn draft_of(&self, entry: &Entry, content: WholeContent) -> Result<Prepared, String> {
        let WholeContent { format, refs, pack, .. } = content;
        let head = head_of(&entry.record(), &[&refs]);
        let draft = self.repositories.draft(entry.disk_id(), &head, format).await;
        let draft = draft.map_err(|error| with_causes(&error))?;
        draft.fill(pack, &refs, format).await.map_err(|error| with_causes(&error))?;
        Ok(Prepared { draft, refs })
    }
}
