//! What an earlier process has shown and had no time to record.
//!
//! The references on the disk are a state that the upstream had then, and readers may have seen it. Where the upstream is not
//! known to have anything newer, the record has its hash, and the next synchronisation finds it proven and reports it. Where
//! something newer is known, the record has the hash of that: then the proof is what was noted in the repository before the
//! state was shown. So nothing has to be asked of the upstream in either case, which may be away.
//!
//! Such a proof holds as long as the history of the upstream goes on. Where that is followed back to an older generation, the
//! numbers above it are given again, to other states.

use heliostat_git::ContentHash;
use heliostat_storage::{Generation, MirroredRepository, StoreError};

use super::entry::{Entry, disk_id, is_available};
use super::mirrored::Inventory;

impl Inventory {
    /// Records what was shown, before anyone asks for it.
    pub(super) async fn take_in_shown_before(&self) -> Result<(), StoreError> {
        for entry in self.index.all() {
            let record = entry.record();
            let Some((generation, content_hash)) = self.shown_before(&record).await else { continue };
            self.note_shown_before(&entry, generation, &content_hash).await?;
            tracing::info!(
                repository.project = record.project_key,
                repository.slug = record.slug,
                generation = generation.0,
                "recorded what was shown and proven when an earlier process ended"
            );
        }
        Ok(())
    }

    /// The state that is shown and not recorded, if that is proven.
    async fn shown_before(&self, record: &MirroredRepository) -> Option<(Generation, ContentHash)> {
        let (recorded, known) = (record.generation_synced, record.generation_known);
        if recorded >= known || record.held.is_some() || !is_available(record) {
            return None;
        }
        let repository = self.repositories.repository(disk_id(record.local_id));
        let proven = repository.notes().proven_state().await.ok().flatten()?;
        let generation = Generation(proven.generation);
        let is_recorded = record.content_hash.as_deref() == Some(proven.content_hash.as_str());
        if is_recorded || generation <= recorded || generation >= known {
            return None;
        }
        // What is wrong with it is found out when it is looked at.
        let refs = repository.refs().await.ok()?;
        let content_hash = refs.content_hash();
        (content_hash.as_str() == proven.content_hash).then(|| (generation, content_hash.clone()))
    }

    /// Forgets what was proven in a history that the upstream may have lost, and says whether that is done. Until then, the
    /// new history must not be followed: a next process would take the proof for one of it.
    pub(super) async fn forget_proof(&self, entry: &Entry) -> bool {
        let repository = self.repositories.repository(entry.disk_id());
        let forgotten = repository.notes().forget_proven_state().await;
        if let Err(error) = &forgotten {
            tracing::warn!(repository.local_id = entry.local_id.0, %error, "cannot forget which state was shown");
        }
        forgotten.is_ok()
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use std::sync::Arc;

    use heliostat_git::fixture::Workshop;
    use heliostat_git::{ObjectFormat, RecordedState, RefName, Repository, RepositoryStore};
    use heliostat_peer::{Clock, DetachedTasks};
    use heliostat_storage::{Database, Flush, HeldReason, MirrorStore, MirroredStatus, Role};

    use super::*;
    use crate::inventory::{SelectedProjects, SyncNeed};
    use crate::upstream_link::{
        UpstreamAddresses, UpstreamClient, UpstreamLink, UpstreamProject, UpstreamRepository, UpstreamUrl,
    };

    /// A mirror that ended after it had shown its second state, at generation 4, and before it had recorded that. The first
    /// is recorded, at generation 3.
    struct Scene {
        folder: MirrorFolder,
        first: ContentHash,
        second: ContentHash,
    }

    impl Scene {
        async fn new() -> Self {
            let folder = MirrorFolder::new().await;
            let inventory = folder.load().await;
            let nothing = ContentHash::of_nothing();
            let entry = inventory.adopt(&told(1, &nothing)).await.expect("recorded").expect("it is new");
            let branch = RefName::parse("refs/heads/main").expect("a valid name");
            let id = disk_id(entry.local_id);
            let made = folder.repositories.create_with_format(id, &branch, ObjectFormat::Sha1).await;
            let repository = made.expect("made");
            folder.workshop.commit(&repository, "main");
            let first = hash_of(&repository).await;
            inventory.note_synced(&entry, Generation(3), &first, 1).await.expect("recorded");

            folder.workshop.commit(&repository, "shown");
            let second = hash_of(&repository).await;
            inventory.note_known(&entry, &told(4, &second)).await.expect("recorded");
            let proven = RecordedState { generation: 4, content_hash: second.to_string() };
            repository.notes().set_proven_state(&proven).await.expect("noted");
            Self { folder, first, second }
        }

        /// As the next process finds it.
        async fn started(&self) -> (Inventory, Arc<Entry>) {
            let inventory = self.folder.load().await;
            let entry = inventory.find("101").expect("it was recorded");
            (inventory, entry)
        }
    }

    /// Where a mirror keeps what it knows and has: nothing at first.
    pub(crate) struct MirrorFolder {
        pub(crate) store: MirrorStore,
        repositories: RepositoryStore,
        workshop: Workshop,
    }

    impl MirrorFolder {
        pub(crate) async fn new() -> Self {
            let workshop = Workshop::new().await;
            let url = format!("sqlite:{}", workshop.path("mirror.db").display());
            let database = Database::open(&url, Role::Mirror, Flush::NowAndThen).await.expect("a database");
            Self { store: MirrorStore::new(database), repositories: workshop.store(), workshop }
        }

        /// What a new process finds.
        pub(crate) async fn load(&self) -> Inventory {
            rustls::crypto::ring::default_provider().install_default().ok();
            let (store, clock) = (&self.store, Clock::reading(|| 1_763_000_000_000));
            let followed = UpstreamUrl::parse("http://upstream.example").expect("an address");
            let addresses = UpstreamAddresses { public: followed.clone(), followed };
            let link = UpstreamLink::open(addresses, store.clone(), clock.clone()).await.expect("readable");
            let link = Arc::new(link);
            let client = UpstreamClient::new(Arc::clone(&link), "a mirror".to_owned(), clock.clone());
            let client = client.expect("a client");
            let selection =
                SelectedProjects::load(Arc::clone(&link), client, store.clone(), DetachedTasks::default());
            let selection = Arc::new(selection.await.expect("readable"));
            let repositories = self.repositories.clone();
            let loaded = Inventory::load(link, selection, store.clone(), repositories, clock).await;
            loaded.expect("readable")
        }
    }

    /// What the upstream tells of a repository.
    pub(crate) fn told(generation: i64, content_hash: &ContentHash) -> UpstreamRepository {
        let project =
            UpstreamProject { id: "3".into(), key: "APP".into(), name: "App".into(), public: false };
        UpstreamRepository {
            external_id: "101".into(),
            identity: None,
            project,
            slug: "engine".into(),
            name: "engine".into(),
            public: false,
            default_branch: None,
            content_hash: content_hash.clone(),
            metadata_hash: "a".repeat(64),
            generation: Generation(generation),
            purge: 0,
        }
    }

    async fn hash_of(repository: &Repository) -> ContentHash {
        repository.refs().await.expect("readable").content_hash().clone()
    }

    #[tokio::test]
    async fn what_has_failed_since_has_still_failed_when_what_was_shown_is_recorded() {
        let scene = Scene::new().await;
        let (inventory, entry) = scene.started().await;
        inventory.note_known(&entry, &told(5, &ContentHash::of_nothing())).await.expect("recorded");
        inventory.note_failed(&entry, "no route", 1_763_000_300_000).await.expect("recorded");
        let failed = entry.record();
        assert_eq!(failed.generation_synced, Generation(3));

        let (_, entry) = scene.started().await;
        let record = entry.record();
        assert_eq!(record.generation_synced, Generation(4));
        assert_eq!(record.content_hash.as_deref(), Some(scene.second.as_str()));
        assert_eq!((record.status, record.failed_count), (MirroredStatus::ErrorAvailable, 1));
        assert_eq!(record.last_error.as_deref(), Some("no route"));
        assert_eq!(record.next_attempt_at, Some(1_763_000_300_000));
        assert_eq!((record.behind_since, record.last_sync_at), (failed.behind_since, failed.last_sync_at));
    }

    #[tokio::test]
    async fn what_was_proven_is_forgotten_where_the_upstream_has_fallen_back() {
        let scene = Scene::new().await;
        let (inventory, entry) = scene.started().await;
        let need = inventory.note_answer(&entry, &told(3, &scene.first), Generation(4)).await;
        assert_eq!(need.expect("recorded"), SyncNeed::Snapshot);
        // It goes on from there, and what it has at generation 4 now is something else.
        inventory.note_known(&entry, &told(9, &ContentHash::of_nothing())).await.expect("recorded");
        let before = entry.record();

        let (_, entry) = scene.started().await;
        assert_eq!(entry.record(), before);
        assert_eq!(before.generation_known, Generation(9));
    }

    #[tokio::test]
    async fn what_was_proven_is_forgotten_where_the_upstream_has_again_what_is_here() {
        let scene = Scene::new().await;
        let (inventory, entry) = scene.started().await;
        inventory.hold(&entry, HeldReason::FellBack).await.expect("recorded");
        let again = told(7, &scene.first);
        let need = inventory.reconsider(&entry, &again).await;
        assert_eq!(need.expect("recorded"), SyncNeed::Snapshot);
        inventory.note_known(&entry, &again).await.expect("recorded");
        let before = entry.record();

        let (_, entry) = scene.started().await;
        assert_eq!(entry.record(), before);
        assert_eq!((before.generation_known, before.held), (Generation(7), None));
    }
}
