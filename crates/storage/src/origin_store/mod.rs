//! What a mirror of another Git server remembers.
//!
//! It follows no upstream of ours, so it shares the tables of a mirror's database, and no method of its store.

mod readers;
mod repositories;
#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "a test fails where it unwraps")]
mod tests;

use crate::database::Database;

/// What a mirror of another Git server remembers. Cheap to clone.
#[derive(Clone, Debug)]
pub struct OriginStore {
    pub(crate) database: Database,
}

impl OriginStore {
    /// The store in a database that was opened for a mirror.
    pub fn new(database: Database) -> Self {
        Self { database }
    }
}
