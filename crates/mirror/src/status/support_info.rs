//! What people look at when a mirror does not do what they expect: what waits, what runs, what is behind, and
//! the hashes of what is here.
//!
//! All of it is read off the inventory, like `/status` and progress.

use std::sync::Arc;
use std::time::Duration;

use heliostat_peer::Clock;
use heliostat_refusal::Refusal;
use heliostat_storage::{MirroredRepository, Page, PageRequest};

use crate::access::permit::{self, Administrator};
use crate::inventory::{Entry, Inventory, SelectedProjects};
use crate::sync::{SyncQueue, SyncRun};
use crate::upstream_link::UpstreamLink;

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
    /// How long ago that was, in milliseconds.
    pub lag_ms: i64,
    /// What is wrong with the copy here, if anything is.
    pub trouble: Option<String>,
}

/// The repositories that have been behind for at least this long, and those in trouble, the longest first.
pub(super) fn delayed_syncs(
    inventory: &Inventory,
    now_ms: i64,
    threshold_ms: i64,
    limit: usize,
) -> Vec<DelayedSync> {
    let latest = now_ms.saturating_sub(threshold_ms);
    let delayed = inventory.mirrored().filter_map(|entry| {
        let (record, trouble) = (entry.record(), entry.trouble());
        let behind_since = record.behind_since.filter(|since| *since <= latest);
        let in_trouble_since = trouble.as_ref().map(|trouble| trouble.since);
        let since = behind_since.into_iter().chain(in_trouble_since).min()?;
        let trouble = trouble.map(|trouble| trouble.reason.clone());
        Some(DelayedSync { record, since, lag_ms: now_ms.saturating_sub(since), trouble })
    });
    let mut delayed: Vec<_> = delayed.collect();
    delayed.sort_unstable_by_key(|delayed| (delayed.since, delayed.record.local_id));
    delayed.truncate(limit);
    delayed
}

/// Answers those who look for a fault.
pub struct SupportInfo {
    pub(crate) link: Arc<UpstreamLink>,
    pub(crate) selection: Arc<SelectedProjects>,
    pub(crate) inventory: Arc<Inventory>,
    pub(crate) queue: Arc<SyncQueue>,
    pub(crate) clock: Clock,
}

impl SupportInfo {
    /// What waits for a synchronisation, oldest first.
    pub fn waiting_syncs(&self, _: &Administrator) -> Vec<WaitingSync> {
        let mut waiting: Vec<_> =
            self.inventory.mirrored().filter_map(|entry| self.waiting_sync(&entry)).collect();
        waiting.sort_unstable_by_key(|sync| sync.since);
        waiting
    }

    /// What is being synchronised, the longest first.
    pub fn running_syncs(&self, _: &Administrator) -> Vec<RunningSync> {
        let mut running: Vec<_> =
            self.inventory.mirrored().filter_map(|entry| self.running_sync_of(&entry)).collect();
        running.sort_unstable_by_key(|sync| sync.run.started_at);
        running
    }

    /// The synchronisation in flight of one repository, if there is one.
    pub fn running_sync(
        &self,
        _: &Administrator,
        project_key: &str,
        slug: &str,
    ) -> Result<Option<RunningSync>, Refusal> {
        let entry = self.entry(project_key, slug)?;
        Ok(self.running_sync_of(&entry))
    }

    /// What is known about one repository.
    pub fn record(
        &self,
        _: &Administrator,
        project_key: &str,
        slug: &str,
    ) -> Result<Arc<MirroredRepository>, Refusal> {
        Ok(self.entry(project_key, slug)?.record())
    }

    /// What is known about the repositories, in the order of local ids.
    pub fn records(&self, _: &Administrator, page: PageRequest) -> Page<Arc<MirroredRepository>> {
        let mut records: Vec<_> = self.inventory.mirrored().map(|entry| entry.record()).collect();
        records.sort_unstable_by_key(|record| record.local_id);
        Page::of(&records, page)
    }

    /// The repositories that have been behind for this long, and those that are not served because something is the matter
    /// with them here; those first that have been so for longest.
    pub fn delayed_syncs(&self, _: &Administrator, threshold: Duration, limit: usize) -> Vec<DelayedSync> {
        let threshold_ms = i64::try_from(threshold.as_millis()).unwrap_or(i64::MAX);
        delayed_syncs(&self.inventory, self.clock.now_ms(), threshold_ms, limit)
    }

    /// What is known about the repositories whose hashes are told, project by project.
    pub fn records_by_project(&self, _: &Administrator) -> Vec<Arc<MirroredRepository>> {
        if !self.link.is_installed() {
            return Vec::new();
        }
        let selection = self.selection.current();
        let records = self.inventory.all().into_iter().map(|entry| entry.record());
        let mut records: Vec<_> = records
            .filter(|record| record.removed_at.is_none() && selection.covers(&record.project_id))
            .collect();
        records.sort_unstable_by(|one, other| {
            (&one.project_id, one.local_id).cmp(&(&other.project_id, other.local_id))
        });
        records
    }

    fn entry(&self, project_key: &str, slug: &str) -> Result<Arc<Entry>, Refusal> {
        self.inventory.find_mirrored_by_path(project_key, slug).ok_or_else(permit::repository_not_found)
    }

    fn waiting_sync(&self, entry: &Entry) -> Option<WaitingSync> {
        let waiting = self.queue.waiting(entry)?;
        Some(WaitingSync {
            external_id: entry.external_id.clone(),
            is_snapshot: waiting.is_snapshot,
            attempt: entry.record().failed_count.saturating_add(1),
            since: waiting.since,
        })
    }

    fn running_sync_of(&self, entry: &Entry) -> Option<RunningSync> {
        let run = self.queue.run(entry)?;
        Some(RunningSync { external_id: entry.external_id.clone(), run })
    }
}
