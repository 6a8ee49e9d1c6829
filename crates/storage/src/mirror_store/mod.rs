//! What a mirror remembers.
//!
//! Each method is one transaction. Progress, status and console are answered from here, so that they cannot
//! disagree.

mod held;
mod repositories;
mod synchronisation;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests;
mod upstream_servers;

use crate::database::Database;

/// What a mirror remembers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MirrorStore {
    pub(crate) database: Database,
}

impl MirrorStore {
    /// The store in a database that was opened for a mirror.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}
