//! What tells a repository on disk from another one that has, had or will have its number.

use std::io;
use std::path::Path;

use super::RepositoryNotes;
use crate::disk::{blocking, read_note, write_durably};

/// The file in a repository's folder, which git leaves alone.
const IDENTITY_FILE: &str = "heliostat-identity";

/// No identity is longer.
const MAX_IDENTITY_BYTES: u64 = 64;

impl RepositoryNotes {
    /// What was written into it when it was made; `None` in one that is older than that.
    pub async fn identity(&self) -> io::Result<Option<String>> {
        let path = self.folder.join(IDENTITY_FILE);
        blocking(move || {
            let Some(text) = read_note(&path, MAX_IDENTITY_BYTES + 1)? else { return Ok(None) };
            let text =
                String::from_utf8(text).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, error))?;
            Ok(Some(text.trim_end().to_owned()).filter(|text| !text.is_empty()))
        })
        .await
    }

    /// Gives an identity to a repository, durably.
    pub async fn set_identity(&self, identity: &str) -> io::Result<()> {
        let (path, identity) = (self.folder.clone(), identity.to_owned());
        blocking(move || write_identity(&path, &identity)).await
    }
}

/// Writes the identity of the repository in this folder, so that it survives a power failure.
pub(crate) fn write_identity(repository: &Path, identity: &str) -> io::Result<()> {
    write_durably(&repository.join(IDENTITY_FILE), format!("{identity}\n").as_bytes())
}

#[cfg(test)]
mod tests {
    use heliostat_git_wire::{ObjectFormat, RefName};

    use crate::fixture::Workshop;

    #[tokio::test]
    async fn a_repository_keeps_the_identity_that_it_is_made_with() {
        let workshop = Workshop::new().await;
        let store = workshop.store();
        let main = RefName::branch("main").expect("valid");
        let repository =
            store.create_with_identity(7, &main, ObjectFormat::Sha1, "one").await.expect("created");
        assert_eq!(repository.notes().identity().await.expect("readable").as_deref(), Some("one"));
        assert!(store.create_with_identity(7, &main, ObjectFormat::Sha256, "other").await.is_err());
        assert_eq!(repository.notes().identity().await.expect("readable").as_deref(), Some("one"));

        let older = store.create(8, &main).await.expect("created");
        assert_eq!(older.notes().identity().await.expect("readable"), None);
        older.notes().set_identity("two").await.expect("writable");
        assert_eq!(older.notes().identity().await.expect("readable").as_deref(), Some("two"));
    }
}
