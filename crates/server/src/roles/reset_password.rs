//! `heliostat user reset-password`: a new password in the data directory of an upstream that does not run.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use futures_util::FutureExt;
use futures_util::future::LocalBoxFuture;
use heliostat_auth::Secret;
use heliostat_peer::with_causes;
use heliostat_storage::{Database, Flush, Role, UpstreamStore};
use heliostat_upstream::ADMIN_NAME;

use super::data_folder::{DataFolder, database_url};
use super::options::{StartError, folder_role};
use super::owner_mark::{ADMIN_PASSWORD_FILE, check_owner};

/// Why the password is as it was.
#[derive(Debug, thiserror::Error)]
pub enum PasswordResetError {
    /// There is no upstream in the folder.
    #[error("{0} is not the data directory of an upstream: name the one that it was started with by --data")]
    NotAnUpstream(PathBuf),
    /// A server that runs answers from memory, and would not see the change.
    #[error(
        "a server runs on the data directory {0}: stop it first, or let an administrator give the new password with \
         `heliostat user password`"
    )]
    Running(PathBuf),
    /// The folder or the database cannot be used, or the user is not there.
    #[error("{0}")]
    Failed(String),
    /// A file that holds a password which is not right any more.
    #[error("the password was changed, and {path}, which holds the former one, cannot be removed")]
    FormerPassword {
        /// The file.
        path: PathBuf,
        /// Why not.
        #[source]
        error: std::io::Error,
    },
}

/// What has changed.
#[derive(Debug, PartialEq, Eq)]
pub struct PasswordReset {
    /// The file with the generated first password, which was removed because it is not right any more.
    pub removed: Option<PathBuf>,
}

/// Gives a user a new password in the database of an upstream that does not run.
pub fn reset_password<'a>(
    data: &'a Path,
    database: Option<&'a str>,
    name: &'a str,
    password: String,
) -> LocalBoxFuture<'a, Result<PasswordReset, PasswordResetError>> {
    give_password(data, database, name, password).boxed_local()
}

async fn give_password(
    data: &Path,
    database: Option<&str>,
    name: &str,
    password: String,
) -> Result<PasswordReset, PasswordResetError> {
    // Asked first: what is not there is made by the steps below.
    if folder_role(data).map_err(PasswordResetError::Failed)? != Some(Role::Upstream) {
        return Err(PasswordResetError::NotAnUpstream(data.to_owned()));
    }
    let failed = |error: &(dyn std::error::Error + 'static)| PasswordResetError::Failed(with_causes(error));
    let held = DataFolder::open(data).await.map_err(|error| match &error {
        StartError::Data { error: busy, .. } if busy.kind() == ErrorKind::ResourceBusy => {
            PasswordResetError::Running(data.to_owned())
        }
        _ => failed(&error),
    })?;
    let url = database_url(data, database);
    check_owner(data, Role::Upstream, &url).await.map_err(|error| failed(&error))?;
    let database = Database::open(&url, Role::Upstream, Flush::EachCommit).await;
    let database = database.map_err(|error| PasswordResetError::Failed(error.with_reason()))?;
    let store = UpstreamStore::new(database.clone());
    let changed = heliostat_upstream::reset_password(&store.accounts, name, &Secret::new(password)).await;
    let closed = database.close().await;
    changed.map_err(|error| failed(&error))?;
    closed.map_err(|error| failed(&error))?;
    let removed = if name == ADMIN_NAME { remove_former(data)? } else { None };
    drop(held);
    Ok(PasswordReset { removed })
}

/// Removes the file with the generated password, if there is one.
fn remove_former(data: &Path) -> Result<Option<PathBuf>, PasswordResetError> {
    let path = data.join(ADMIN_PASSWORD_FILE);
    match std::fs::remove_file(&path) {
        Ok(()) => Ok(Some(path)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
        Err(error) => Err(PasswordResetError::FormerPassword { path, error }),
    }
}
