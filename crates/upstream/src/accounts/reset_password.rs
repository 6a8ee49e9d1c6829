//! A new password without a permission, for an operator who has the data directory of a server that does not run: the
//! last way in when the administrator's password is lost.

use heliostat_auth::{NewPassword, PasswordError, Passwords, Secret, UnfitPassword};
use heliostat_downstream::EventContext;
use heliostat_peer::Clock;
use heliostat_storage::{AccountStore, StoreError};
use thiserror::Error;

/// Why the password is as it was.
#[derive(Debug, Error)]
pub enum PasswordResetError {
    /// No user has the name.
    #[error("there is no user {0:?}")]
    NoSuchUser(String),
    /// The new password may not be set.
    #[error("the password of {user:?} is as it was")]
    Unfit {
        /// The user.
        user: String,
        /// What it lacks.
        #[source]
        error: UnfitPassword,
    },
    /// The new password could not be hashed.
    #[error("the new password cannot be used")]
    Password(#[from] PasswordError),
    /// The database failed.
    #[error("cannot store the new password")]
    Store(#[from] StoreError),
}

/// Gives a user a new password. Mirrors are told at the next start, so that none goes on to believe the former one.
pub async fn reset_password(
    store: &AccountStore,
    name: &str,
    password: &Secret,
) -> Result<(), PasswordResetError> {
    let found = store.find_user_by_name(name).await?;
    let user = found.ok_or_else(|| PasswordResetError::NoSuchUser(name.to_owned()))?;
    let fit = NewPassword::chosen(&user.name, password);
    let password = fit.map_err(|error| PasswordResetError::Unfit { user: user.name.clone(), error })?;
    let password_hash = Passwords::new().hash(&password).await?;
    // No user of this server has done it, and no client with an address.
    let context = EventContext { base: "", now_ms: Clock::system().now_ms(), actor: None };
    let events = vec![context.permissions_changed(Some(&user.name))];
    store.set_password_hash(user.id, Some(password_hash), events).await?;
    Ok(())
}
