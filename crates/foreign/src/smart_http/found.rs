//! What the last lists have shown of repositories, so that the next question is a short one.
//!
//! A server that has once offered version 2 of the protocol is asked for a list at once: who may read and what is there is
//! decided by that answer alone, and where it is no list, everything is asked from the beginning. Where the server has led
//! to another path is remembered for `git`, which is not allowed to follow by itself. What is at the old path of a renamed
//! repository is asked each time; that `tool` leads to `tool.git` stays so for a while.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use heliostat_git::RemoteCapabilities;
use parking_lot::Mutex;

use crate::RepositoryPath;

/// Most repositories of which something is remembered. The others wait for one question more.
const MAX_FOUND: usize = 10_000;

/// How long an offer is relied upon: a server that was replaced by an older one refuses what it does not know.
const OFFER_LIFETIME: Duration = Duration::from_mins(10);

/// What is remembered of repositories, by the path that was asked for.
#[derive(Default)]
pub(super) struct FoundRepositories(Mutex<BTreeMap<RepositoryPath, Found>>);

/// What was found.
#[derive(Debug, Clone)]
struct Found {
    /// Where on the server it is.
    place: RepositoryPath,
    /// What is offered there; nothing by a server that knows no second version of the protocol.
    offer: Option<RemoteCapabilities>,
    at: Instant,
}

impl Found {
    /// Whether the server may be asked at the place at once.
    fn holds_for(&self, path: &RepositoryPath) -> bool {
        let is_same = self.place == *path || self.place.as_str().strip_suffix(".git") == Some(path.as_str());
        is_same && self.at.elapsed() < OFFER_LIFETIME
    }
}

impl FoundRepositories {
    /// Remembers what a list has shown: where the repository is, and the offer of the server if it made one.
    pub(super) fn note(
        &self,
        path: &RepositoryPath,
        moved_to: Option<&RepositoryPath>,
        offer: Option<RemoteCapabilities>,
    ) {
        let place = moved_to.unwrap_or(path).clone();
        let found = Found { place, offer, at: Instant::now() };
        let mut known = self.0.lock();
        if known.len() >= MAX_FOUND && !known.contains_key(path) {
            known.pop_first();
        }
        known.insert(path.clone(), found);
    }

    /// Where a list can be asked for at once, and under which offer.
    pub(super) fn offer_of(&self, path: &RepositoryPath) -> Option<(RepositoryPath, RemoteCapabilities)> {
        let known = self.0.lock();
        let found = known.get(path).filter(|found| found.holds_for(path))?;
        Some((found.place.clone(), found.offer?))
    }

    /// Where a repository is of which a list was offered.
    pub(super) fn place_with_offer(&self, path: &RepositoryPath) -> Option<RepositoryPath> {
        let known = self.0.lock();
        known.get(path).filter(|found| found.offer.is_some()).map(|found| found.place.clone())
    }

    /// Where a repository is, as far as is known.
    pub(super) fn place_of(&self, path: &RepositoryPath) -> RepositoryPath {
        self.0.lock().get(path).map_or(path, |found| &found.place).clone()
    }
}

impl fmt::Debug for FoundRepositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("FoundRepositories").field(&self.0.lock().len()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> RepositoryPath {
        RepositoryPath::parse(text).expect("valid")
    }

    fn offer() -> RemoteCapabilities {
        RemoteCapabilities::read(b"000eversion 2\n000cls-refs\n000afetch\n0000").expect("a whole offer")
    }

    #[test]
    fn a_repository_is_where_it_was_found_last() {
        let (found, a, b) = (FoundRepositories::default(), path("/a"), path("/b"));
        assert_eq!((found.place_of(&a), found.offer_of(&a)), (a.clone(), None));
        found.note(&a, Some(&b), Some(offer()));
        // What may be at the old path again is found out by asking there.
        assert_eq!((found.place_of(&a), found.offer_of(&a)), (b.clone(), None));
        assert_eq!(found.place_with_offer(&a), Some(b));
        found.note(&a, None, Some(offer()));
        assert_eq!((found.place_of(&a), found.offer_of(&a)), (a.clone(), Some((a.clone(), offer()))));
        found.note(&a, None, None);
        assert_eq!((found.offer_of(&a), found.place_with_offer(&a)), (None, None));
        let with_ending = path("/a.git");
        found.note(&a, Some(&with_ending), Some(offer()));
        assert_eq!(found.offer_of(&a), Some((with_ending, offer())));
    }

    #[test]
    fn no_more_than_so_many_are_remembered() {
        let found = FoundRepositories::default();
        for number in 0..=MAX_FOUND {
            found.note(&path(&format!("/{number}")), None, Some(offer()));
        }
        assert_eq!(found.0.lock().len(), MAX_FOUND);
    }
}
