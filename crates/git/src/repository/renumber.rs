//! Giving a repository another number: a mirror that has lost its database goes on with the replicas that it finds.

use std::io;

use super::store::{RepositoryStore, move_into_place, sync_parent_of};
use crate::disk::blocking;

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

    use crate::fixture::Workshop;
    use crate::repository::Origin;

    #[tokio::test]
    async fn a_replica_keeps_what_was_noted_under_another_number() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = RefName::branch("main").expect("valid");
        let repository = store.create(7, &main).await.expect("created");
        let origin = Origin { generation: Some(2), ..Origin::default() };
        repository.notes().set_origin(origin.clone()).await.expect("noted");
        store.create(8, &main).await.expect("created");
        assert!(!store.renumber(7, 8).await.expect("looked"), "there is one");
        assert!(!store.renumber(6, 9).await.expect("looked"), "there is none");
        assert!(store.renumber(7, 7).await.expect("looked"));
        assert!(store.renumber(7, 300).await.expect("moved"));
        assert_eq!(store.list().await.expect("listable"), [8, 300]);
        let moved = store.open(300).await.expect("there");
        assert_eq!(moved.notes().origin().await.expect("readable"), Some(origin));
    }
}
