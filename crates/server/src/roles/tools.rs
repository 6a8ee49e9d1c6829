//! What a role works with, opened as durable as the operator wants it: git and the database.

use heliostat_git::{Durability, Git};
use heliostat_storage::{Database, Flush, Role};

use super::data_folder::database_url;
use super::options::{ListenOptions, StartError};

/// The git that works on the repositories of a role.
pub(super) async fn open_git(options: &ListenOptions) -> Result<Git, StartError> {
    let git = Git::discover(&options.git).await.map_err(|error| StartError::Git(error.to_string()))?;
    Ok(git.with_durability(options.durability, &options.data))
}

/// The database of a role.
pub(super) async fn open_database(options: &ListenOptions, role: Role) -> Result<Database, StartError> {
    let flush = match options.durability {
        Durability::Strict => Flush::EachCommit,
        Durability::Relaxed => Flush::NowAndThen,
    };
    let url = database_url(&options.data, options.database.as_deref());
    let opened = Database::open(&url, role, flush).await;
    opened.map_err(|error| StartError::Database(error.to_string()))
}
