//! What is kept of readers on the disk, so that a mirror that restarts while the origin is away knows them.
//!
//! A reader is written down soon after the origin has shown a repository, in the background. One who may no longer read is gone
//! from the disk before they are told so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_git::ContentHash;
use heliostat_storage::{OriginReader, OriginRepositoryId, OriginStore, StoreError};
use tokio_util::sync::CancellationToken;

use super::ask_origin::{ReaderDigest, ReaderKey, Verdicts, digest_of};
use super::reader::{Grant, Reader};

/// Pause between two looks for what is new.
const KEEPING_PAUSE: Duration = Duration::from_secs(2);

/// What is on the disk may be older by so much, as long as it says the same.
const WRITTEN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// How often those are forgotten to whom nothing was shown for long, or of whom there are too many.
const FORGETTING_PAUSE: Duration = Duration::from_mins(10);

/// Most readers that are kept of one repository. An origin that shows it to everybody shows it to any credentials at all: then
/// those stay who came first, and are forgotten when they come no more.
const MAX_KEPT_OF_REPOSITORY: usize = 5_000;

/// That there is something on the disk of a reader, or may be.
#[derive(Debug, Clone)]
pub(super) struct OnDisk {
    repository: OriginRepositoryId,
    /// From when it is, in epoch milliseconds, as there.
    at_ms: i64,
    /// The origin has refused the reader since, and it is not removed yet.
    is_refused: bool,
}

impl OnDisk {
    fn new(repository: OriginRepositoryId, at_ms: i64) -> Self {
        Self { repository, at_ms, is_refused: false }
    }
}

/// What an earlier process has kept of readers, and how many are kept at most.
pub(crate) struct KeptReaders {
    readers: Vec<OriginReader>,
    pub(super) max: u64,
}

impl KeptReaders {
    /// Reads those to whom something was shown since a moment. The others go: a reader on the disk of whom nothing is known in
    /// memory would stay there when the origin refuses them.
    pub(crate) async fn read(
        store: &OriginStore,
        since: i64,
        now: i64,
        max: u64,
    ) -> Result<Self, StoreError> {
        store.forget_origin_readers_outside(since, now).await?;
        store.keep_newest_origin_readers(max).await?;
        Ok(Self { readers: store.origin_readers_since(since, max).await?, max })
    }
}

impl Verdicts {
    /// Takes in what an earlier process has kept.
    pub(super) fn take_in(&self, kept: &KeptReaders) {
        let paths: HashMap<_, _> =
            self.repositories.all().into_iter().map(|entry| (entry.id, entry.path.clone())).collect();
        let (mut grants, mut on_disk) = (self.kept.lock(), self.on_disk.lock());
        for kept in &kept.readers {
            let Some(path) = paths.get(&kept.repository_id) else { continue };
            let mut fingerprint = [0; 32];
            if hex::decode_to_slice(&kept.fingerprint, &mut fingerprint).is_err() {
                continue;
            }
            let Some(grant) = self.grant_of(kept) else { continue };
            let key = (path.clone(), fingerprint);
            on_disk.insert(digest_of(&key), OnDisk::new(kept.repository_id, grant.at_ms));
            grants.insert(key, grant);
        }
    }

    /// What was kept as it holds now. Where the clock was set back, nobody knows how old it is.
    fn grant_of(&self, kept: &OriginReader) -> Option<Grant> {
        let branches = ContentHash::parse(kept.content_hash.as_str()).ok()?;
        let age = u64::try_from(self.clock().now_ms().saturating_sub(kept.granted_at)).ok()?;
        let at = Instant::now().checked_sub(Duration::from_millis(age))?;
        Some(Grant { listed: None, branches, at, at_ms: kept.granted_at })
    }

    /// Reads from the disk what a reader was shown of whom memory knows nothing any more. The caller holds the reader's turn.
    pub(super) async fn remember(&self, key: &ReaderKey, reader: &Arc<Reader>) {
        let is_there = self.on_disk.lock().get(&digest_of(key)).is_some_and(|found| !found.is_refused);
        if !is_there || reader.grant().is_some() {
            return;
        }
        let (path, fingerprint) = key;
        let Some(entry) = self.repositories.find(path) else { return };
        match self.store.origin_reader(entry.id, &hex::encode(fingerprint)).await {
            Ok(found) => {
                if let Some(grant) = found.and_then(|kept| self.grant_of(&kept)) {
                    reader.note_kept(grant);
                    self.readers.note_shown(key, reader);
                }
            }
            Err(error) => tracing::warn!(
                repository.path = path.as_str(),
                error = &error as &dyn std::error::Error,
                "cannot read from the disk whether a reader was shown a repository"
            ),
        }
    }

    /// Removes what is on the disk of a reader who may no longer read, also where they do not wait to be told so.
    pub(super) async fn forget_on_disk(&self, key: &ReaderKey) {
        let digest = digest_of(key);
        if !note_refused(&mut self.on_disk.lock(), &digest) {
            return;
        }
        let (on_disk, writing) = (Arc::clone(&self.on_disk), Arc::clone(&self.writing));
        let (store, repositories) = (self.store.clone(), Arc::clone(&self.repositories));
        let (path, fingerprint) = key.clone();
        let forgetting = async move {
            let _writing = writing.lock().await;
            let forgotten = match repositories.find(&path) {
                Some(entry) => store.forget_origin_reader(entry.id, &hex::encode(fingerprint)).await,
                // What belonged to the repository went with it.
                None => Ok(()),
            };
            match forgotten {
                Ok(()) => {
                    on_disk.lock().remove(&digest);
                }
                // Tried again when they ask again.
                Err(error) => {
                    tracing::error!(
                        repository.path = path.as_str(),
                        error = &error as &dyn std::error::Error,
                        "cannot remove from the disk that a reader was shown a repository"
                    );
                    note_refused(&mut on_disk.lock(), &digest);
                }
            }
        };
        self.repositories.tasks.to_the_end(forgetting).await;
    }

    async fn keep(&self) {
        let _writing = self.writing.lock().await;
        let changed = std::mem::take(&mut *self.changed.lock());
        if changed.is_empty() {
            return;
        }
        let (mut rows, mut readers) = (Vec::new(), Vec::new());
        let mut counts = self.count_on_disk();
        for ((path, fingerprint), reader) in changed {
            // It is recorded when it is served for the first time, and then there is something new as well.
            let Some(entry) = self.repositories.find(&path) else { continue };
            let Some(grant) = reader.to_write(WRITTEN_AGAIN_AFTER) else { continue };
            let key = (path, fingerprint);
            if !self.note_on_disk(&key, entry.id, grant.at_ms, counts.entry(entry.id).or_default()) {
                continue;
            }
            // The origin may have said no meanwhile, to one who found nothing to be removed.
            if reader.grant().is_none() {
                continue;
            }
            rows.push(OriginReader {
                repository_id: entry.id,
                fingerprint: hex::encode(fingerprint),
                content_hash: grant.branches.as_str().to_owned(),
                granted_at: grant.at_ms,
            });
            readers.push((key, reader));
        }
        if let Err(error) = self.store.keep_origin_readers(&rows).await {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "cannot keep which readers were shown which repositories"
            );
            for (key, reader) in readers {
                reader.not_written();
                self.changed.lock().insert(key, reader);
            }
        }
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
    fn note_on_disk(
        &self,
        key: &ReaderKey,
        repository: OriginRepositoryId,
        at_ms: i64,
        count: &mut usize,
    ) -> bool {
        let digest = digest_of(key);
        let mut on_disk = self.on_disk.lock();
        if !on_disk.contains_key(&digest) {
            if *count >= MAX_KEPT_OF_REPOSITORY {
                return false;
            }
            *count += 1;
        }
        on_disk.insert(digest, OnDisk::new(repository, at_ms));
        true
    }

    async fn forget_old(&self) {
        self.kept.lock().retain(|_, grant| grant.at.elapsed() <= self.lifetimes().stale);
        let _writing = self.writing.lock().await;
        if let Err(error) = self.forget_old_on_disk().await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget readers of long ago");
        }
    }

    /// From the disk first: of each reader that is there, something is known here.
    async fn forget_old_on_disk(&self) -> Result<(), StoreError> {
        let now = self.clock().now_ms();
        let since = self.lifetimes().stale_since(now);
        self.store.forget_origin_readers_outside(since, now).await?;
        self.on_disk.lock().retain(|_, found| (since..=now).contains(&found.at_ms));
        if let Some(newest_gone) = self.store.keep_newest_origin_readers(self.max_kept).await? {
            self.kept.lock().retain(|_, grant| grant.at_ms > newest_gone);
            self.on_disk.lock().retain(|_, found| found.at_ms > newest_gone);
        }
        Ok(())
    }
}

/// Notes that the origin has refused a reader, and says whether there is something on the disk of them.
fn note_refused(on_disk: &mut HashMap<ReaderDigest, OnDisk>, digest: &ReaderDigest) -> bool {
    let Some(found) = on_disk.get_mut(digest) else { return false };
    found.is_refused = true;
    true
}

/// Writes down what is new until the token ends, and once more then.
pub(crate) async fn keep_readers(verdicts: Arc<Verdicts>, stop: CancellationToken) {
    if verdicts.lifetimes().stale.is_zero() {
        verdicts.forget_old().await;
        return;
    }
    let mut forgotten_at: Option<Instant> = None;
    loop {
        let goes_on = stop.run_until_cancelled(tokio::time::sleep(KEEPING_PAUSE)).await.is_some();
        verdicts.keep().await;
        if !goes_on {
            return;
        }
        if forgotten_at.is_none_or(|at| at.elapsed() >= FORGETTING_PAUSE) {
            verdicts.forget_old().await;
            forgotten_at = Some(Instant::now());
        }
    }
}
