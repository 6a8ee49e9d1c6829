//! What a role works with, opened as durable as the operator wants it: git and the database.

use heliostat_git::{Durability, Git};
use heliostat_storage::{Database, Flush, Role};

use super::data_folder::database_url;
use super::options::{ListenOptions, StartError};
use super::owner_mark::{OwnerConflict, check_owner, mark_owner};

/// The git that works on the repositories of a role.
pub(super) async fn open_git(options: &ListenOptions) -> Result<Git, StartError> {
    let git = Git::discover(&options.git).await.map_err(|error| StartError::Git(error.to_string()))?;
    Ok(git.with_durability(options.durability, &options.data).with_memory_limits(options.git_memory))
}

/// The database of a role, after a look whether it goes together with the data folder.
pub(super) async fn open_database(options: &ListenOptions, role: Role) -> Result<Database, StartError> {
    let flush = match options.durability {
        Durability::Strict => Flush::EachCommit,
        Durability::Relaxed => Flush::NowAndThen,
    };
    let url = database_url(&options.data, options.database.as_deref());
    check_owner(&options.data, role, &url).await.map_err(|conflict| match conflict {
        OwnerConflict::Database(error) => StartError::Database(error.to_string()),
        conflict => StartError::Owner(Box::new(conflict)),
    })?;
    let opened = Database::open(&url, role, flush).await;
    opened.map_err(|error| StartError::Database(error.to_string()))
}

/// Marks the data folder as that of the server that the database belongs to.
pub(super) async fn mark_folder(
    options: &ListenOptions,
    database: &Database,
    role: Role,
) -> Result<(), StartError> {
    let owner = database.owner(role).await.map_err(|error| StartError::Database(error.to_string()))?;
    let Some(owner) = owner else { return Ok(()) };
    // A mark that a power failure leaves without its database would keep the server from starting.
    database.flush().await.map_err(|error| StartError::Database(error.to_string()))?;
    mark_owner(&options.data, &owner).map_err(|error| StartError::Data { path: options.data.clone(), error })
}
