//! What small pushes have brought, kept in memory for a while: it travels inside the events that tell of them, and the
//! mirrors need not fetch it.
//!
//! It is not stored beside the events: a mirror that is away would fill the database. What is not here any more, because
//! it is long ago, too much or of another process, is fetched.

use std::collections::{HashMap, VecDeque};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use heliostat_api::models::RestRefsChangedEvent;
use heliostat_storage::{Generation, RepositoryId};
use parking_lot::Mutex;

use super::events::{is_read_by_mirrors, names_changes};

/// Most that an event carries, unless set otherwise.
pub const DEFAULT_SMALL_PUSH_BYTES: usize = 64 * 1024;

/// Most that it can be set to: in base64 and with its list of changes an event is no longer than what mirrors read.
pub const MAX_SMALL_PUSH_BYTES: usize = 512 * 1024;

/// Most that is kept of all pushes together.
const MAX_KEPT_BYTES: usize = 32 * 1024 * 1024;

/// What a kept change costs besides its packs.
const OVERHEAD_BYTES: usize = 256;

/// One event spans no more changes than this.
const MAX_CHANGES_SPANNED: i64 = 500;

/// The packs of the newest small pushes to all repositories.
pub struct PushedPacks {
    limit: usize,
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// By the generation that they led to.
    packs: HashMap<(RepositoryId, Generation), Vec<Bytes>>,
    /// The oldest first. Some may be gone by now.
    order: VecDeque<(RepositoryId, Generation)>,
    bytes: usize,
}

impl PushedPacks {
    /// Events carry at most so many bytes; 0 for none.
    pub(super) fn new(limit: usize) -> Self {
        Self { limit, kept: Mutex::default() }
    }

    /// The largest push that is worth keeping.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Keeps what leads from the generation before this one to it: nothing, if the change needs no objects.
    pub fn keep(&self, repository: RepositoryId, generation: Generation, packs: Vec<Bytes>) {
        if self.limit == 0 || size_of_all(&packs) > self.limit {
            return;
        }
        let mut kept = self.kept.lock();
        kept.forget((repository, generation));
        kept.bytes += size_of_all(&packs) + OVERHEAD_BYTES;
        kept.packs.insert((repository, generation), packs);
        kept.order.push_back((repository, generation));
        while (kept.bytes > MAX_KEPT_BYTES || kept.order.len() > MAX_KEPT_BYTES / OVERHEAD_BYTES)
            && let Some(oldest) = kept.order.pop_front()
        {
            kept.forget(oldest);
        }
    }

    /// Forgets what led to a generation that did not come about.
    pub fn forget(&self, repository: RepositoryId, generation: Generation) {
        self.kept.lock().forget((repository, generation));
    }

    /// Puts into an event what its changes need, if that is known and not too much.
    pub(super) fn put_into(&self, repository: Option<RepositoryId>, event: &mut RestRefsChangedEvent) {
        let generations = (event.from_generation, event.generation);
        let (Some(repository), (Some(from), Some(to))) = (repository, generations) else { return };
        if !names_changes(event) {
            return;
        }
        let Some(packs) = self.between(repository, Generation(from), Generation(to)) else { return };
        event.packs = Some(packs.iter().map(|pack| STANDARD.encode(pack)).collect());
        if !is_read_by_mirrors(event) {
            event.packs = None;
        }
    }

    fn between(&self, repository: RepositoryId, from: Generation, to: Generation) -> Option<Vec<Bytes>> {
        if to.0.checked_sub(from.0)? > MAX_CHANGES_SPANNED {
            return None;
        }
        let kept = self.kept.lock();
        let mut packs = Vec::new();
        for generation in from.0 + 1..=to.0 {
            packs.extend_from_slice(kept.packs.get(&(repository, Generation(generation)))?);
        }
        (size_of_all(&packs) <= self.limit).then_some(packs)
    }
}

impl Kept {
    fn forget(&mut self, key: (RepositoryId, Generation)) {
        if let Some(packs) = self.packs.remove(&key) {
            self.bytes -= size_of_all(&packs) + OVERHEAD_BYTES;
        }
    }
}

fn size_of_all(packs: &[Bytes]) -> usize {
    packs.iter().map(Bytes::len).sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture;

    const ONE: RepositoryId = RepositoryId(1);

    fn carried(packs: &PushedPacks, from: i64, to: i64) -> Option<Vec<String>> {
        let mut event = fixture::refs_changed(from, to, vec![fixture::ref_change("main", "1", "2")]);
        packs.put_into(Some(ONE), &mut event);
        event.packs
    }

    #[test]
    fn an_event_carries_all_that_its_changes_need_or_nothing() {
        let packs = PushedPacks::new(10);
        packs.keep(ONE, Generation(5), vec![Bytes::from_static(b"five")]);
        packs.keep(ONE, Generation(6), Vec::new());
        packs.keep(ONE, Generation(7), vec![Bytes::from_static(b"seven")]);
        packs.keep(ONE, Generation(8), vec![Bytes::from_static(b"too much to be kept")]);
        assert_eq!(carried(&packs, 4, 7), Some(vec!["Zml2ZQ==".to_owned(), "c2V2ZW4=".to_owned()]));
        assert_eq!(carried(&packs, 5, 6), Some(Vec::new()));
        assert_eq!(carried(&packs, 3, 5), None);
        assert_eq!(carried(&packs, 6, 8), None);
        packs.forget(ONE, Generation(6));
        assert_eq!(carried(&packs, 4, 7), None);
        let mut silent = fixture::refs_changed(4, 5, Vec::new());
        packs.put_into(Some(ONE), &mut silent);
        assert_eq!(silent.packs, None, "what has changed is not named");
    }

    #[test]
    fn together_they_are_not_too_much() {
        let packs = PushedPacks::new(5);
        packs.keep(ONE, Generation(1), vec![Bytes::from_static(b"one")]);
        packs.keep(ONE, Generation(2), vec![Bytes::from_static(b"two")]);
        assert!(carried(&packs, 0, 1).is_some() && carried(&packs, 1, 2).is_some());
        assert_eq!(carried(&packs, 0, 2), None);
    }

    #[test]
    fn the_oldest_give_way() {
        let packs = PushedPacks::new(MAX_SMALL_PUSH_BYTES);
        let large = Bytes::from(vec![0; MAX_SMALL_PUSH_BYTES]);
        let too_many = i64::try_from(MAX_KEPT_BYTES / MAX_SMALL_PUSH_BYTES).expect("few");
        for generation in 1..=too_many {
            packs.keep(ONE, Generation(generation), vec![large.clone()]);
        }
        assert!(packs.between(ONE, Generation(0), Generation(1)).is_none());
        assert!(packs.between(ONE, Generation(too_many - 1), Generation(too_many)).is_some());
        assert!(packs.kept.lock().bytes <= MAX_KEPT_BYTES);
        assert!(PushedPacks::new(0).between(ONE, Generation(0), Generation(1)).is_none());
    }
}
