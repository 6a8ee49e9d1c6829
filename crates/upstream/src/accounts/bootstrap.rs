//! The first administrator of a new upstream.

use std::io;
use std::path::{Path, PathBuf};

use heliostat_auth::{GlobalPermission, NewPassword, PasswordError, Passwords, Secret, UnfitPassword};
use heliostat_git::{make_folder_durably, write_durably};
use heliostat_storage::{AccountStore, NewUser, PermissionLevel, StoreError, UserKind};
use thiserror::Error;

/// Name of the first administrator.
pub const ADMIN_NAME: &str = "admin";
/// File in the data folder that holds the password if it was generated.
const PASSWORD_FILE: &str = "admin-password";

/// The administrator that was just created.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AdminAccount {
    /// The login name.
    pub name: String,
    /// The file with the password; `None` if the operator chose it.
    pub password_file: Option<PathBuf>,
}

/// Why the first administrator was not created.
#[derive(Debug, Error)]
pub enum BootstrapError {
    /// The database failed.
    #[error("cannot store the first administrator")]
    Store(#[from] StoreError),
    /// The chosen password may not be set.
    #[error("HELIOSTAT_ADMIN_PASSWORD cannot be the administrator's password")]
    Unfit(#[from] UnfitPassword),
    /// The password could not be hashed.
    #[error("the administrator's password cannot be used")]
    Password(#[from] PasswordError),
    /// The password file could not be written.
    #[error("cannot write {path:?}")]
    PasswordFile {
        /// Where it should be.
        path: PathBuf,
        /// Why it is not.
        #[source]
        error: io::Error,
    },
}

/// How the first administrator is made.
pub(crate) struct FirstAdmin<'a> {
    /// The password that the operator has chosen; generated if there is none.
    pub(crate) password: Option<&'a Secret>,
    /// Folder for the file with a generated password.
    pub(crate) folder: &'a Path,
    /// Epoch milliseconds.
    pub(crate) now_ms: i64,
}

/// Creates the administrator unless there are users already.
pub(crate) async fn create_admin(
    store: &AccountStore,
    passwords: &Passwords,
    first: &FirstAdmin<'_>,
) -> Result<Option<AdminAccount>, BootstrapError> {
    let admin = match store.find_user_by_name(ADMIN_NAME).await? {
        None if store.count_users().await? > 0 => return Ok(not_needed(first)),
        // A crash between the two steps below leaves an administrator without permission: finish the work.
        Some(user) if store.count_users().await? == 1 => {
            store
                .set_permission(
                    PermissionLevel::Global,
                    user.id,
                    GlobalPermission::SysAdmin.as_str(),
                    Vec::new(),
                )
                .await?;
            return Ok(not_needed(first));
        }
        Some(_) => return Ok(not_needed(first)),
        None => store_admin(store, passwords, first).await?,
    };
    Ok(Some(admin))
}

/// There are users: a password that was given for the first of them is not used, and who gave it may not know.
fn not_needed(first: &FirstAdmin<'_>) -> Option<AdminAccount> {
    if first.password.is_some() {
        tracing::info!(
            user.name = ADMIN_NAME,
            "HELIOSTAT_ADMIN_PASSWORD is not used: it is for the first start, and there are users already. While the server is \
             stopped, `heliostat user reset-password` gives a new password"
        );
    }
    None
}

async fn store_admin(
    store: &AccountStore,
    passwords: &Passwords,
    first: &FirstAdmin<'_>,
) -> Result<AdminAccount, BootstrapError> {
    let (password, password_file) = match first.password {
        Some(password) => (NewPassword::chosen(ADMIN_NAME, password)?, None),
        None => {
            // The file comes first: a password that cannot be read would lock all users out.
            let (password, path) = (NewPassword::random(), first.folder.join(PASSWORD_FILE));
            write_password(&path, password.secret())
                .map_err(|error| BootstrapError::PasswordFile { path: path.clone(), error })?;
            (password, Some(path))
        }
    };
    let password_hash = passwords.hash(&password).await?;
    let user = store
        .create_user(NewUser {
            name: ADMIN_NAME.to_owned(),
            slug: ADMIN_NAME.to_owned(),
            display_name: "Administrator".to_owned(),
            email: None,
            password_hash: Some(password_hash),
            active: true,
            kind: UserKind::Normal,
            created_at: first.now_ms,
        })
        .await?;
    store
        .set_permission(PermissionLevel::Global, user.id, GlobalPermission::SysAdmin.as_str(), Vec::new())
        .await?;
    Ok(AdminAccount { name: user.name, password_file })
}

/// Removes the file with the generated password once the administrator has another one: it would mislead.
pub(super) fn remove_generated_password(folder: &Path) {
    let path = folder.join(PASSWORD_FILE);
    match std::fs::remove_file(&path) {
        Ok(()) => {
            tracing::info!(password_file = %path.display(), "removed the file with the administrator's former password");
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Err(error) => tracing::warn!(
            password_file = %path.display(), %error,
            "the file with the administrator's former password cannot be removed"
        ),
    }
}

/// Writes the password into a file that only its owner can read, whatever was there before.
fn write_password(path: &Path, password: &Secret) -> io::Result<()> {
    if let Some(folder) = path.parent() {
        make_folder_durably(folder)?;
    }
    write_durably(path, format!("{}\n", password.expose()).as_bytes())
}
