//! When the packs of a repository came and were replaced, as moments between its readers: together they tell which of
//! the replaced ones no reader can need any more.
//!
//! It is only in memory. After a start there are no readers of before, and what is not known here counts as having been
//! there from the beginning.

use std::collections::HashMap;
use std::path::Path;

use heliostat_git::{Moment, Readers};

use super::packs::PackInventory;

/// What is known of the packs of one repository.
#[derive(Debug, Default)]
pub(super) struct PackTimes {
    packs: HashMap<String, Times>,
    /// When they were looked at last.
    looked: Moment,
}

#[derive(Debug)]
struct Times {
    /// It was not there yet.
    came: Moment,
    /// Others had taken its place.
    replaced: Option<Moment>,
}

impl PackTimes {
    /// Notes what a look has found that began at that moment.
    pub(super) fn note(&mut self, began: Moment, found: &PackInventory, readers: &Readers) {
        let mut before = std::mem::take(&mut self.packs);
        for (pack, is_replaced) in
            found.packs.iter().map(|pack| (pack, false)).chain(found.replaced.iter().map(|pack| (pack, true)))
        {
            let known = before.remove(&pack.name);
            let came = known.as_ref().map_or(self.looked, |times| times.came);
            let earlier = known.and_then(|times| times.replaced);
            // The first time counts: one who began later has found what took its place.
            let replaced = is_replaced.then(|| earlier.unwrap_or_else(|| readers.now()));
            self.packs.insert(pack.name.clone(), Times { came, replaced });
        }
        self.looked = began;
    }

    /// The replaced packs that no reader needs any more.
    pub(super) fn free(&self, repository: &Path, readers: &Readers) -> Vec<String> {
        let free = self.packs.iter().filter(|(_, times)| {
            times.replaced.is_some_and(|replaced| !readers.may_need(repository, times.came, replaced))
        });
        free.map(|(name, _)| name.clone()).collect()
    }

    /// These are not there any more.
    pub(super) fn forget(&mut self, removed: &[String]) {
        for name in removed {
            self.packs.remove(name);
        }
    }

    /// Whether replaced packs wait for readers.
    pub(super) fn has_replaced(&self) -> bool {
        self.packs.values().any(|times| times.replaced.is_some())
    }
}
