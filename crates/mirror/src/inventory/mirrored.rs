//! The mirrored repositories, in memory: the one store that every question is answered from.
//!
//! `/progress`, `/status`, freshness and serving all read here and therefore cannot disagree.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use heliostat_git::{Origin, RepositoryStore};
use heliostat_peer::Clock;
use heliostat_storage::{LocalRepositoryId, MirrorStore, MirroredRepository, MirroredStatus, StoreError};
use thiserror::Error;
use tokio::sync::Notify;

use super::entry::{Entry, disk_id};
use super::index::Index;
use super::returning::Returning;
use super::settings::SelectedProjects;
use crate::upstream_link::UpstreamLink;

/// How many rows are read from the database at once.
const LOAD_CHUNK: u64 = 1_000;

/// The mirrored repositories.
pub(crate) struct Inventory {
    pub(super) link: Arc<UpstreamLink>,
    pub(super) selection: Arc<SelectedProjects>,
    pub(super) store: MirrorStore,
    pub(super) repositories: RepositoryStore,
    pub(super) clock: Clock,
    pub(super) index: Index,
    pub(super) returning: Returning,
    /// Held while a repository comes or goes, so that it cannot do both at once.
    pub(super) coming_or_going: tokio::sync::Mutex<()>,
    /// Told when the upstream has ordered to remove what no ref leads to.
    pub(super) purge_ordered: Notify,
}

/// Why the inventory cannot be compared with the disk.
#[derive(Debug, Error)]
pub(crate) enum LoadError {
    #[error("cannot list the repositories on disk")]
    Repositories(#[source] io::Error),
    #[error("cannot read what is known about the repositories")]
    Store(#[from] StoreError),
}

impl Inventory {
    /// Reads what an earlier process has left. What does not fit together stays as it is until the upstream has said what
    /// it has.
    pub(crate) async fn load(
        link: Arc<UpstreamLink>,
        selection: Arc<SelectedProjects>,
        store: MirrorStore,
        repositories: RepositoryStore,
        clock: Clock,
    ) -> Result<Self, LoadError> {
        let index = Index::default();
        let coming_or_going = tokio::sync::Mutex::default();
        let trashed = repositories.trashed().await.map_err(LoadError::Repositories)?;
        let returning = Returning::default();
        let purge_ordered = Notify::new();
        let mut inventory = Self {
            link,
            selection,
            store,
            repositories,
            clock,
            index,
            returning,
            coming_or_going,
            purge_ordered,
        };
        inventory.load_rows().await?;
        inventory.take_in_shown_before().await?;
        let unrecorded = inventory.origins_of_unrecorded().await?;
        inventory.returning = Returning::new(trashed, unrecorded, inventory.link.id());
        Ok(inventory)
    }

    /// A repository by the upstream's id.
    pub(crate) fn find(&self, external_id: &str) -> Option<Arc<Entry>> {
        self.index.find(external_id)
    }

    /// How often a repository has come to a path since the start.
    pub(crate) fn arrivals(&self) -> u64 {
        self.index.arrivals()
    }

    /// Every entry, also those that are not served at the moment.
    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.index.all()
    }

    /// Whether the repository still is one that this mirror serves and may ask the upstream for.
    pub(crate) fn is_mirrored(&self, entry: &Entry) -> bool {
        let record = entry.record();
        record.removed_at.is_none()
            && self.link.serves()
            && self.selection.current().covers(&record.project_id)
    }

    /// Keeps a repository from being removed as long as this is held; `None` if it is not mirrored any more.
    pub(crate) async fn keep(&self, entry: &Entry) -> Option<tokio::sync::MutexGuard<'_, ()>> {
        let kept = self.coming_or_going.lock().await;
        self.is_mirrored(entry).then_some(kept)
    }

    /// The repository with this id, if it is mirrored.
    pub(crate) fn find_mirrored(&self, external_id: &str) -> Option<Arc<Entry>> {
        self.index.find(external_id).filter(|entry| self.is_mirrored(entry))
    }

    /// The repository under this path, if it is mirrored.
    pub(crate) fn find_mirrored_by_path(&self, project_key: &str, slug: &str) -> Option<Arc<Entry>> {
        self.index.find_by_path(project_key, slug).filter(|entry| self.is_mirrored(entry))
    }

    /// All that is mirrored.
    pub(crate) fn mirrored(&self) -> impl Iterator<Item = Arc<Entry>> {
        self.index.all().into_iter().filter(|entry| self.is_mirrored(entry))
    }

    /// What is recorded of those with these numbers on disk.
    pub(crate) fn records_on_disk(&self, numbers: &[u64]) -> Vec<(u64, Arc<MirroredRepository>)> {
        self.index.records_on_disk(numbers)
    }

    /// Waits until the upstream has ordered to remove what no ref of a repository leads to.
    pub(crate) async fn purge_was_ordered(&self) {
        self.purge_ordered.notified().await;
    }

    /// Whether an earlier process got through its first synchronisation.
    pub(crate) fn was_complete(&self) -> bool {
        let entries = self.index.all();
        let is_undecided =
            |status| matches!(status, MirroredStatus::NotMirrored | MirroredStatus::Initializing);
        self.link.is_installed()
            && !entries.is_empty()
            && !entries.iter().any(|entry| is_undecided(entry.record().status))
    }

    /// Leaves those of these ids on disk of which there is no row. Rows of removed repositories, and of upstreams that were
    /// followed earlier, count: these keep their place on disk.
    pub(super) async fn leave_unrecorded(&self, disk_ids: &mut Vec<u64>) -> Result<(), StoreError> {
        // Nearly all of them are in memory, and each sweep asks.
        let present = self.index.disk_ids();
        disk_ids.retain(|disk_id| !present.contains(disk_id));
        if !disk_ids.is_empty() {
            let recorded: HashSet<u64> = self.store.local_ids().await?.into_iter().map(disk_id).collect();
            disk_ids.retain(|disk_id| !recorded.contains(disk_id));
        }
        Ok(())
    }

    /// What the repositories without a row say of themselves.
    async fn origins_of_unrecorded(&self) -> Result<Vec<(u64, Origin)>, LoadError> {
        let mut origins = Vec::new();
        for disk_id in self.unrecorded().await? {
            let origin = self.repositories.repository(disk_id).notes().origin().await;
            origins.extend(origin.map_err(LoadError::Repositories)?.map(|origin| (disk_id, origin)));
        }
        Ok(origins)
    }

    async fn load_rows(&self) -> Result<(), StoreError> {
        self.for_each_row(|row| {
            if row.removed_at.is_none() && row.upstream_server_id == *self.link.id() {
                self.index.enter(row);
            }
        })
        .await
    }

    /// Rows of upstreams that were followed earlier are among them, and keep their place on disk.
    async fn for_each_row(&self, mut take: impl FnMut(MirroredRepository)) -> Result<(), StoreError> {
        let mut after: Option<LocalRepositoryId> = None;
        loop {
            let rows = self.store.repositories_after(None, after, LOAD_CHUNK).await?;
            let Some(last) = rows.last() else { return Ok(()) };
            after = Some(last.local_id);
            rows.into_iter().for_each(&mut take);
        }
    }
}
