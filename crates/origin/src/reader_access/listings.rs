//! What the origin shows, in memory: once for all readers who are shown the same.

use std::sync::Arc;

use heliostat_foreign::{Listing, RepositoryPath};
use heliostat_git::{Head, ObjectFormat, ObjectId, RefSnapshot};
use heliostat_git_wire::LsRefs;
use quick_cache::sync::{Cache, DefaultLifecycle};
use quick_cache::{DefaultHashBuilder, OptionsBuilder, Weighter};
use sha2::{Digest, Sha256};

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

    /// Bytes of memory that it takes; never less.
    pub(super) fn memory_bytes(&self) -> u64 {
        OVERHEAD_BYTES + self.listing.refs().memory_bytes() + self.branches.memory_bytes()
    }

    /// What this asks for of it. It is no list of branches: there may be others.
    pub(crate) fn part(&self, part: &LsRefs) -> Self {
        let moved_to = self.listing.moved_to().cloned();
        let refs = self.listing.refs().only(part);
        let listing = Listing::new(refs, self.listing.object_format(), moved_to);
        Self { listing, branches: RefSnapshot::empty() }
    }
}

/// By what a list is known, in memory and on the disk: a digest of what it tells, so that the same is kept once, for
/// all readers and repositories.
pub(super) type ListName = [u8; 32];

/// The name of a list.
pub(super) fn name_of(listing: &Listing) -> ListName {
    let refs = listing.refs();
    let (kind, target, object) = match refs.head() {
        None => ("none", &b""[..], None),
        Some(Head::Symbolic { target, object }) => ("symbolic", &target[..], object.as_ref()),
        Some(Head::Detached(object)) => ("detached", &b""[..], Some(object)),
    };
    let parts = [
        refs.content_hash().as_str().as_bytes(),
        listing.object_format().as_str().as_bytes(),
        listing.moved_to().map_or("", RepositoryPath::as_str).as_bytes(),
        kind.as_bytes(),
        target,
        object.map(ObjectId::as_bytes).unwrap_or_default(),
    ];
    let mut hasher = Sha256::new();
    for part in parts {
        hasher.update((part.len() as u64).to_be_bytes());
        hasher.update(part);
    }
    hasher.finalize().into()
}

/// Lists in memory.
#[derive(Debug)]
pub(super) struct Listings(Cache<ListName, Arc<Shown>, ByMemory>);

#[derive(Debug, Clone)]
struct ByMemory;

impl Weighter<ListName, Arc<Shown>> for ByMemory {
    fn weight(&self, _: &ListName, shown: &Arc<Shown>) -> u64 {
        shown.memory_bytes()
    }
}

impl Listings {
    pub(super) fn new() -> Self {
        // The memory is for any list. In parts, one for each of some locks, it would take none that is larger than such a part.
        let options = OptionsBuilder::new()
            .estimated_items_capacity(EXPECTED_LISTINGS)
            .weight_capacity(MAX_MEMORY_BYTES)
            .shards(1)
            .build()
            .expect("all that it needs is set");
        let (hashes, lifecycle) = (DefaultHashBuilder::default(), DefaultLifecycle::default());
        Self(Cache::with_options(options, ByMemory, hashes, lifecycle))
    }

    /// The one that is in memory already, if the same is shown again; and by what it is known.
    pub(super) fn shared(&self, listing: Listing) -> (ListName, Arc<Shown>) {
        let name = name_of(&listing);
        if let Some(known) = self.find(&name) {
            return (name, known);
        }
        let branches = branches_and_tags(listing.refs());
        let shown = Arc::new(Shown { listing, branches });
        self.0.insert(name, Arc::clone(&shown));
        (name, shown)
    }

    /// The list with this name, if it is in memory.
    pub(super) fn find(&self, name: &ListName) -> Option<Arc<Shown>> {
        self.0.get(name)
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git::RefName;

    use super::*;

    #[test]
    fn a_long_list_is_in_memory_however_many_cores_there_are() {
        let object = ObjectId::parse("1".repeat(40)).expect("hex");
        let name = |number: usize| RefName::parse(format!("refs/heads/branch-{number:06}")).expect("valid");
        let entries = (0..150_000).map(|number| (name(number), object.clone()));
        let listing = Listing::new(RefSnapshot::from_entries(entries), ObjectFormat::Sha1, None);
        let listings = Listings::new();
        let (name, shown) = listings.shared(listing);
        let bytes = ByMemory.weight(&name, &shown);
        assert!(bytes > MAX_MEMORY_BYTES / 8 && bytes < MAX_MEMORY_BYTES, "{bytes}");
        assert!(listings.find(&name).is_some_and(|found| Arc::ptr_eq(&found, &shown)));
    }
}
