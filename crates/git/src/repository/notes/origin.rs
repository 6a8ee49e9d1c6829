//! What a repository is a replica of: a mirror that has lost its database finds its replicas by it.

use std::io;

use super::RepositoryNotes;
use crate::disk::{blocking, read_note, write_note};
use crate::repository::Origin;

/// The file in a repository's folder, which git leaves alone.
const ORIGIN_FILE: &str = "heliostat-origin.json";

/// No record is longer.
const MAX_ORIGIN_BYTES: u64 = 16 * 1024;

impl RepositoryNotes {
    /// What was noted last; `None` if that was nothing, or nothing that can be understood.
    pub async fn origin(&self) -> io::Result<Option<Origin>> {
        let path = self.folder.join(ORIGIN_FILE);
        blocking(move || {
            let text = read_note(&path, MAX_ORIGIN_BYTES)?;
            Ok(text.and_then(|text| serde_json::from_slice(&text).ok()))
        })
        .await
    }

    /// Notes what it is a replica of, and how new. A power failure may bring an earlier note back.
    pub async fn set_origin(&self, origin: Origin) -> io::Result<()> {
        let path = self.folder.join(ORIGIN_FILE);
        blocking(move || write_note(&path, &serde_json::to_vec(&origin)?)).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn the_newest_note_counts_and_none_that_cannot_be_understood() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        let notes = repository.notes();
        assert_eq!(notes.origin().await.expect("readable"), None);
        for generation in [1, 2, 2] {
            let origin = Origin { generation: Some(generation), ..Origin::default() };
            notes.set_origin(origin.clone()).await.expect("noted");
            assert_eq!(notes.origin().await.expect("readable"), Some(origin));
        }
        std::fs::write(repository.path().join(ORIGIN_FILE), "{").expect("written");
        assert_eq!(notes.origin().await.expect("readable"), None);
    }
}
