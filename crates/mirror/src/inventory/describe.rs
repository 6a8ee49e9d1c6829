//! How the upstream describes a repository: its name, place, visibility and default branch, and its project.
//!
//! A description has no number by which an older one could be told from a newer one. So what an event tells, which may be
//! late, only says that there is something to be asked; and an answer counts if it was asked for after the one that counts
//! so far had come.

use std::sync::Arc;

use heliostat_storage::{MirroredRepository, RepositoryMetadata, StoreError};
use tokio::time::Instant;

use super::entry::{Entry, PurgeOrder};
use super::mirrored::Inventory;
use super::record::SyncNeed;
use crate::upstream_link::{UpstreamProject, UpstreamRepository};

impl Inventory {
    /// Takes over what the upstream has answered to a question of this moment, unless another answer has come since.
    pub(crate) async fn describe(
        &self,
        entry: &Arc<Entry>,
        answer: &UpstreamRepository,
        asked: Instant,
    ) -> Result<SyncNeed, StoreError> {
        if !self.is_meant(entry, answer.identity()).await? {
            return Ok(SyncNeed::Nothing);
        }
        self.note_purge_order(entry, answer);
        self.write_metadata(entry, |before| self.metadata_after(before, answer), asked).await
    }

    /// The same of the name, key and visibility of its project.
    pub(crate) async fn describe_project(
        &self,
        entry: &Arc<Entry>,
        answer: &UpstreamProject,
        asked: Instant,
    ) -> Result<SyncNeed, StoreError> {
        let change = |before: &MirroredRepository| {
            let known = metadata_in(before);
            if !is_in(before, answer) {
                return known;
            }
            let UpstreamProject { key, name, public, .. } = answer.clone();
            RepositoryMetadata { project_key: key, project_name: name, project_public: public, ..known }
        };
        self.write_metadata(entry, change, asked).await
    }

    /// Takes access from readers to whom this does not give it. It gives access to no reader. An answer counts after
    /// that only if it was asked for after it.
    pub(crate) async fn close(
        &self,
        entry: &Arc<Entry>,
        public: bool,
        project_public: bool,
    ) -> Result<(), StoreError> {
        if public && project_public {
            return Ok(());
        }
        let change = |before: &MirroredRepository| RepositoryMetadata {
            public: before.public && public,
            project_public: before.project_public && project_public,
            ..metadata_in(before)
        };
        self.write_metadata(entry, change, Instant::now()).await.map(drop)
    }

    /// Whether this describes a repository otherwise than it is known and shown.
    pub(crate) fn is_described_otherwise(&self, entry: &Entry, told: &UpstreamRepository) -> bool {
        let here = entry.record();
        differs(&metadata_in(&here), self.metadata_after(&here, told))
    }

    /// Takes over the hash of a description that is not otherwise. If it is late, the next comparison finds that.
    pub(crate) async fn note_metadata_hash(
        &self,
        entry: &Arc<Entry>,
        told: &UpstreamRepository,
    ) -> Result<(), StoreError> {
        if entry.record().metadata_hash == told.metadata_hash {
            return Ok(());
        }
        let change = |before: &MirroredRepository| RepositoryMetadata {
            metadata_hash: told.metadata_hash.clone(),
            ..metadata_in(before)
        };
        self.write_metadata(entry, change, Instant::now()).await.map(drop)
    }

    /// All repositories that are known to be in a project. Those that are held may be in another one with its id.
    pub(crate) fn in_project(&self, project: &UpstreamProject) -> Vec<Arc<Entry>> {
        self.all().into_iter().filter(|entry| is_in(&entry.record(), project)).collect()
    }

    /// Takes in whether it was ordered to remove what no ref leads to.
    pub(crate) fn note_purge_order(&self, entry: &Entry, repository: &UpstreamRepository) {
        let order = PurgeOrder { number: repository.purge, generation: repository.generation };
        if entry.note_purge_order(order) {
            self.purge_ordered.notify_one();
        }
    }

    async fn write_metadata(
        &self,
        entry: &Arc<Entry>,
        change: impl FnOnce(&MirroredRepository) -> RepositoryMetadata,
        asked: Instant,
    ) -> Result<SyncNeed, StoreError> {
        let _writing = entry.writing.lock().await;
        let before = entry.record();
        if before.removed_at.is_some() {
            return Ok(SyncNeed::Nothing);
        }
        let (known, metadata) = (metadata_in(&before), change(&before));
        if entry.was_described_since(asked) {
            let says_otherwise = differs(&known, metadata);
            return Ok(if says_otherwise { SyncNeed::Comparison } else { SyncNeed::Nothing });
        }
        if known == metadata {
            entry.note_described();
            return Ok(SyncNeed::Nothing);
        }
        let after = self.store.upsert_repository(metadata).await?;
        let head_differs = after.default_branch != before.default_branch;
        entry.show(after);
        entry.note_described();
        self.index.moved(entry, &before);
        Ok(if head_differs { SyncNeed::Check } else { SyncNeed::Nothing })
    }

    /// What is known of it when this was taken over. Not every upstream tells everything.
    fn metadata_after(&self, before: &MirroredRepository, told: &UpstreamRepository) -> RepositoryMetadata {
        let mut metadata = self.metadata_of(told);
        if metadata.default_branch.is_none() {
            metadata.default_branch.clone_from(&before.default_branch);
        }
        if metadata.identity.is_none() {
            metadata.identity.clone_from(&before.identity);
        }
        metadata
    }

    pub(super) fn metadata_of(&self, repository: &UpstreamRepository) -> RepositoryMetadata {
        RepositoryMetadata {
            upstream_server_id: self.link.id().clone(),
            external_id: repository.external_id.clone(),
            project_id: repository.project.id.clone(),
            project_key: repository.project.key.clone(),
            project_name: repository.project.name.clone(),
            project_public: repository.project.public,
            slug: repository.slug.clone(),
            name: repository.name.clone(),
            public: repository.public,
            default_branch: repository.default_branch.as_ref().map(ToString::to_string),
            metadata_hash: repository.metadata_hash.clone(),
            identity: repository.identity.as_ref().map(ToString::to_string),
        }
    }
}

/// Whether it is known to be in this project.
fn is_in(record: &MirroredRepository, project: &UpstreamProject) -> bool {
    record.held.is_none() && record.project_id == project.id
}

/// Whether it is in this project and knows it as it is described here.
pub(crate) fn knows_project(record: &MirroredRepository, project: &UpstreamProject) -> bool {
    let known = (record.project_key.as_str(), record.project_name.as_str(), record.project_public);
    is_in(record, project) && known == (project.key.as_str(), project.name.as_str(), project.public)
}

/// Whether more differs than the hash. It covers what is not mirrored, too, and a server may make it one way for its events
/// and another way for its answers.
fn differs(known: &RepositoryMetadata, told: RepositoryMetadata) -> bool {
    RepositoryMetadata { metadata_hash: known.metadata_hash.clone(), ..told } != *known
}

fn metadata_in(record: &MirroredRepository) -> RepositoryMetadata {
    RepositoryMetadata {
        upstream_server_id: record.upstream_server_id.clone(),
        external_id: record.external_id.clone(),
        project_id: record.project_id.clone(),
        project_key: record.project_key.clone(),
        project_name: record.project_name.clone(),
        project_public: record.project_public,
        slug: record.slug.clone(),
        name: record.name.clone(),
        public: record.public,
        default_branch: record.default_branch.clone(),
        metadata_hash: record.metadata_hash.clone(),
        identity: record.identity.clone(),
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git::ContentHash;

    use super::*;
    use crate::inventory::scene::{MirrorFolder, told};

    fn called(slug: &str, public: bool) -> UpstreamRepository {
        UpstreamRepository { slug: slug.to_owned(), public, ..told(1, &ContentHash::of_nothing()) }
    }

    #[tokio::test]
    async fn an_answer_that_was_asked_for_before_another_one_came_changes_nothing() {
        let folder = MirrorFolder::new().await;
        let inventory = folder.load().await;
        let at_first = Instant::now();
        let (before, after) = (called("engine", true), called("motor", false));
        let entry = inventory.adopt(&before).await.expect("recorded").expect("it is new");
        let describe = async |answer: &UpstreamRepository, asked: Instant| {
            inventory.describe(&entry, answer, asked).await.expect("recorded")
        };
        let known = || (entry.record().slug.clone(), entry.record().public);

        assert_eq!(describe(&after, at_first).await, SyncNeed::Comparison, "it was adopted since");
        assert_eq!(describe(&before, at_first).await, SyncNeed::Nothing, "it says the same");
        let asked = Instant::now();
        assert_eq!(describe(&after, Instant::now()).await, SyncNeed::Nothing);
        assert_eq!(describe(&before, asked).await, SyncNeed::Comparison);
        assert_eq!(known(), ("motor".to_owned(), false));
        assert!(inventory.index.find_by_path("APP", "engine").is_none());
        assert_eq!(describe(&before, Instant::now()).await, SyncNeed::Nothing);
        assert_eq!(known(), ("engine".to_owned(), true));

        let asked = Instant::now();
        inventory.close(&entry, false, true).await.expect("recorded");
        assert_eq!(known(), ("engine".to_owned(), false));
        assert_eq!(describe(&before, asked).await, SyncNeed::Comparison, "it was not asked since");
        inventory.close(&entry, true, true).await.expect("recorded");
        assert_eq!(known(), ("engine".to_owned(), false), "what closes opens nothing");
    }
}
