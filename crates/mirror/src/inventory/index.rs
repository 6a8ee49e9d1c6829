//! How entries are found: by the upstream's id or by path, in any case.
//!
//! News of renames can come in any order, so two repositories may be known under one path for a while. The one that came
//! there last is found, and the other one when that leaves.

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
    /// All that are known under a path, the one that came last at the end.
    by_path: HashMap<RepositoryPath, Vec<Arc<Entry>>>,
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
        let maps = self.maps.read();
        let found = maps.by_path.get(&RepositoryPath::new(project_key, slug))?;
        // What the upstream has lost hides nothing that it has.
        found.iter().rfind(|entry| entry.record().held.is_none()).or(found.last()).cloned()
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
        maps.come_to(path, &entry);
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
        maps.come_to(RepositoryPath::of(&entry.record()), entry);
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
    fn come_to(&mut self, path: RepositoryPath, entry: &Arc<Entry>) {
        let found = self.by_path.entry(path).or_default();
        found.retain(|other| !Arc::ptr_eq(other, entry));
        found.push(Arc::clone(entry));
    }

    /// Another repository may be known under the path by now; it keeps it.
    fn leave_path(&mut self, entry: &Arc<Entry>, record: &MirroredRepository) {
        let path = RepositoryPath::of(record);
        if let Some(found) = self.by_path.get_mut(&path) {
            found.retain(|other| !Arc::ptr_eq(other, entry));
            if found.is_empty() {
                self.by_path.remove(&path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use heliostat_storage::HeldReason;

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

    #[test]
    fn who_comes_to_a_path_by_mistake_and_leaves_it_leaves_it_to_who_was_there() {
        let index = Index::default();
        let (owner, other) = (index.enter(record(1, "engine")), index.enter(record(2, "motor")));
        let move_other = |slug: &str| {
            let before = other.record();
            other.show(record(2, slug));
            index.moved(&other, &before);
        };
        move_other("engine");
        move_other("motor");
        let found = index.find_by_path("APP", "engine").expect("it is still known there");
        assert!(Arc::ptr_eq(&found, &owner));
        assert!(index.find_by_path("APP", "motor").is_some_and(|found| Arc::ptr_eq(&found, &other)));
        index.leave(&owner);
        assert!(index.find_by_path("APP", "engine").is_none());
    }

    #[test]
    fn one_that_the_upstream_has_lost_hides_none_that_it_has_at_its_path() {
        let index = Index::default();
        let there = index.enter(record(1, "engine"));
        let lost = index.enter(MirroredRepository { held: Some(HeldReason::Missing), ..record(2, "engine") });
        let found = || index.find_by_path("APP", "engine").expect("it is known there");
        assert!(Arc::ptr_eq(&found(), &there));
        index.leave(&there);
        assert!(Arc::ptr_eq(&found(), &lost), "as long as nothing else is there");
    }
}
