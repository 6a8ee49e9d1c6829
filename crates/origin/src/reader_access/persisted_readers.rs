//! What is kept of readers on the disk, so that a mirror that restarts while the origin is away knows what it has said to whom.
//!
//! A reader is written down soon after the origin has shown a repository, in the background, with the list that they were shown.
//! One who may no longer read is gone from the disk before they are told so, and there it is noted that they were refused. Whom
//! the origin refuses to whom it had shown nothing is noted in the background as well.

use std::cmp::Reverse;
use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_git::ContentHash;
use heliostat_storage::{OriginReader, OriginRefusal, OriginRepositoryId, OriginStore, StoreError};
use tokio_util::sync::CancellationToken;

use super::ask_origin::{ReaderAccess, ReaderDigest, ReaderKey, digest_of};
use super::kept_lists::{Kept, KeptLists, Pace, Room, list_name};
use super::listings::{ListName, Shown};
use super::reader::{Grant, Reader};
use super::waiting_news::{News, WaitingNews};

/// Pause between two looks for what is new.
const KEEPING_PAUSE: Duration = Duration::from_secs(2);

/// What is on the disk may be older by so much, as long as it says the same.
const WRITTEN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// How soon after the origin has shown a repository it is recorded here, if at all.
const RECORDED_WITHIN: Duration = Duration::from_mins(1);

/// How often those are forgotten to whom nothing was shown for long, or of whom there are too many.
const FORGETTING_PAUSE: Duration = Duration::from_mins(10);

/// Most readers that are kept of one repository. An origin that shows it to everybody shows it to any credentials at all: then
/// those stay who came first, and are forgotten when they come no more.
const MAX_KEPT_OF_REPOSITORY: usize = 5_000;

/// Most readers of whom is kept that they were refused; the last ones stay.
const MAX_KEPT_REFUSALS: u64 = 65_536;

/// Most refusals that wait to be kept, and most that are written between two pauses: a client that tries passwords must
/// not write to the disk as fast as it tries.
const MAX_WAITING_REFUSALS: usize = 16_384;
const REFUSALS_PER_ROUND: usize = 500;

/// That there is something on the disk of a reader, or may be.
#[derive(Debug, Clone)]
pub(super) struct OnDisk {
    repository: OriginRepositoryId,
    /// The list that they were shown, if it is kept.
    listed: Option<ListName>,
    /// From when it is, in epoch milliseconds, as there.
    at_ms: i64,
    /// The origin has refused the reader since, and it is not removed yet.
    is_refused: bool,
}

/// What an earlier process has kept of readers, and how many are kept at most.
pub(crate) struct PersistedReaders {
    pub(super) on_disk: HashMap<ReaderDigest, OnDisk>,
    pub(super) lists: KeptLists,
    pub(super) max: u64,
}

impl PersistedReaders {
    /// Looks of whom there is something to whom something was shown since a moment. The others go: a reader on the disk of whom
    /// nothing is known in memory would stay there when the origin refuses them.
    pub(crate) async fn read(
        store: &OriginStore,
        lists: KeptLists,
        since: i64,
        now: i64,
        max: u64,
    ) -> Result<Self, StoreError> {
        store.forget_origin_readers_outside(since, now).await?;
        store.keep_newest_origin_readers(max).await?;
        let readers = store.origin_readers_since(since, max).await?;
        let on_disk = readers.into_iter().filter_map(|kept| {
            let mut digest = ReaderDigest::default();
            hex::decode_to_slice(&kept.reader, &mut digest).ok()?;
            let listed = kept.listing.as_deref().and_then(list_name);
            let OriginReader { repository_id: repository, granted_at: at_ms, .. } = kept;
            Some((digest, OnDisk { repository, listed, at_ms, is_refused: false }))
        });
        Ok(Self { on_disk: on_disk.collect(), lists, max })
    }
}

impl ReaderAccess {
    /// What was kept as it holds now. Where the clock was set back, its age is not known.
    fn grant_of(&self, kept: &OriginReader) -> Option<Grant> {
        let branches = ContentHash::parse(kept.content_hash.as_str()).ok()?;
        let age = u64::try_from(self.clock().now_ms().saturating_sub(kept.granted_at)).ok()?;
        let at = Instant::now().checked_sub(Duration::from_millis(age))?;
        let listed = kept.listing.as_deref().and_then(list_name);
        Some(Grant { listed, branches, at, at_ms: kept.granted_at })
    }

    /// Reads from the disk what the origin has said to a reader of whom memory knows nothing, or no more. The caller holds the
    /// reader's turn.
    pub(super) async fn remember(&self, key: &ReaderKey, reader: &Arc<Reader>) -> Result<(), StoreError> {
        if reader.grant().is_some() || reader.is_refused() {
            return Ok(());
        }
        let remembered = self.read_from_disk(key, reader).await;
        if let Err(error) = &remembered {
            tracing::warn!(
                repository.path = key.0.as_str(),
                error = error as &dyn std::error::Error,
                "cannot read from the disk whether a reader was shown a repository"
            );
        }
        remembered
    }

    async fn read_from_disk(&self, key: &ReaderKey, reader: &Arc<Reader>) -> Result<(), StoreError> {
        let digest = digest_of(key);
        let name = hex::encode(digest);
        let (is_there, mut is_refused) = {
            let on_disk = self.on_disk.lock();
            let found = on_disk.get(&digest);
            (found.is_some(), found.is_some_and(|found| found.is_refused))
        };
        is_refused |= self.refused.lock().contains_key(&digest);
        if is_there && !is_refused {
            let found = self.store.origin_reader(&name).await?;
            if let Some(grant) = found.and_then(|kept| self.grant_of(&kept)) {
                reader.note_kept(grant);
                self.readers.note_shown(key, reader);
                return Ok(());
            }
        }
        // That there may be something does not say that there is.
        if is_refused || self.store.is_refused_by_origin(&name).await? {
            reader.note_kept_refusal();
        }
        Ok(())
    }

    /// The origin has shown this to a reader, which is to be kept.
    pub(super) fn keep_grant(
        &self,
        key: &ReaderKey,
        reader: &Arc<Reader>,
        name: ListName,
        shown: &Arc<Shown>,
    ) {
        if self.lifetimes().stale.is_zero() {
            return;
        }
        self.refused.lock().remove(&digest_of(key));
        let moved_to = shown.listing.moved_to().cloned();
        let news = News { reader: Arc::clone(reader), name, moved_to };
        self.changed.lock().add(key.clone(), news, Some(shown));
    }

    /// The origin has refused a reader. What is on the disk of them is removed before this ends, also where they do not wait to be
    /// told so. If there is nothing, it is noted in the background that they were refused, where that is news.
    pub(super) async fn keep_refusal(&self, key: &ReaderKey, is_news: bool) {
        let (digest, refused_at) = (digest_of(key), self.clock().now_ms());
        self.changed.lock().forget(key);
        if !note_refused(&mut self.on_disk.lock(), &digest) {
            let mut refused = self.refused.lock();
            let has_room = refused.len() < MAX_WAITING_REFUSALS && !self.lifetimes().stale.is_zero();
            if is_news && has_room {
                refused.insert(digest, refused_at);
            }
            return;
        }
        let (on_disk, writing) = (Arc::clone(&self.on_disk), Arc::clone(&self.writing));
        let (store, refused, path) = (self.store.clone(), Arc::clone(&self.refused), key.0.clone());
        let refusing = async move {
            let _writing = writing.lock().await;
            let refusal = OriginRefusal { reader: hex::encode(digest), refused_at };
            match store.refuse_origin_reader(&refusal).await {
                Ok(()) => {
                    on_disk.lock().remove(&digest);
                }
                // Tried again with the next that is written.
                Err(error) => {
                    tracing::error!(
                        repository.path = path.as_str(),
                        error = &error as &dyn std::error::Error,
                        "cannot remove from the disk that a reader was shown a repository"
                    );
                    note_refused(&mut on_disk.lock(), &digest);
                    refused.lock().insert(digest, refused_at);
                }
            }
        };
        self.repositories.tasks.to_the_end(refusing).await;
    }

    async fn keep(&self, pace: Pace) {
        let _writing = self.writing.lock().await;
        // In this order: of those to whom something is shown it is forgotten that they were refused.
        self.keep_refusals(pace).await;
        self.keep_grants(pace).await;
    }

    async fn keep_refusals(&self, pace: Pace) {
        let waiting: Vec<(ReaderDigest, i64)> = {
            let refused = self.refused.lock();
            let count = match pace {
                Pace::InTurn => REFUSALS_PER_ROUND,
                Pace::Last => refused.len(),
            };
            refused.iter().take(count).map(|(digest, refused_at)| (*digest, *refused_at)).collect()
        };
        let rows = waiting.iter();
        let rows = rows.map(|(digest, at)| OriginRefusal { reader: hex::encode(digest), refused_at: *at });
        let rows: Vec<_> = rows.collect();
        if let Err(error) = self.store.keep_origin_refusals(&rows).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot keep which readers were refused"
            );
            return;
        }
        let (mut refused, mut on_disk) = (self.refused.lock(), self.on_disk.lock());
        for (digest, _) in &waiting {
            refused.remove(digest);
            on_disk.remove(digest);
        }
    }

    async fn keep_grants(&self, pace: Pace) {
        self.lists.begin_round();
        let WaitingNews { readers, lists, .. } = std::mem::take(&mut *self.changed.lock());
        if readers.is_empty() {
            return;
        }
        let (mut rows, mut written) = (Vec::new(), Vec::new());
        let mut counts = self.count_on_disk();
        for (key, news) in readers {
            let shown = lists.get(&news.name);
            let place = self.repositories.place_of(&key.0, news.moved_to.as_ref());
            let Some(entry) = self.repositories.find(&place) else {
                // It is recorded when it is served for the first time, which may be at this moment.
                if news.reader.grant().is_some_and(|grant| grant.at.elapsed() < RECORDED_WITHIN) {
                    self.keep_later(key, news, shown);
                }
                continue;
            };
            let Some(grant) = news.reader.to_write(WRITTEN_AGAIN_AFTER) else { continue };
            if grant.listed.as_ref() != Some(&news.name) {
                // Something else was shown at this moment, which comes next.
                news.reader.not_written();
                continue;
            }
            let listed = match self.keep_list(news.name, shown, pace).await {
                Kept::Here => Some(news.name),
                Kept::Not => None,
                Kept::Later => {
                    self.keep_later(key, news, shown);
                    continue;
                }
            };
            let digest = digest_of(&key);
            let on_disk = OnDisk { repository: entry.id, listed, at_ms: grant.at_ms, is_refused: false };
            if !self.note_on_disk(digest, on_disk, counts.entry(entry.id).or_default()) {
                continue;
            }
            // The origin may have said no meanwhile, to one who found nothing to be removed, or whom memory had forgotten.
            if news.reader.grant().is_none() || self.refused.lock().contains_key(&digest) {
                continue;
            }
            rows.push(OriginReader {
                reader: hex::encode(digest),
                repository_id: entry.id,
                content_hash: grant.branches.as_str().to_owned(),
                listing: listed.map(hex::encode),
                granted_at: grant.at_ms,
            });
            written.push((key, news));
        }
        if let Err(error) = self.store.keep_origin_readers(&rows).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot keep which readers were shown which repositories"
            );
            // The lists are on the disk, if they are kept at all.
            for (key, news) in written {
                self.keep_later(key, news, None);
            }
        }
        if self.lists.are_full() {
            self.forget_lists(Room::ForOthers).await;
        }
    }

    /// Keeps the list that a reader was shown, unless what is left on the disk is for the database.
    async fn keep_list(&self, name: ListName, shown: Option<&Arc<Shown>>, pace: Pace) -> Kept {
        let shown = shown.filter(|_| self.repositories.has_room());
        self.lists.keep(name, shown, pace).await
    }

    /// What was to be written was not. If there is something newer by now, that stays.
    fn keep_later(&self, key: ReaderKey, news: News, shown: Option<&Arc<Shown>>) {
        news.reader.not_written();
        self.changed.lock().add_older(key, news, shown);
    }

    /// How many readers of which repository there are on the disk.
    fn count_on_disk(&self) -> HashMap<OriginRepositoryId, usize> {
        let mut counts: HashMap<OriginRepositoryId, usize> = HashMap::new();
        for found in self.on_disk.lock().values() {
            *counts.entry(found.repository).or_default() += 1;
        }
        counts
    }

    /// Notes that a reader is about to be written to the disk, with so many others of the repository; `false` if there is no room
    /// for them.
    fn note_on_disk(&self, digest: ReaderDigest, noted: OnDisk, count: &mut usize) -> bool {
        let mut on_disk = self.on_disk.lock();
        if !on_disk.contains_key(&digest) {
            if *count >= MAX_KEPT_OF_REPOSITORY {
                return false;
            }
            *count += 1;
        }
        on_disk.insert(digest, noted);
        true
    }

    async fn forget_old(&self) {
        let _writing = self.writing.lock().await;
        if let Err(error) = self.forget_old_on_disk().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget readers of long ago");
        }
        self.forget_lists(Room::Whole).await;
    }

    /// From the disk first: of each reader that is there, something is known here.
    async fn forget_old_on_disk(&self) -> Result<(), StoreError> {
        let now = self.clock().now_ms();
        let since = self.lifetimes().stale_since(now);
        self.store.forget_origin_readers_outside(since, now).await?;
        self.on_disk.lock().retain(|_, found| (since..=now).contains(&found.at_ms));
        if let Some(newest_gone) = self.store.keep_newest_origin_readers(self.max_kept).await? {
            self.on_disk.lock().retain(|_, found| found.at_ms > newest_gone);
        }
        let max_refusals = if self.lifetimes().stale.is_zero() { 0 } else { MAX_KEPT_REFUSALS };
        self.store.keep_newest_origin_refusals(max_refusals).await
    }

    /// Removes the lists that no reader was shown last, and those that readers of long ago were shown if there is no room. The
    /// caller keeps others from writing.
    async fn forget_lists(&self, room: Room) {
        let mut shown_at: HashMap<ListName, i64> = HashMap::new();
        for found in self.on_disk.lock().values() {
            if let Some(name) = found.listed {
                let at_ms = shown_at.entry(name).or_insert(found.at_ms);
                *at_ms = found.at_ms.max(*at_ms);
            }
        }
        let mut wanted: Vec<_> = shown_at.into_iter().collect();
        wanted.sort_unstable_by_key(|(_, at_ms)| Reverse(*at_ms));
        let wanted: Vec<_> = wanted.into_iter().map(|(name, _)| name).collect();
        self.lists.keep_only(&wanted, room).await;
    }
}

/// Notes that the origin has refused a reader, and says whether there is something on the disk of them.
fn note_refused(on_disk: &mut HashMap<ReaderDigest, OnDisk>, digest: &ReaderDigest) -> bool {
    let Some(found) = on_disk.get_mut(digest) else { return false };
    found.is_refused = true;
    true
}

/// Writes down what is new until the token ends, and once more then.
pub(crate) async fn keep_readers(reader_access: Arc<ReaderAccess>, stop: CancellationToken) {
    if reader_access.lifetimes().stale.is_zero() {
        reader_access.forget_old().await;
        return;
    }
    let mut forgotten_at: Option<Instant> = None;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(KEEPING_PAUSE)).await.is_some();
        let pace = if goes_on { Pace::InTurn } else { Pace::Last };
        reader_access.keep(pace).await;
        if !goes_on {
            return;
        }
        if forgotten_at.is_none_or(|at| at.elapsed() >= FORGETTING_PAUSE) {
            reader_access.forget_old().await;
            forgotten_at = Some(Instant::now());
        }
    }
}
