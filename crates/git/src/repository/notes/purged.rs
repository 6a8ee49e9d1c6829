//! Which order to remove what no reference leads to was carried out in a repository, written into it: a copy that comes
//! back from the trash or a backup does not have the newest.

use std::io;

use super::RepositoryNotes;
use crate::disk::{blocking, read_note, write_note};

/// The file in a repository's folder, which git leaves alone: the number of the order, in one line.
const PURGED_FILE: &str = "heliostat-purged";

/// No number is longer.
const MAX_FILE_BYTES: u64 = 32;

impl RepositoryNotes {
    /// The number of the newest order that was carried out; 0 if there was none.
    pub async fn purged(&self) -> io::Result<i64> {
        let path = self.folder.join(PURGED_FILE);
        let text = blocking(move || read_note(&path, MAX_FILE_BYTES)).await?.unwrap_or_default();
        Ok(std::str::from_utf8(&text).ok().and_then(|text| text.trim_end().parse().ok()).unwrap_or(0))
    }

    /// Notes that an order was carried out. Without the note, as after a power failure, it is carried out once more.
    pub async fn set_purged(&self, number: i64) -> io::Result<()> {
        let path = self.folder.join(PURGED_FILE);
        blocking(move || write_note(&path, format!("{number}\n").as_bytes())).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn what_cannot_be_read_was_not_carried_out() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        assert_eq!(repository.notes().purged().await.expect("readable"), 0);
        repository.notes().set_purged(12).await.expect("written");
        assert_eq!(repository.notes().purged().await.expect("readable"), 12);
        std::fs::write(repository.path().join(PURGED_FILE), "rubbish").expect("written");
        assert_eq!(repository.notes().purged().await.expect("readable"), 0);
    }
}
