//! The repositories that this mirror holds, in memory: the one store that every question is answered from.
//!
//! The database is written first and this picture of it second, always under the repository's own lock, so
//! that a git request needs no database and never sees what a crash could undo. `/progress`, `/status`,
//! freshness and serving all read here and therefore cannot disagree.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use heliostat_git::{ContentHash, RefName};
use heliostat_storage::{Generation, LocalRepositoryId, MirroredRepository, MirroredStatus};
use tokio::sync::watch;

use crate::sync_slot::SyncSlot;

/// How many generations of a repository are remembered with their hashes. A fetch that lands between two
/// pushes is recognised by them.
const MAX_HEARD_GENERATIONS: usize = 64;

/// One repository that this mirror holds.
#[derive(Debug)]
pub(crate) struct Holding {
    pub(crate) local_id: LocalRepositoryId,
    pub(crate) external_id: String,
    record: watch::Sender<Arc<MirroredRepository>>,
    slot: Mutex<SyncSlot>,
    heard: Mutex<VecDeque<(Generation, ContentHash)>>,
    head: Mutex<Option<RefName>>,
    /// Held while the database row and then the record are changed.
    pub(crate) writing: tokio::sync::Mutex<()>,
    /// Held while something is fetched into the repository.
    pub(crate) fetching: tokio::sync::Mutex<()>,
}

/// All of them, found by the upstream's id or by path.
#[derive(Debug, Default)]
pub(crate) struct Holdings {
    index: RwLock<Index>,
}

#[derive(Debug, Default)]
struct Index {
    by_external_id: HashMap<String, Arc<Holding>>,
    by_path: HashMap<RepositoryPath, Arc<Holding>>,
}

/// Project key and slug in one spelling.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct RepositoryPath {
    project_key: String,
    slug: String,
}

impl RepositoryPath {
    fn new(project_key: &str, slug: &str) -> Self {
        Self { project_key: project_key.to_uppercase(), slug: slug.to_lowercase() }
    }

    fn of(record: &MirroredRepository) -> Self {
        Self::new(&record.project_key, &record.slug)
    }
}

/// Whether the repository can be cloned from this mirror now.
pub(crate) fn is_available(record: &MirroredRepository) -> bool {
    record.removed_at.is_none()
        && matches!(record.status, MirroredStatus::Available | MirroredStatus::ErrorAvailable)
}

/// Whether the upstream is known to have something that is not here.
pub(crate) fn is_behind(record: &MirroredRepository) -> bool {
    record.generation_known > record.generation_synced || record.status != MirroredStatus::Available
}

impl Holding {
    pub(crate) fn new(record: MirroredRepository) -> Self {
        let heard = record
            .upstream_content_hash
            .as_ref()
            .and_then(|hash| ContentHash::parse(hash.as_str()).ok())
            .map(|hash| (record.generation_known, hash));
        Self {
            local_id: record.local_id,
            external_id: record.external_id.clone(),
            record: watch::Sender::new(Arc::new(record)),
            slot: Mutex::default(),
            heard: Mutex::new(heard.into_iter().collect()),
            head: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            fetching: tokio::sync::Mutex::default(),
        }
    }

    /// The id by which the Git engine stores it.
    pub(crate) fn disk_id(&self) -> u64 {
        u64::try_from(self.local_id.0).expect("the database counts ids up from one")
    }

    pub(crate) fn record(&self) -> Arc<MirroredRepository> {
        Arc::clone(&self.record.borrow())
    }

    pub(crate) fn subscribe(&self) -> watch::Receiver<Arc<MirroredRepository>> {
        self.record.subscribe()
    }

    /// Shows a row that was just written. The caller holds `writing` and goes on to index a changed path.
    pub(crate) fn show(&self, record: MirroredRepository) {
        self.record.send_replace(Arc::new(record));
    }

    pub(crate) fn slot(&self) -> MutexGuard<'_, SyncSlot> {
        self.slot.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Remembers that the upstream had these refs at this generation.
    pub(crate) fn hear(&self, generation: Generation, hash: ContentHash) {
        let mut heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.retain(|(other, _)| *other != generation);
        if heard.len() == MAX_HEARD_GENERATIONS {
            heard.pop_front();
        }
        heard.push_back((generation, hash));
    }

    /// Forgets what the upstream had: it has lost that past itself.
    pub(crate) fn forget_heard(&self) {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    /// The newest generation at which the upstream had refs with this hash, as far as it has told.
    pub(crate) fn generation_of(&self, hash: &ContentHash) -> Option<Generation> {
        let heard = self.heard.lock().unwrap_or_else(PoisonError::into_inner);
        heard.iter().filter(|(_, other)| other == hash).map(|(generation, _)| *generation).max()
    }

    /// Whether HEAD on disk is known to point to this branch already.
    pub(crate) fn head_points_to(&self, branch: &RefName) -> bool {
        self.head.lock().unwrap_or_else(PoisonError::into_inner).as_ref() == Some(branch)
    }

    pub(crate) fn head_was_set(&self, branch: Option<RefName>) {
        *self.head.lock().unwrap_or_else(PoisonError::into_inner) = branch;
    }
}

impl Holdings {
    pub(crate) fn find(&self, external_id: &str) -> Option<Arc<Holding>> {
        self.read().by_external_id.get(external_id).cloned()
    }

    pub(crate) fn find_by_path(&self, project_key: &str, slug: &str) -> Option<Arc<Holding>> {
        self.read().by_path.get(&RepositoryPath::new(project_key, slug)).cloned()
    }

    pub(crate) fn all(&self) -> Vec<Arc<Holding>> {
        self.read().by_external_id.values().cloned().collect()
    }

    /// Enters a repository; if it is there already, the one that is there stays and is returned.
    pub(crate) fn enter(&self, record: MirroredRepository) -> Arc<Holding> {
        let mut index = self.write();
        let path = RepositoryPath::of(&record);
        let external_id = record.external_id.clone();
        let holding = Arc::clone(
            index.by_external_id.entry(external_id).or_insert_with(|| Arc::new(Holding::new(record))),
        );
        index.by_path.insert(path, Arc::clone(&holding));
        holding
    }

    /// Serves a repository under the path in its record, and no longer under the one before.
    pub(crate) fn moved(&self, holding: &Arc<Holding>, before: &MirroredRepository) {
        let mut index = self.write();
        if index.by_external_id.get(&holding.external_id).is_none_or(|held| !Arc::ptr_eq(held, holding)) {
            return;
        }
        index.leave_path(holding, before);
        index.by_path.insert(RepositoryPath::of(&holding.record()), Arc::clone(holding));
    }

    /// Forgets a repository.
    pub(crate) fn leave(&self, holding: &Arc<Holding>) {
        let mut index = self.write();
        index.leave_path(holding, &holding.record());
        if index.by_external_id.get(&holding.external_id).is_some_and(|held| Arc::ptr_eq(held, holding)) {
            index.by_external_id.remove(&holding.external_id);
        }
    }

    fn read(&self) -> std::sync::RwLockReadGuard<'_, Index> {
        self.index.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn write(&self) -> std::sync::RwLockWriteGuard<'_, Index> {
        self.index.write().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Index {
    /// Another repository may have taken over the path in the meantime; it keeps it.
    fn leave_path(&mut self, holding: &Arc<Holding>, record: &MirroredRepository) {
        let path = RepositoryPath::of(record);
        if self.by_path.get(&path).is_some_and(|held| Arc::ptr_eq(held, holding)) {
            self.by_path.remove(&path);
        }
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// A repository that is here in full, at generation 4.
    pub(crate) fn record(id: i32, slug: &str) -> MirroredRepository {
        MirroredRepository {
            local_id: LocalRepositoryId(id),
            upstream_server_id: "upstream".into(),
            external_id: (id + 100).to_string(),
            project_id: "3".to_owned(),
            project_key: "APP".to_owned(),
            project_name: "App".to_owned(),
            project_public: false,
            slug: slug.to_owned(),
            name: slug.to_owned(),
            public: false,
            default_branch: None,
            metadata_hash: "a".repeat(64),
            content_hash: Some("b".repeat(64)),
            upstream_content_hash: Some("b".repeat(64)),
            generation_synced: Generation(4),
            generation_known: Generation(4),
            status: MirroredStatus::Available,
            initial_sync_at: Some(1),
            last_sync_at: Some(1),
            behind_since: None,
            failed_count: 0,
            last_error: None,
            next_attempt_at: None,
            removed_at: None,
        }
    }

    #[test]
    fn paths_are_found_in_any_case() {
        let holdings = Holdings::default();
        holdings.enter(record(1, "engine"));
        assert!(holdings.find_by_path("app", "Engine").is_some());
        assert!(holdings.find_by_path("app", "other").is_none());
    }

    #[test]
    fn a_renamed_repository_is_found_under_its_new_path_only() {
        let holdings = Holdings::default();
        let holding = holdings.enter(record(1, "engine"));
        let before = holding.record();
        holding.show(record(1, "motor"));
        holdings.moved(&holding, &before);
        assert!(holdings.find_by_path("APP", "motor").is_some());
        assert!(holdings.find_by_path("APP", "engine").is_none());
    }

    #[test]
    fn a_path_that_was_taken_over_stays_with_the_new_owner() {
        let holdings = Holdings::default();
        let first = holdings.enter(record(1, "engine"));
        let second = holdings.enter(record(2, "engine"));
        holdings.leave(&first);
        let found = holdings.find_by_path("APP", "engine").expect("the second has the path");
        assert!(Arc::ptr_eq(&found, &second));
    }

    #[test]
    fn hashes_of_recent_generations_are_remembered() {
        let holding = Holding::new(record(1, "engine"));
        let hash = ContentHash::parse("c".repeat(64)).expect("64 hex digits");
        holding.hear(Generation(5), hash.clone());
        holding.hear(Generation(7), hash.clone());
        assert_eq!(holding.generation_of(&hash), Some(Generation(7)));
        for generation in 8..100 {
            holding.hear(Generation(generation), ContentHash::of_nothing());
        }
        assert_eq!(holding.generation_of(&hash), None);
    }
}
