//! What a repository takes on the disk, and when it last changed.

use std::path::PathBuf;

use heliostat_auth::Caller;
use heliostat_git::{blocking, files_below};
use heliostat_refusal::Refusal;

use super::records::Repositories;
use crate::changes::disk_id;

/// What a repository takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryUsage {
    /// The bytes of its files.
    pub size_bytes: u64,
    /// When it was last pushed to, or what is known about it was changed, in epoch milliseconds.
    pub updated_at: i64,
}

impl Repositories {
    /// What the repository with this slug takes. One whose files cannot be read takes what can be.
    pub async fn usage(&self, caller: &Caller, key: &str, slug: &str) -> Result<RepositoryUsage, Refusal> {
        let repository = self.repository(caller, key, slug).await?;
        let folder = self.served.store().repository(disk_id(repository.id)).path().to_owned();
        let size_bytes = blocking(move || Ok(size_of(folder))).await.map_err(Refusal::internal)?;
        Ok(RepositoryUsage { size_bytes, updated_at: repository.updated_at })
    }
}

fn size_of(folder: PathBuf) -> u64 {
    // Files come and go meanwhile.
    files_below(folder).flatten().filter_map(|file| file.metadata().ok()).map(|file| file.len()).sum()
}
