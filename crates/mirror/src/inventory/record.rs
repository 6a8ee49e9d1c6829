//! Every change of what is known about a mirrored repository: to the database first, then to the entry in
//! memory. Nothing else writes either of them.

use std::collections::HashMap;
use std::sync::Arc;

use heliostat_git::ContentHash;
use heliostat_peer::with_causes;
use heliostat_storage::{
    Generation, LocalRepositoryId, MirroredRepository, MirroredStatus, NewMirroredRepository, StoreError,
    SyncedRepository,
};
use tokio::time::Instant;

use super::entry::{Entry, disk_id, origin_of};
use super::held::standing;
use super::mirrored::Inventory;
use super::returning::Lies;
use crate::upstream_link::UpstreamRepository;

/// What is to be done after something was taken in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub(crate) enum SyncNeed {
    /// Nothing.
    Nothing,
    /// A synchronisation: something else than refs differs, HEAD for instance.
    Check,
    /// A synchronisation that compares the whole ref set.
    Snapshot,
    /// A comparison with the upstream: another answer has come since and says otherwise. Which of them is newer is found out
    /// by asking once more.
    Comparison,
}

impl Inventory {
    /// Begins to mirror a repository, unless it is mirrored already. The entry is returned if it is new and needs
    /// its first synchronisation.
    pub(crate) async fn adopt(
        &self,
        repository: &UpstreamRepository,
    ) -> Result<Option<Arc<Entry>>, StoreError> {
        let _coming_or_going = self.coming_or_going.lock().await;
        if self.index.find(&repository.external_id).is_some() {
            return Ok(None);
        }
        let record = self.new_record(repository).await?;
        self.take_back(&record, repository).await;
        let entry = self.index.enter(record);
        entry.note_described();
        self.note_purge_order(&entry, repository);
        self.note_known(&entry, repository).await?;
        Ok(Some(entry))
    }

    /// Whether a repository that is not mirrored left because the upstream had it no longer. What tells of it now may be older
    /// than that; what the upstream answers now decides.
    pub(crate) fn is_gone(&self, repository: &UpstreamRepository) -> bool {
        self.returning.is_gone(repository)
    }

    /// The same for many, which are recorded all at once. Those that were removed a moment ago, whose number is taken on disk, or
    /// that the upstream had no longer, are left for [`Inventory::adopt`].
    pub(crate) async fn adopt_all(
        &self,
        repositories: &[&UpstreamRepository],
    ) -> Result<Vec<Arc<Entry>>, StoreError> {
        let _coming_or_going = self.coming_or_going.lock().await;
        let is_new = |repository: &&&UpstreamRepository| {
            self.index.find(&repository.external_id).is_none() && !self.is_gone(repository)
        };
        let new: Vec<&UpstreamRepository> = repositories.iter().filter(is_new).copied().collect();
        if new.is_empty() {
            return Ok(Vec::new());
        }
        let rows = new.iter().map(|repository| NewMirroredRepository {
            metadata: self.metadata_of(repository),
            generation: repository.generation,
            upstream_content_hash: repository.content_hash.to_string(),
        });
        let now_ms = self.clock.now_ms();
        let records = self.store.insert_repositories(self.link.id(), rows.collect(), now_ms).await?;
        let described: HashMap<&str, &UpstreamRepository> =
            new.iter().map(|repository| (repository.external_id.as_str(), *repository)).collect();
        let mut adopted = Vec::with_capacity(records.len());
        for record in records {
            let Some(repository) = described.get(record.external_id.as_str()) else { continue };
            if self.repositories.is_taken(disk_id(record.local_id)).await {
                self.give_number_up(record.local_id).await?;
                continue;
            }
            self.take_back(&record, repository).await;
            let entry = self.index.enter(record);
            entry.note_described();
            self.note_purge_order(&entry, repository);
            entry.note_compared(Instant::now(), now_ms);
            adopted.push(entry);
        }
        Ok(adopted)
    }

    /// Puts what is still here of the repository in its place, for the synchronisation that follows to bring it up to date.
    async fn take_back(&self, record: &MirroredRepository, repository: &UpstreamRepository) {
        let Some(lies) = self.returning.take(repository) else { return };
        let disk_id = disk_id(record.local_id);
        let taken = match &lies {
            Lies::InTrash(name) => self
                .repositories
                .take_back(name, disk_id)
                .await
                .map(|_| true)
                .map_err(|error| with_causes(&error)),
            Lies::Unrecorded(number) => {
                self.repositories.renumber(*number, disk_id).await.map_err(|error| error.to_string())
            }
        };
        let (project, slug) = (&record.project_key, &record.slug);
        match taken {
            Ok(true) => tracing::info!(
                repository.project = project,
                repository.slug = slug,
                ?lies,
                "took a repository that is wanted again {}",
                lies.place()
            ),
            // Then it is fetched in full.
            Ok(false) => {}
            Err(error) => tracing::warn!(
                repository.project = project,
                repository.slug = slug,
                ?lies,
                error,
                "cannot take back a repository that is wanted again"
            ),
        }
    }

    /// Notes in the repository itself what it is, for the day on which the database is lost.
    pub(crate) async fn note_origin(&self, entry: &Entry) {
        let repository = self.repositories.repository(entry.disk_id());
        if let Err(error) = repository.notes().set_origin(origin_of(&entry.record())).await {
            tracing::warn!(repository.local_id = entry.local_id.0, %error, "cannot note what a repository is a replica of");
        }
    }

    /// A row whose number nothing on disk has: what lies there already is not to be overwritten.
    async fn new_record(&self, repository: &UpstreamRepository) -> Result<MirroredRepository, StoreError> {
        loop {
            let record = self.store.upsert_repository(self.metadata_of(repository)).await?;
            if !self.repositories.is_taken(disk_id(record.local_id)).await {
                return Ok(record);
            }
            self.give_number_up(record.local_id).await?;
        }
    }

    /// Forgets a row whose number something on disk has: its record is lost, or its removal was interrupted. The sweep sees
    /// to that.
    async fn give_number_up(&self, local_id: LocalRepositoryId) -> Result<(), StoreError> {
        tracing::warn!(
            repository.local_id = local_id.0,
            "there is a repository with this number already; taking the next number"
        );
        self.store.mark_removed(local_id, self.clock.now_ms()).await?;
        self.store.delete_repository(local_id).await
    }

    /// Takes in which generation and which refs the upstream has. Older news than what is known is ignored.
    pub(crate) async fn note_known(
        &self,
        entry: &Entry,
        repository: &UpstreamRepository,
    ) -> Result<(), StoreError> {
        let (generation, hash) = (repository.generation, &repository.content_hash);
        let _writing = entry.writing.lock().await;
        let before = entry.record();
        if before.removed_at.is_some() || generation < before.generation_known {
            return Ok(());
        }
        entry.note_compared(Instant::now(), self.clock.now_ms());
        if let Some(reason) = standing(&before, repository) {
            return self.hold_locked(entry, reason).await;
        }
        entry.remember_hash(generation, hash.clone());
        let is_known = generation == before.generation_known
            && before.upstream_content_hash.as_deref() == Some(hash.as_str());
        if is_known {
            return Ok(());
        }
        let now_ms = self.clock.now_ms();
        let (upstream_id, external_id) = (self.link.id(), &entry.external_id);
        let after =
            self.store.mark_known(upstream_id, external_id, generation, hash.as_str(), now_ms).await?;
        entry.show(
            after.ok_or_else(|| StoreError::NotFound { what: "repository", value: external_id.clone() })?,
        );
        Ok(())
    }

    /// Takes in what the upstream answered to a question that was asked when `known` was known. An older
    /// generation can only mean that the upstream has lost its newer past, to a restored backup for instance. It is followed
    /// back only to what is here.
    pub(crate) async fn note_answer(
        &self,
        entry: &Entry,
        repository: &UpstreamRepository,
        known: Generation,
    ) -> Result<SyncNeed, StoreError> {
        let (generation, hash) = (repository.generation, &repository.content_hash);
        if generation >= known {
            self.note_known(entry, repository).await?;
            return Ok(SyncNeed::Nothing);
        }
        let _writing = entry.writing.lock().await;
        entry.note_compared(Instant::now(), self.clock.now_ms());
        if let Some(reason) = standing(&entry.record(), repository) {
            self.hold_locked(entry, reason).await?;
            return Ok(SyncNeed::Nothing);
        }
        if !self.forget_proof(entry).await {
            // The next answer is as old.
            return Ok(SyncNeed::Nothing);
        }
        let now_ms = self.clock.now_ms();
        let local_id = entry.local_id;
        if self.store.reset_known(local_id, known, generation, hash.as_str(), now_ms).await?
            && let Some(after) = self.store.find_repository(local_id).await?
        {
            tracing::warn!(
                repository.project = after.project_key,
                repository.slug = after.slug,
                generation.known = known.0,
                generation.upstream = generation.0,
                "the upstream has fallen back to an older generation, of which nothing here is lost"
            );
            entry.forget_hashes();
            entry.remember_hash(generation, hash.clone());
            entry.show(after);
            return Ok(SyncNeed::Snapshot);
        }
        Ok(SyncNeed::Nothing)
    }

    /// Takes in that nothing of the repository is here any more, so that it is fetched from scratch.
    pub(crate) async fn note_lost(&self, entry: &Entry) -> Result<(), StoreError> {
        self.write(entry, async || self.store.forget_synced(entry.local_id).await).await
    }

    /// Takes in that the repository has the upstream's refs of this generation.
    pub(crate) async fn note_synced(
        &self,
        entry: &Entry,
        generation: Generation,
        content_hash: &ContentHash,
        started_at: i64,
    ) -> Result<(), StoreError> {
        let synced = SyncedRepository {
            local_id: entry.local_id,
            generation,
            content_hash: content_hash.to_string(),
            started_at,
            finished_at: self.clock.now_ms(),
        };
        self.write(entry, async || self.store.record_synced(synced).await).await
    }

    /// Takes in that an earlier process has shown the upstream's refs of this generation. Nothing was synchronised or compared
    /// now: when that was stays, and so does what has failed since.
    pub(super) async fn note_shown_before(
        &self,
        entry: &Entry,
        generation: Generation,
        content_hash: &ContentHash,
    ) -> Result<(), StoreError> {
        let shown = async || self.store.record_shown(entry.local_id, generation, content_hash.as_str()).await;
        self.write(entry, shown).await
    }

    /// Takes in that a synchronisation failed and when it will be tried again.
    pub(crate) async fn note_failed(
        &self,
        entry: &Entry,
        error: &str,
        next_attempt_at: i64,
    ) -> Result<(), StoreError> {
        self.write(entry, async || self.store.record_failed(entry.local_id, error, next_attempt_at).await)
            .await
    }

    /// Takes in that the repository is no longer served. Nothing is written about it after that.
    pub(crate) async fn note_removed(&self, entry: &Entry) -> Result<(), StoreError> {
        let now_ms = self.clock.now_ms();
        let mut after = (*entry.record()).clone();
        (after.removed_at, after.status) = (Some(now_ms), MirroredStatus::NotMirrored);
        self.write(entry, async || self.store.mark_removed(entry.local_id, now_ms).await.map(|()| after))
            .await
    }

    async fn write(
        &self,
        entry: &Entry,
        change: impl AsyncFnOnce() -> Result<MirroredRepository, StoreError>,
    ) -> Result<(), StoreError> {
        let _writing = entry.writing.lock().await;
        if entry.record().removed_at.is_some() {
            return Ok(());
        }
        entry.show(change().await?);
        Ok(())
    }
}
