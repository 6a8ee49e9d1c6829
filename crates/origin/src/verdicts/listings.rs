//! What the origin shows, in memory: once for all readers who are shown the same.

use std::sync::Arc;

use heliostat_foreign::{Listing, RepositoryPath};
use heliostat_git::{ContentHash, ObjectFormat, RefSnapshot};
use heliostat_git_wire::LsRefs;
use quick_cache::Weighter;
use quick_cache::sync::Cache;

use crate::repositories::branches_and_tags;

/// Most memory that lists take.
const MAX_MEMORY_BYTES: u64 = 256 * 1024 * 1024;

/// How many lists there are for as much memory, about.
const EXPECTED_LISTINGS: usize = 4_096;

/// What one takes besides its references.
const OVERHEAD_BYTES: u64 = 1_024;

/// What readers are shown of a repository.
#[derive(Debug)]
pub(crate) struct Shown {
    /// The origin's list.
    pub(crate) listing: Listing,
    /// The branches and tags among it.
    pub(crate) branches: RefSnapshot,
}

impl Shown {
    /// What is here, as the origin has shown it before.
    pub(crate) fn of_what_is_here(here: RefSnapshot, format: ObjectFormat) -> Self {
        Self { listing: Listing::new(here.clone(), format, None), branches: here }
    }

    /// What this asks for of it. It is no list of branches: there may be others.
    pub(crate) fn part(&self, part: &LsRefs) -> Self {
        let moved_to = self.listing.moved_to().cloned();
        let refs = self.listing.refs().only(part);
        let listing = Listing::new(refs, self.listing.object_format(), moved_to);
        Self { listing, branches: RefSnapshot::empty() }
    }
}

/// Which list of which repository.
type Key = (RepositoryPath, ContentHash);

/// Lists in memory.
#[derive(Debug)]
pub(super) struct Listings(Cache<Key, Arc<Shown>, ByMemory>);

#[derive(Debug, Clone)]
struct ByMemory;

impl Weighter<Key, Arc<Shown>> for ByMemory {
    fn weight(&self, _: &Key, shown: &Arc<Shown>) -> u64 {
        OVERHEAD_BYTES + shown.listing.refs().memory_bytes() + shown.branches.memory_bytes()
    }
}

impl Listings {
    pub(super) fn new() -> Self {
        Self(Cache::with_weighter(EXPECTED_LISTINGS, MAX_MEMORY_BYTES, ByMemory))
    }

    /// The one that is in memory already, if the origin shows the same again.
    pub(super) fn shared(&self, path: &RepositoryPath, listing: Listing) -> Arc<Shown> {
        let key = (path.clone(), listing.refs().content_hash().clone());
        if let Some(known) = self.0.get(&key).filter(|known| is_same(&known.listing, &listing)) {
            return known;
        }
        let branches = branches_and_tags(listing.refs());
        let shown = Arc::new(Shown { listing, branches });
        self.0.insert(key, Arc::clone(&shown));
        shown
    }

    /// The list with this hash, if it is in memory.
    pub(super) fn find(&self, path: &RepositoryPath, hash: &ContentHash) -> Option<Arc<Shown>> {
        self.0.get(&(path.clone(), hash.clone()))
    }
}

fn is_same(known: &Listing, listing: &Listing) -> bool {
    known.object_format() == listing.object_format()
        && known.refs().head() == listing.refs().head()
        && known.moved_to() == listing.moved_to()
}
