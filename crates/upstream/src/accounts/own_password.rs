//! Users change their own password by showing the present one.

use std::net::IpAddr;

use heliostat_auth::{Caller, LoginAttempt, LoginOrigin, NewPassword, Secret};
use heliostat_peer::AddressPrefix;
use heliostat_refusal::Refusal;

use super::part::Accounts;
use crate::permit::{self, OwnAccount};

/// What a user shows and chooses to have another password.
#[derive(Debug, Clone)]
pub struct PasswordChange {
    /// The present one.
    pub present: Secret,
    /// The one from now on.
    pub new: Secret,
}

impl Accounts {
    /// The account of who calls.
    pub async fn own_account<'a>(&self, caller: &'a Caller) -> Result<OwnAccount<'a>, Refusal> {
        let id = permit::user(caller)?.id();
        let user = self.store.find_user(id).await?;
        permit::own_account(caller, user.ok_or_else(Refusal::wrong_credentials)?)
    }

    /// Changes the caller's own password. A wrong present one is a guess as at signing in, and followed by the same pauses:
    /// a session that was left open, or a token, is no way to find the password.
    pub async fn change_password(
        &self,
        own: &OwnAccount<'_>,
        peer: Option<IpAddr>,
        change: &PasswordChange,
    ) -> Result<(), Refusal> {
        let user = own.user();
        let new = NewPassword::chosen(&user.name, &change.new)?;
        let network = AddressPrefix::text_of(peer);
        let attempt = LoginAttempt { name: &user.name, origin: LoginOrigin::Network(&network) };
        let former = user.password_hash.as_deref();
        let is_right = self.passwords.verify(attempt, &change.present, former).await?;
        // An administrator's new password may have shut the user out since the check; it stays.
        if is_right && self.replace_password(own.caller(), user, &new, former).await? {
            return Ok(());
        }
        Err(Refusal::invalid("originalPassword", "The present password is not right."))
    }
}
