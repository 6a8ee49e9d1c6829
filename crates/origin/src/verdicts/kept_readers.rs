//! What is kept of readers on the disk, so that a mirror that restarts while the origin is away knows them.
//!
//! A reader is written down soon after the origin has shown a repository, in the background. One who may no longer read is gone
//! from the disk before they are told so.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use heliostat_git::ContentHash;
use heliostat_storage::OriginReader;
use tokio_util::sync::CancellationToken;

use super::ask_origin::{ReaderKey, Verdicts, digest_of};
use super::reader::Grant;

/// Pause between two looks for what is new.
const KEEPING_PAUSE: Duration = Duration::from_secs(2);

/// What is on the disk may be older by so much, as long as it says the same.
const WRITTEN_AGAIN_AFTER: Duration = Duration::from_mins(1);

/// Most readers that are read at start; those go first to whom something was shown last.
pub(crate) const MAX_KEPT_READERS: u64 = 200_000;

/// How often those are forgotten to whom nothing was shown for long.
const FORGETTING_PAUSE: Duration = Duration::from_mins(10);

impl Verdicts {
    pub(super) fn read_kept(&self, kept: &[OriginReader]) -> HashMap<ReaderKey, Grant> {
        let paths: HashMap<_, _> =
            self.repositories.all().into_iter().map(|entry| (entry.id, entry.path.clone())).collect();
        let (now, now_ms) = (Instant::now(), self.clock().now_ms());
        let read = |kept: &OriginReader| {
            let path = paths.get(&kept.repository_id)?.clone();
            let mut fingerprint = [0; 32];
            hex::decode_to_slice(&kept.fingerprint, &mut fingerprint).ok()?;
            let branches = ContentHash::parse(kept.content_hash.as_str()).ok()?;
            let age = u64::try_from(now_ms.saturating_sub(kept.granted_at)).unwrap_or_default();
            let at = now.checked_sub(Duration::from_millis(age))?;
            Some(((path, fingerprint), Grant { listed: None, branches, at, at_ms: kept.granted_at }))
        };
        kept.iter().filter_map(read).collect()
    }

    /// Removes what is on the disk of a reader who may no longer read.
    pub(super) async fn forget_on_disk(&self, key: &ReaderKey) {
        let digest = digest_of(key);
        if !self.on_disk.lock().contains_key(&digest) {
            return;
        }
        let (path, fingerprint) = key;
        let _writing = self.writing.lock().await;
        let forgotten = match self.repositories.find(path) {
            Some(entry) => self.store.forget_origin_reader(entry.id, &hex::encode(fingerprint)).await,
            // What belonged to the repository went with it.
            None => Ok(()),
        };
        match forgotten {
            Ok(()) => {
                self.on_disk.lock().remove(&digest);
            }
            // Tried again when they ask again.
            Err(error) => tracing::error!(
                repository.path = path.as_str(),
                error = &error as &dyn std::error::Error,
                "cannot remove from the disk that a reader was shown a repository"
            ),
        }
    }

    async fn keep(&self) {
        let _writing = self.writing.lock().await;
        let changed = std::mem::take(&mut *self.changed.lock());
        let (mut rows, mut readers) = (Vec::new(), Vec::new());
        for ((path, fingerprint), reader) in changed {
            // It is recorded when it is served for the first time, and then there is something new as well.
            let Some(entry) = self.repositories.find(&path) else { continue };
            let Some(grant) = reader.to_write(WRITTEN_AGAIN_AFTER) else { continue };
            let key = (path, fingerprint);
            self.on_disk.lock().insert(digest_of(&key), grant.at);
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

    async fn forget_old(&self) {
        let before = self.lifetimes().stale_since(self.clock().now_ms());
        let is_new = |at: &Instant| at.elapsed() <= self.lifetimes().stale;
        self.kept.lock().retain(|_, grant| is_new(&grant.at));
        self.on_disk.lock().retain(|_, at| is_new(at));
        let _writing = self.writing.lock().await;
        if let Err(error) = self.store.forget_origin_readers_before(before).await {
            tracing::warn!(error = &error as &dyn std::error::Error, "cannot forget readers of long ago");
        }
    }
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
