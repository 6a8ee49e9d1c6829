//! What this server writes down about a repository, in files of its folder that git leaves alone.
//!
//! They are read and written without git, also where a folder holds no repository yet, or not any more.

mod identity;
mod origin;
mod purged;
mod recorded_state;

use std::path::PathBuf;

pub(crate) use identity::write_identity;
pub use recorded_state::RecordedState;

use crate::process::Durability;

/// The notes of a repository.
#[derive(Debug, Clone)]
pub struct RepositoryNotes {
    folder: PathBuf,
    durability: Durability,
}

impl RepositoryNotes {
    /// Those in this folder.
    pub(super) fn new(folder: PathBuf, durability: Durability) -> Self {
        Self { folder, durability }
    }
}
