//! What a repository is a replica of, written into it: a mirror that has lost its database finds its replicas by it.

use std::io;

use super::store::{RepositoryStore, move_into_place, sync_parent_of};
use super::trash::Origin;
use crate::disk::{blocking, read_note, write_note};
use crate::repository::Repository;

/// The file in a repository's folder, which git leaves alone.
const ORIGIN_FILE: &str = "heliostat-origin.json";

/// No record is longer.
const MAX_ORIGIN_BYTES: u64 = 16 * 1024;

impl Repository {
    /// What was noted last; `None` if that was nothing, or nothing that can be understood.
    pub async fn origin(&self) -> io::Result<Option<Origin>> {
        let path = self.path().join(ORIGIN_FILE);
        blocking(move || {
            let text = read_note(&path, MAX_ORIGIN_BYTES)?;
            Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
        })
        .await
    }

    /// Notes what it is a replica of, and how new. A power failure may bring an earlier note back.
    pub async fn note_origin(&self, origin: Origin) -> io::Result<()> {
        let path = self.path().join(ORIGIN_FILE);
        blocking(move || write_note(&path, &serde_json::to_vec(&origin)?)).await
    }
}

impl RepositoryStore {
    /// Gives a repository another number; `false` when there is none with the one, or another with the other.
    pub async fn renumber(&self, from: u64, to: u64) -> io::Result<bool> {
        let (place, new_place, shared) = (self.place_of(from), self.place_of(to), self.shared());
        blocking(move || {
            if from == to || !place.try_exists()? || new_place.try_exists()? {
                return Ok(from == to);
            }
            move_into_place(&place, &new_place)?;
            shared.forget(from);
            shared.forget(to);
            sync_parent_of(&place)?;
            Ok(true)
        })
        .await
    }
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::RefName;

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn a_replica_keeps_what_was_noted_under_another_number() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = RefName::branch("main").expect("valid");
        let repository = store.create(7, &main).await.expect("created");
        assert_eq!(repository.origin().await.expect("readable"), None);
        for generation in [1, 2, 2] {
            let origin = Origin { generation: Some(generation), ..Origin::default() };
            repository.note_origin(origin.clone()).await.expect("noted");
            assert_eq!(repository.origin().await.expect("readable"), Some(origin));
        }
        store.create(8, &main).await.expect("created");
        assert!(!store.renumber(7, 8).await.expect("looked"), "there is one");
        assert!(!store.renumber(6, 9).await.expect("looked"), "there is none");
        assert!(store.renumber(7, 7).await.expect("looked"));
        assert!(store.renumber(7, 300).await.expect("moved"));
        assert_eq!(store.list().await.expect("listable"), [8, 300]);
        let moved = store.open(300).await.expect("there");
        assert_eq!(moved.origin().await.expect("readable").and_then(|origin| origin.generation), Some(2));

        std::fs::write(moved.path().join(ORIGIN_FILE), "{").expect("written");
        assert_eq!(moved.origin().await.expect("readable"), None);
    }
}
