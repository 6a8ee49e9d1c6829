//! Repositories of a Git server that is not ours, and their readers.

use crate::ids::OriginRepositoryId;

/// A repository of another Git server that is here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRepository {
    /// Its number here, which is never given twice.
    pub id: OriginRepositoryId,
    /// Where it is on the other server.
    pub path: String,
    /// The hash that names its objects.
    pub object_format: String,
    /// Epoch milliseconds.
    pub created_at: i64,
    /// When a client has read it last, in epoch milliseconds; it may be some minutes more.
    pub last_used_at: i64,
}

/// A reader to whom the other server has shown a repository.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginReader {
    /// A hash of where they read and of the keyed hash of their credentials, in hex.
    pub reader: String,
    /// Which repository.
    pub repository_id: OriginRepositoryId,
    /// The content hash of the branches and tags that they were shown.
    pub content_hash: String,
    /// The name of the list of all that they were shown, if that is kept.
    pub listing: Option<String>,
    /// When, in epoch milliseconds.
    pub granted_at: i64,
}

/// A reader whom the other server has refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OriginRefusal {
    /// A hash of where they wanted to read and of the keyed hash of their credentials, in hex.
    pub reader: String,
    /// When, in epoch milliseconds.
    pub refused_at: i64,
}
