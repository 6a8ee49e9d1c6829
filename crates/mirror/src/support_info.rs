//! What people look at when a mirror does not do what they expect: what waits, what runs, what is behind, and
//! the hashes of what is here.
//!
//! All but the hashes is read off the holdings, like `/status` and progress. The hashes are read from the
//! database in chunks, because they are asked for all at once.

use std::num::ParseIntError;
use std::sync::Arc;
use std::time::Duration;

use heliostat_refusal::Refusal;
use heliostat_storage::{LocalRepositoryId, MirroredRepository, Page, PageRequest};

use crate::git_access::repository_not_found;
use crate::holdings::Holding;
use crate::install::store_refusal;
use crate::mirror::Mirror;
use crate::sync_slot::SyncRun;

/// A repository that waits for a synchronisation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WaitingSync {
    /// The upstream's id of the repository.
    pub external_id: String,
    /// Whether the whole ref set will be fetched, and not only the refs that events have named.
    pub is_snapshot: bool,
    /// Which attempt in a row the next one will be, counted from one.
    pub attempt: i32,
    /// Since when it has been waiting, in epoch milliseconds.
    pub since: i64,
}

/// A repository that is being synchronised.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunningSync {
    /// The upstream's id of the repository.
    pub external_id: String,
    /// Who is at it, and since when.
    pub run: Arc<SyncRun>,
}

/// A repository that is behind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DelayedSync {
    /// What is known about it.
    pub record: Arc<MirroredRepository>,
    /// Since when a known change has not been synchronised, in epoch milliseconds.
    pub since: i64,
}

/// The hashes of a repository that is held.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldHashes {
    /// The upstream's id of the project.
    pub project_id: i32,
    /// Whether the project is public.
    pub project_public: bool,
    /// The upstream's id of the repository.
    pub repository_id: i32,
    /// Hash over the refs here; `None` before the first synchronisation.
    pub content: Option<String>,
    /// Hash over what the upstream has told about it besides.
    pub metadata: String,
}

/// Where a walk over all hashes goes on: after this project and repository.
pub type HashCursor = (String, LocalRepositoryId);

impl Mirror {
    /// What waits for a synchronisation, oldest first.
    pub fn waiting_syncs(&self) -> Vec<WaitingSync> {
        let mut waiting: Vec<_> = self.held().filter_map(|holding| waiting_sync(&holding)).collect();
        waiting.sort_unstable_by_key(|sync| sync.since);
        waiting
    }

    /// What is being synchronised, the longest first.
    pub fn running_syncs(&self) -> Vec<RunningSync> {
        let mut running: Vec<_> = self.held().filter_map(|holding| running_sync(&holding)).collect();
        running.sort_unstable_by_key(|sync| sync.run.started_at);
        running
    }

    /// The synchronisation in flight of one repository, if there is one.
    pub fn running_sync(&self, project_key: &str, slug: &str) -> Result<Option<RunningSync>, Refusal> {
        let holding = self.held_by_path(project_key, slug)?;
        Ok(running_sync(&holding))
    }

    /// What is known about one held repository.
    pub fn held_record(&self, project_key: &str, slug: &str) -> Result<Arc<MirroredRepository>, Refusal> {
        Ok(self.held_by_path(project_key, slug)?.record())
    }

    /// What is known about the held repositories, in the order of local ids.
    pub fn held_records(&self, page: PageRequest) -> Page<Arc<MirroredRepository>> {
        let mut records: Vec<_> = self.held().map(|holding| holding.record()).collect();
        records.sort_unstable_by_key(|record| record.local_id);
        Page::of(&records, page)
    }

    /// The held repositories that have been behind for this long, those first that have been so for longest.
    pub fn delayed_syncs(&self, threshold: Duration, limit: usize) -> Vec<DelayedSync> {
        let threshold_ms = i64::try_from(threshold.as_millis()).unwrap_or(i64::MAX);
        let latest = self.options.clock.now_ms().saturating_sub(threshold_ms);
        let delayed = self.held().filter_map(|holding| {
            let record = holding.record();
            let since = record.behind_since.filter(|since| *since <= latest)?;
            Some(DelayedSync { record, since })
        });
        let mut delayed: Vec<_> = delayed.collect();
        delayed.sort_unstable_by_key(|delayed| (delayed.since, delayed.record.local_id));
        delayed.truncate(limit);
        delayed
    }

    /// The hashes of held repositories, project by project, from one chunk of the database, and where the next
    /// chunk begins; `None` is the end.
    pub async fn held_hashes(
        &self,
        after: Option<HashCursor>,
        limit: u64,
    ) -> Result<Option<(Vec<HeldHashes>, HashCursor)>, Refusal> {
        if !self.bond.is_installed() {
            return Ok(None);
        }
        let rows = self.store.repositories_by_project_after(&self.upstream_id, after, limit).await;
        let rows = rows.map_err(store_refusal)?;
        let Some(last) = rows.last() else {
            return Ok(None);
        };
        let next = (last.project_id.clone(), last.local_id);
        let selection = self.selection();
        let held = rows.into_iter().filter(|row| selection.covers(&row.project_id));
        let held = held.map(|row| -> Result<_, ParseIntError> {
            Ok(HeldHashes {
                project_id: row.project_id.parse()?,
                project_public: row.project_public,
                repository_id: row.external_id.parse()?,
                content: row.content_hash,
                metadata: row.metadata_hash,
            })
        });
        let held = held.collect::<Result<_, _>>().map_err(Refusal::internal)?;
        Ok(Some((held, next)))
    }

    fn held(&self) -> impl Iterator<Item = Arc<Holding>> {
        self.holdings.all().into_iter().filter(|holding| self.is_held(holding))
    }

    fn held_by_path(&self, project_key: &str, slug: &str) -> Result<Arc<Holding>, Refusal> {
        let found = self.holdings.find_by_path(project_key, slug);
        found.filter(|holding| self.is_held(holding)).ok_or_else(repository_not_found)
    }
}

fn waiting_sync(holding: &Holding) -> Option<WaitingSync> {
    let waiting = holding.slot().waiting()?;
    Some(WaitingSync {
        external_id: holding.external_id.clone(),
        is_snapshot: waiting.is_snapshot,
        attempt: holding.record().failed_count.saturating_add(1),
        since: waiting.since,
    })
}

fn running_sync(holding: &Holding) -> Option<RunningSync> {
    let run = holding.slot().run()?;
    Some(RunningSync { external_id: holding.external_id.clone(), run })
}
