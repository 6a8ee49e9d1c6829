//! What is neither removed nor overwritten until an administrator says so: repositories of which the upstream has lost
//! a part that is still here.
//!
//! An upstream that was restored from a backup does not know the repositories that were made after it, has older
//! references of others, and gives ids again. Its mirrors may have the only copy of what is missing. Three signs tell it
//! from an upstream that goes on as it should:
//!
//! - it does not know a repository, and has not announced that it was deleted;
//! - a generation is lower than one that was seen, or has other references than it had;
//! - an id belongs to a repository with another identity.
//!
//! A repository is held on its own, so that the others go on. It is held no longer when nothing of it would be lost: when
//! the upstream has again what is here.

use std::sync::Arc;

use heliostat_git::TrashReason;
use heliostat_storage::{HeldReason, MirroredRepository, StoreError};

use super::entry::Entry;
use super::mirrored::Inventory;
use super::record::SyncNeed;
use crate::upstream_link::UpstreamRepository;

/// Whether what is here must not be replaced by what the upstream has now. `answer` is the newest that it has to say.
pub(super) fn standing(here: &MirroredRepository, answer: &UpstreamRepository) -> Option<HeldReason> {
    if !has_identity(here, answer.identity()) {
        return Some(HeldReason::Replaced);
    }
    let Some(hash_here) = &here.content_hash else {
        // Nothing is here.
        return None;
    };
    if hash_here == answer.content_hash.as_str() {
        return None;
    }
    let known = here.generation_known;
    let contradicts =
        here.upstream_content_hash.as_deref().is_some_and(|hash| hash != answer.content_hash.as_str());
    let fell_back = answer.generation < known || (answer.generation == known && contradicts);
    (fell_back || here.held == Some(HeldReason::FellBack)).then_some(HeldReason::FellBack)
}

/// Whether it may be the repository with this identity. Not every upstream tells one.
pub(crate) fn has_identity(here: &MirroredRepository, identity: Option<&str>) -> bool {
    match (here.identity.as_deref(), identity) {
        (Some(here), Some(there)) => here == there,
        _ => true,
    }
}

impl Inventory {
    /// Whether this is the repository that the upstream means by its id. If it is another one, what is here is held.
    pub(crate) async fn is_meant(&self, entry: &Entry, identity: Option<&str>) -> Result<bool, StoreError> {
        if has_identity(&entry.record(), identity) {
            return Ok(true);
        }
        self.hold(entry, HeldReason::Replaced).await?;
        Ok(false)
    }

    /// Holds a repository.
    pub(crate) async fn hold(&self, entry: &Entry, reason: HeldReason) -> Result<(), StoreError> {
        let _writing = entry.writing.lock().await;
        self.hold_locked(entry, reason).await
    }

    /// The same for a caller that holds `writing`.
    pub(super) async fn hold_locked(&self, entry: &Entry, reason: HeldReason) -> Result<(), StoreError> {
        let before = entry.record();
        if before.removed_at.is_some() || before.held == Some(reason) {
            return Ok(());
        }
        tracing::error!(
            repository.project = before.project_key,
            repository.slug = before.slug,
            repository.local_id = before.local_id.0,
            reason = reason.as_str(),
            "the upstream has lost what this mirror has of a repository; it is neither removed nor overwritten until an \
             administrator confirms"
        );
        entry.show(self.store.hold(entry.local_id, reason, self.clock.now_ms()).await?);
        Ok(())
    }

    /// Holds a repository no longer if the upstream has again what is here.
    pub(crate) async fn reconsider(
        &self,
        entry: &Entry,
        answer: &UpstreamRepository,
    ) -> Result<SyncNeed, StoreError> {
        let _writing = entry.writing.lock().await;
        let before = entry.record();
        if before.held.is_none() || before.removed_at.is_some() || standing(&before, answer).is_some() {
            return Ok(SyncNeed::Nothing);
        }
        // It may have come to that by another way.
        if !self.forget_proof(entry).await {
            return Ok(SyncNeed::Nothing);
        }
        tracing::info!(
            repository.project = before.project_key,
            repository.slug = before.slug,
            "the upstream has again what this mirror has of a repository"
        );
        entry.show(self.store.release(entry.local_id).await?);
        Ok(SyncNeed::Snapshot)
    }

    /// What is held, in the order of local ids.
    pub(crate) fn held(&self) -> Vec<Arc<Entry>> {
        let mut held: Vec<_> = self.all().into_iter().filter(|entry| entry.record().held.is_some()).collect();
        held.sort_unstable_by_key(|entry| entry.local_id);
        held
    }

    /// Gives up what is here of a repository that is held: it goes into the trash, and the next comparison begins anew
    /// with what the upstream has.
    pub(crate) async fn give_up(&self, entry: &Arc<Entry>) -> Result<(), StoreError> {
        let reason = match entry.record().held {
            None => return Ok(()),
            Some(HeldReason::Missing) => TrashReason::NotListed,
            Some(HeldReason::FellBack | HeldReason::Replaced) => TrashReason::Replaced,
        };
        self.stop_mirroring(entry, reason).await
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git::ContentHash;
    use heliostat_storage::Generation;

    use super::*;
    use crate::inventory::tests::record;
    use crate::upstream_link::UpstreamProject;

    /// What is here at generation 4 has the hash `b…`.
    fn answer(generation: i64, hash: char) -> UpstreamRepository {
        let project =
            UpstreamProject { id: "3".into(), key: "APP".into(), name: "App".into(), public: false };
        UpstreamRepository {
            external_id: "101".into(),
            identity: Some("identity of engine".into()),
            project,
            slug: "engine".into(),
            name: "engine".into(),
            public: false,
            default_branch: None,
            content_hash: ContentHash::parse(hash.to_string().repeat(64)).expect("64 hex digits"),
            metadata_hash: "a".repeat(64),
            generation: Generation(generation),
            purge: 0,
        }
    }

    #[test]
    fn an_upstream_that_goes_on_is_followed() {
        let here = record(1, "engine");
        for (generation, hash) in [(5, 'c'), (9, 'c'), (4, 'b'), (5, 'b')] {
            assert_eq!(standing(&here, &answer(generation, hash)), None, "{generation} {hash}");
        }
    }

    #[test]
    fn what_it_has_lost_is_held_and_what_it_has_again_is_not() {
        let here = record(1, "engine");
        assert_eq!(standing(&here, &answer(3, 'c')), Some(HeldReason::FellBack));
        assert_eq!(standing(&here, &answer(4, 'c')), Some(HeldReason::FellBack), "other references");
        assert_eq!(standing(&here, &answer(1, 'b')), None, "nothing would be lost");
        let held = MirroredRepository { held: Some(HeldReason::FellBack), ..here };
        assert_eq!(standing(&held, &answer(9, 'c')), Some(HeldReason::FellBack), "pushed to since");
        assert_eq!(standing(&held, &answer(9, 'b')), None);
        let missing = MirroredRepository { held: Some(HeldReason::Missing), ..held };
        assert_eq!(standing(&missing, &answer(5, 'c')), None);
    }

    #[test]
    fn an_id_with_another_identity_is_another_repository() {
        let here = record(1, "engine");
        let other = UpstreamRepository { identity: Some("another".into()), ..answer(9, 'b') };
        assert_eq!(standing(&here, &other), Some(HeldReason::Replaced));
        let silent = UpstreamRepository { identity: None, ..answer(9, 'c') };
        assert_eq!(standing(&here, &silent), None);
    }

    #[test]
    fn where_nothing_is_nothing_can_be_lost() {
        let here = MirroredRepository { content_hash: None, ..record(1, "engine") };
        assert_eq!(standing(&here, &answer(1, 'c')), None);
    }
}
