//! What an upstream remembers of its mirrors: who asks to join, who has, who clones where, and how far each has come.

mod copies;
mod preferences;
mod requests;
mod servers;

use crate::database::Database;

/// Mirrors, their requests to join, and what they have. Cheap to clone.
#[derive(Clone, Debug)]
pub struct MirrorServerStore {
    pub(super) database: Database,
}
