//! When a repository was last written to, as its folders tell. After a power failure that names those that may be
//! damaged where nothing was synced.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::disk::{blocking, entries};
use crate::repository::Repository;

impl Repository {
    /// When a file came, went or was replaced in it last. Files are never written to in their places.
    pub async fn last_written(&self) -> io::Result<SystemTime> {
        let place = self.path().to_owned();
        blocking(move || newest_change(&place)).await
    }
}

fn newest_change(place: &Path) -> io::Result<SystemTime> {
    let mut newest = SystemTime::UNIX_EPOCH;
    for folder in written_folders(place)? {
        match std::fs::metadata(&folder).and_then(|metadata| metadata.modified()) {
            Ok(changed) => newest = newest.max(changed),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    Ok(newest)
}

/// The folders in which something changes whenever anything is written.
fn written_folders(place: &Path) -> io::Result<Vec<PathBuf>> {
    let objects = place.join("objects");
    let below =
        entries(&objects)?.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<_>>>()?;
    Ok([place.to_owned(), objects.join("info/commit-graphs")].into_iter().chain(below).collect())
}

#[cfg(test)]
mod tests {
    use std::fs::File;

    use super::*;
    use crate::fixture::Workshop;

    #[tokio::test]
    async fn each_way_of_writing_shows() {
        let workshop = Workshop::new().await;
        let repository = workshop.bare_with_commits("one", &["main"]).await;
        for command in [&["hash-object", "-w", "HEAD"][..], &["repack", "-adq"], &["pack-refs", "--all"]] {
            for folder in written_folders(repository.path()).expect("readable") {
                if let Ok(folder) = File::open(folder) {
                    folder.set_modified(SystemTime::UNIX_EPOCH).expect("it is ours");
                }
            }
            assert_eq!(repository.last_written().await.expect("readable"), SystemTime::UNIX_EPOCH);
            workshop.run(repository.path(), command);
            let written = repository.last_written().await.expect("readable");
            assert!(written > SystemTime::UNIX_EPOCH, "{command:?}");
        }
    }
}
