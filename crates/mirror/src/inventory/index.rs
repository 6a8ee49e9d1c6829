//! How entries are found: by the upstream's id or by path, in any case.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use heliostat_storage::MirroredRepository;
use parking_lot::RwLock;

use super::entry::Entry;
use super::tally::Tally;

/// All entries, found by the upstream's id or by path.
#[derive(Debug, Default)]
pub(crate) struct Index {
    maps: RwLock<Maps>,
    arrivals: AtomicU64,
    tally: Arc<Tally>,
}

#[derive(Debug, Default)]
struct Maps {
    by_external_id: HashMap<String, Arc<Entry>>,
    by_path: HashMap<RepositoryPath, Arc<Entry>>,
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

impl Index {
    pub(crate) fn find(&self, external_id: &str) -> Option<Arc<Entry>> {
        self.maps.read().by_external_id.get(external_id).cloned()
    }

    pub(crate) fn find_by_path(&self, project_key: &str, slug: &str) -> Option<Arc<Entry>> {
        self.maps.read().by_path.get(&RepositoryPath::new(project_key, slug)).cloned()
    }

    /// How often a repository has come to a path since the start.
    pub(crate) fn arrivals(&self) -> u64 {
        self.arrivals.load(Ordering::Acquire)
    }

    pub(crate) fn all(&self) -> Vec<Arc<Entry>> {
        self.maps.read().by_external_id.values().cloned().collect()
    }

    /// The ids by which the Git engine stores them.
    pub(crate) fn disk_ids(&self) -> HashSet<u64> {
        self.maps.read().by_external_id.values().map(|entry| entry.disk_id()).collect()
    }

    /// What is recorded of those with these numbers on disk.
    pub(crate) fn records_on_disk(&self, numbers: &[u64]) -> Vec<(u64, Arc<MirroredRepository>)> {
        let numbers: HashSet<u64> = numbers.iter().copied().collect();
        let maps = self.maps.read();
        let wanted = maps.by_external_id.values().filter(|entry| numbers.contains(&entry.disk_id()));
        wanted.map(|entry| (entry.disk_id(), entry.record())).collect()
    }

    /// Enters a repository; if it is there already, the one that is there stays and is returned.
    pub(crate) fn enter(&self, record: MirroredRepository) -> Arc<Entry> {
        let mut maps = self.maps.write();
        let path = RepositoryPath::of(&record);
        let external_id = record.external_id.clone();
        let entry = maps.by_external_id.entry(external_id).or_insert_with(|| {
            let entry = Arc::new(Entry::new(record));
            entry.begin_to_count(&self.tally);
            entry
        });
        let entry = Arc::clone(entry);
        maps.by_path.insert(path, Arc::clone(&entry));
        self.arrivals.fetch_add(1, Ordering::Release);
        entry
    }

    /// Serves a repository under the path in its record, and no longer under the one before.
    pub(crate) fn moved(&self, entry: &Arc<Entry>, before: &MirroredRepository) {
        let mut maps = self.maps.write();
        if maps.by_external_id.get(&entry.external_id).is_none_or(|found| !Arc::ptr_eq(found, entry)) {
            return;
        }
        maps.leave_path(entry, before);
        maps.by_path.insert(RepositoryPath::of(&entry.record()), Arc::clone(entry));
        self.arrivals.fetch_add(1, Ordering::Release);
    }

    /// Whether it is this one that is found.
    pub(crate) fn has(&self, entry: &Arc<Entry>) -> bool {
        let maps = self.maps.read();
        maps.by_external_id.get(&entry.external_id).is_some_and(|found| Arc::ptr_eq(found, entry))
    }

    /// Forgets a repository.
    pub(crate) fn leave(&self, entry: &Arc<Entry>) {
        let mut maps = self.maps.write();
        maps.leave_path(entry, &entry.record());
        if maps.by_external_id.get(&entry.external_id).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            maps.by_external_id.remove(&entry.external_id);
            entry.end_to_count();
        }
    }

    /// The sums of all that are entered.
    pub(super) fn tally(&self) -> &Tally {
        &self.tally
    }
}

impl Maps {
    /// Another repository may have taken over the path in the meantime; it keeps it.
    fn leave_path(&mut self, entry: &Arc<Entry>, record: &MirroredRepository) {
        let path = RepositoryPath::of(record);
        if self.by_path.get(&path).is_some_and(|found| Arc::ptr_eq(found, entry)) {
            self.by_path.remove(&path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::inventory::tests::record;

    #[test]
    fn paths_are_found_in_any_case() {
        let index = Index::default();
        index.enter(record(1, "engine"));
        assert!(index.find_by_path("app", "Engine").is_some());
        assert!(index.find_by_path("app", "other").is_none());
    }

    #[test]
    fn a_renamed_repository_is_found_under_its_new_path_only() {
        let index = Index::default();
        let entry = index.enter(record(1, "engine"));
        let before = entry.record();
        entry.show(record(1, "motor"));
        index.moved(&entry, &before);
        assert!(index.find_by_path("APP", "motor").is_some());
        assert!(index.find_by_path("APP", "engine").is_none());
    }

    #[test]
    fn a_path_that_was_taken_over_stays_with_the_new_owner() {
        let index = Index::default();
        let first = index.enter(record(1, "engine"));
        let second = index.enter(record(2, "engine"));
        index.leave(&first);
        let found = index.find_by_path("APP", "engine").expect("the second has the path");
        assert!(Arc::ptr_eq(&found, &second));
    }
}
