//! How things are at a mirror of another Git server.

use heliostat_foreign::RepositoryPath;

use crate::reader_access::{AccessCounters, ContactView};
use crate::serving::FetchCounters;

/// How things are.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginStatus {
    /// Where the origin is.
    pub origin_url: String,
    /// Whether it answers.
    pub contact: ContactView,
    /// How many repositories are here.
    pub repositories: usize,
    /// How many there may be.
    pub max_repositories: usize,
    /// What they take on the disk, as far as was looked.
    pub size_bytes: u64,
    /// What they may take.
    pub max_disk_bytes: Option<u64>,
    /// How often the origin was asked about readers.
    pub reader_access: AccessCounters,
    /// What was fetched from it.
    pub fetches: FetchCounters,
    /// Repositories that were damaged here and given up.
    pub damaged: u64,
}

/// A repository that is here.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryView {
    /// Where it is at the origin.
    pub path: RepositoryPath,
    /// Its number here.
    pub local_id: i32,
    /// When it came, in epoch milliseconds.
    pub created_at: i64,
    /// When it was used last, in epoch milliseconds.
    pub last_used_at: i64,
    /// What it takes on the disk, as far as was looked.
    pub size_bytes: u64,
}
