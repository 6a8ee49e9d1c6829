//! One mirrored repository: what is known about it, and the locks under which it changes.
//!
//! The database is written first and the record here second, always under the repository's own lock, so that a
//! git request needs no database and never sees what a crash could undo.

use std::collections::{BTreeSet, VecDeque};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use heliostat_git::{ContentHash, Head, ObjectId, Origin, RefSnapshot};
use heliostat_storage::{Generation, LocalRepositoryId, MirroredRepository, MirroredStatus};
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::time::Instant;

use super::tally::{Share, Tally};
use super::trouble::{Condition, Trouble, TroubleKind};

/// How many generations of a repository are remembered with their hashes. A fetch that lands between two
/// pushes is recognised by them.
const MAX_KNOWN_GENERATIONS: usize = 64;

/// Objects that are remembered as fetched because a client wanted them. One that is forgotten is looked for once more.
const MAX_BROUGHT_OBJECTS: usize = 1_024;

/// One mirrored repository.
#[derive(Debug)]
pub(crate) struct Entry {
    pub(crate) local_id: LocalRepositoryId,
    pub(crate) external_id: String,
    record: watch::Sender<Arc<MirroredRepository>>,
    known_hashes: Mutex<VecDeque<(Generation, ContentHash)>>,
    /// Of the proven state that was put on the disk last, which is recorded a moment later.
    shown_hash: Mutex<Option<ContentHash>>,
    condition: Condition,
    /// Where it is counted, and as what.
    counted: Mutex<Option<(Arc<Tally>, Share)>>,
    /// When the upstream last told what it has of it, in epoch milliseconds, for people; 0 if that is not known.
    compared_at: AtomicI64,
    /// The same by the monotonic clock, once it has told this process.
    compared: Mutex<Option<Instant>>,
    /// When the description that counts was taken over, by the same clock.
    described: Mutex<Option<Instant>>,
    /// The newest order to remove what no ref leads to, if there was one.
    purge_order: Mutex<Option<PurgeOrder>>,
    /// The newest such order that was carried out, as far as is known; 0 for none.
    purged: AtomicI64,
    /// What was fetched because a client wanted it, as far as this process remembers.
    brought: Mutex<BTreeSet<ObjectId>>,
    /// Held while the database row and then the record are changed.
    pub(super) writing: tokio::sync::Mutex<()>,
    /// Held while something is fetched into the repository.
    pub(crate) fetching: Arc<tokio::sync::Mutex<()>>,
}

/// An order of the upstream to remove what no ref leads to, once the refs are those of a generation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct PurgeOrder {
    pub(crate) number: i64,
    pub(crate) generation: Generation,
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

/// What the repository is, for those who find it in the trash.
pub(crate) fn origin_of(record: &MirroredRepository) -> Origin {
    Origin {
        path: Some(format!("{}/{}", record.project_key, record.slug)),
        upstream_id: Some(record.upstream_server_id.to_string()),
        external_id: Some(record.external_id.clone()),
        identity: record.identity.clone(),
        generation: Some(record.generation_synced.0),
    }
}

/// Whether these are the references that were synchronised last, and `HEAD` names the default branch.
pub(crate) fn is_as_synchronised(record: &MirroredRepository, refs: &RefSnapshot) -> bool {
    has_recorded_refs(record, refs) && names_default_branch(record, refs)
}

/// Whether these are the references that were synchronised last.
pub(crate) fn has_recorded_refs(record: &MirroredRepository, refs: &RefSnapshot) -> bool {
    record.content_hash.as_deref() == Some(refs.content_hash().as_str())
}

/// Whether `HEAD` names the default branch, as far as that is known.
pub(crate) fn names_default_branch(record: &MirroredRepository, refs: &RefSnapshot) -> bool {
    match (&record.default_branch, refs.head()) {
        (Some(branch), Some(Head::Symbolic { target, .. })) if branch.starts_with("refs/heads/") => {
            **target == *branch.as_bytes() || record.held.is_some()
        }
        _ => true,
    }
}

impl Entry {
    pub(crate) fn new(record: MirroredRepository) -> Self {
        let known = record
            .upstream_content_hash
            .as_ref()
            .and_then(|hash| ContentHash::parse(hash.as_str()).ok())
            .map(|hash| (record.generation_known, hash));
        // A synchronisation is a comparison, too.
        let compared_at = AtomicI64::new(record.last_sync_at.unwrap_or(0));
        Self {
            local_id: record.local_id,
            external_id: record.external_id.clone(),
            record: watch::Sender::new(Arc::new(record)),
            known_hashes: Mutex::new(known.into_iter().collect()),
            shown_hash: Mutex::default(),
            condition: Condition::default(),
            counted: Mutex::default(),
            compared_at,
            compared: Mutex::default(),
            described: Mutex::default(),
            purge_order: Mutex::default(),
            purged: AtomicI64::new(0),
            brought: Mutex::default(),
            writing: tokio::sync::Mutex::default(),
            fetching: Arc::default(),
        }
    }

    /// The id by which the Git engine stores it.
    pub(crate) fn disk_id(&self) -> u64 {
        disk_id(self.local_id)
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
        self.recount();
    }

    /// Counts it from now on.
    pub(super) fn begin_to_count(&self, tally: &Arc<Tally>) {
        let mut counted = self.counted.lock();
        let share = self.share();
        tally.replace(None, Some(&share));
        *counted = Some((Arc::clone(tally), share));
    }

    /// Counts it no more.
    pub(super) fn end_to_count(&self) {
        if let Some((tally, share)) = self.counted.lock().take() {
            tally.replace(Some(&share), None);
        }
    }

    /// What is counted follows what is known.
    fn recount(&self) {
        if let Some((tally, share)) = &mut *self.counted.lock() {
            let now = self.share();
            tally.replace(Some(share), Some(&now));
            *share = now;
        }
    }

    fn share(&self) -> Share {
        Share { record: self.record(), trouble: self.trouble() }
    }

    /// Remembers that the upstream had these refs at this generation.
    pub(super) fn remember_hash(&self, generation: Generation, hash: ContentHash) {
        let mut known = self.known_hashes.lock();
        known.retain(|(other, _)| *other != generation);
        if known.len() == MAX_KNOWN_GENERATIONS {
            known.pop_front();
        }
        known.push_back((generation, hash));
    }

    /// When the upstream last told what it has of it, in epoch milliseconds.
    pub(crate) fn compared_at(&self) -> Option<i64> {
        Some(self.compared_at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// When it last told this process. What comes before what is asked of this, and not of the time of day.
    pub(crate) fn compared(&self) -> Option<Instant> {
        *self.compared.lock()
    }

    /// Notes that the upstream has told what it has of it, by two clocks.
    pub(crate) fn note_compared(&self, at: Instant, at_ms: i64) {
        let mut compared = self.compared.lock();
        if compared.is_none_or(|before| before <= at) {
            *compared = Some(at);
            self.compared_at.store(at_ms, Ordering::Relaxed);
        }
    }

    /// Whether a description was taken over since then.
    pub(super) fn was_described_since(&self, asked: Instant) -> bool {
        self.described.lock().is_some_and(|described| described > asked)
    }

    /// Notes that a description was taken over.
    pub(super) fn note_described(&self) {
        *self.described.lock() = Some(Instant::now());
    }

    /// Takes in how many times it was ordered to remove what no ref leads to, and says whether that is news.
    pub(super) fn note_purge_order(&self, order: PurgeOrder) -> bool {
        let mut known = self.purge_order.lock();
        let is_news = order.number > known.map_or(0, |known| known.number);
        if is_news {
            *known = Some(order);
        }
        is_news
    }

    /// The newest order that was not carried out, as far as is known.
    pub(crate) fn purge_order(&self) -> Option<PurgeOrder> {
        let newest = *self.purge_order.lock();
        newest.filter(|order| order.number > self.purged())
    }

    /// How many times the upstream has ordered to remove what no ref leads to, as far as is known.
    pub(super) fn ordered_purge(&self) -> i64 {
        self.purge_order.lock().map_or(0, |order| order.number)
    }

    /// The newest order that was carried out, as far as is known.
    pub(crate) fn purged(&self) -> i64 {
        self.purged.load(Ordering::Relaxed)
    }

    pub(crate) fn note_purged(&self, number: i64) {
        self.purged.fetch_max(number, Ordering::Relaxed);
    }

    /// Forgets what the upstream had: it has lost that past itself.
    pub(super) fn forget_hashes(&self) {
        self.known_hashes.lock().clear();
    }

    /// The newest generation at which the upstream had refs with this hash, as far as it has told.
    pub(crate) fn generation_of(&self, hash: &ContentHash) -> Option<Generation> {
        let known = self.known_hashes.lock();
        known.iter().filter(|(_, other)| other == hash).map(|(generation, _)| *generation).max()
    }

    /// Notes that a proven state is about to be put on the disk.
    pub(crate) fn is_about_to_show(&self, state: &RefSnapshot) {
        *self.shown_hash.lock() = Some(state.content_hash().clone());
    }

    /// Whether these references are the proven state that was put on the disk last, recorded or not.
    pub(crate) fn has_shown(&self, refs: &RefSnapshot) -> bool {
        self.shown_hash.lock().as_ref() == Some(refs.content_hash())
    }

    /// Notes that these were fetched because a client wanted them, with all that they need.
    pub(crate) fn note_brought(&self, objects: &BTreeSet<ObjectId>) {
        let mut brought = self.brought.lock();
        if brought.len() + objects.len() > MAX_BROUGHT_OBJECTS {
            brought.clear();
        }
        brought.extend(objects.iter().cloned());
    }

    /// Whether all of these were fetched so. What is removed is not forgotten here.
    pub(crate) fn has_brought(&self, objects: &BTreeSet<ObjectId>) -> bool {
        objects.is_subset(&self.brought.lock())
    }

    /// Why it is not served although it was synchronised, if that is so.
    pub(crate) fn trouble(&self) -> Option<Arc<Trouble>> {
        self.condition.now()
    }

    /// To wait for the end of the trouble.
    pub(crate) fn subscribe_to_trouble(&self) -> watch::Receiver<Option<Arc<Trouble>>> {
        self.condition.subscribe()
    }

    pub(crate) fn set_trouble(&self, kind: TroubleKind, reason: &str, now_ms: i64) {
        self.condition.set(kind, reason, now_ms);
        self.recount();
    }

    /// Ends trouble of these kinds, and says whether there was any.
    pub(crate) fn clear_trouble(&self, kinds: &[TroubleKind]) -> bool {
        let has_ended = self.condition.clear(kinds);
        if has_ended {
            self.recount();
        }
        has_ended
    }

    /// Whether damage is proven: the next synchronisation begins with nothing and replaces what is here.
    pub(crate) fn must_be_made_anew(&self) -> bool {
        self.trouble().is_some_and(|trouble| trouble.kind == TroubleKind::Damaged)
    }
}

/// The id by which the Git engine stores a repository.
pub(super) fn disk_id(local_id: LocalRepositoryId) -> u64 {
    u64::try_from(local_id.0).expect("the database counts ids up from one")
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
            identity: Some(format!("identity of {slug}")),
            held: None,
            held_at: None,
        }
    }

    #[test]
    fn the_last_comparison_counts_also_when_the_clock_was_set_back_before_it() {
        let entry = Entry::new(MirroredRepository { last_sync_at: Some(900), ..record(1, "engine") });
        assert_eq!((entry.compared(), entry.compared_at()), (None, Some(900)));
        let first = Instant::now();
        let second = first + std::time::Duration::from_secs(1);
        for (at, at_ms) in [(first, 1_000), (second, 400), (first, 1_000)] {
            entry.note_compared(at, at_ms);
        }
        assert_eq!((entry.compared(), entry.compared_at()), (Some(second), Some(400)));
    }

    #[test]
    fn hashes_of_recent_generations_are_remembered() {
        let entry = Entry::new(record(1, "engine"));
        let hash = ContentHash::parse("c".repeat(64)).expect("64 hex digits");
        entry.remember_hash(Generation(5), hash.clone());
        entry.remember_hash(Generation(7), hash.clone());
        assert_eq!(entry.generation_of(&hash), Some(Generation(7)));
        for generation in 8..100 {
            entry.remember_hash(Generation(generation), ContentHash::of_nothing());
        }
        assert_eq!(entry.generation_of(&hash), None);
    }
}
