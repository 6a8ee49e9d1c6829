//! What the last lists have shown of repositories, so that the next question is a short one.
//!
//! A server that has once offered version 2 of the protocol is asked for a list at once: who may read and what is there is
//! decided by that answer alone, and where it is no list, everything is asked from the beginning. Where the server has led
//! to another path is remembered for `git`, which is not allowed to follow by itself.

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
enum Found {
    /// It is where it was looked for, and lists are offered since then.
    Here(RemoteCapabilities, Instant),
    /// It is elsewhere on the server.
    MovedTo(RepositoryPath),
}

impl FoundRepositories {
    /// Remembers what a list has shown: where the repository is, and the offer of the server if it made one.
    pub(super) fn note(
        &self,
        path: &RepositoryPath,
        moved_to: Option<&RepositoryPath>,
        offer: Option<RemoteCapabilities>,
    ) {
        let found = match (moved_to, offer) {
            (Some(moved_to), _) => Found::MovedTo(moved_to.clone()),
            (None, Some(offer)) => Found::Here(offer, Instant::now()),
            (None, None) => return drop(self.0.lock().remove(path)),
        };
        let mut known = self.0.lock();
        if known.len() >= MAX_FOUND && !known.contains_key(path) {
            known.pop_first();
        }
        known.insert(path.clone(), found);
    }

    /// The offer under which a list can be asked for at once.
    pub(super) fn offer_of(&self, path: &RepositoryPath) -> Option<RemoteCapabilities> {
        match self.0.lock().get(path) {
            Some(Found::Here(offer, made)) if made.elapsed() < OFFER_LIFETIME => Some(*offer),
            _ => None,
        }
    }

    /// Where a repository is of which a list was offered.
    pub(super) fn place_with_offer(&self, path: &RepositoryPath) -> Option<RepositoryPath> {
        match self.0.lock().get(path)? {
            Found::Here(..) => Some(path.clone()),
            Found::MovedTo(place) => Some(place.clone()),
        }
    }

    /// Where a repository is, as far as is known.
    pub(super) fn place_of(&self, path: &RepositoryPath) -> RepositoryPath {
        match self.0.lock().get(path) {
            Some(Found::MovedTo(place)) => place.clone(),
            _ => path.clone(),
        }
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
        let found = FoundRepositories::default();
        assert_eq!((found.place_of(&path("/a")), found.offer_of(&path("/a"))), (path("/a"), None));
        found.note(&path("/a"), Some(&path("/b")), Some(offer()));
        // What may be at the old path again is found out by asking there.
        assert_eq!((found.place_of(&path("/a")), found.offer_of(&path("/a"))), (path("/b"), None));
        found.note(&path("/a"), None, Some(offer()));
        assert_eq!((found.place_of(&path("/a")), found.offer_of(&path("/a"))), (path("/a"), Some(offer())));
        assert_eq!(found.place_with_offer(&path("/a")), Some(path("/a")));
        found.note(&path("/a"), None, None);
        assert_eq!((found.offer_of(&path("/a")), found.place_with_offer(&path("/a"))), (None, None));
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
