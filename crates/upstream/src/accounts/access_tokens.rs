//! Tokens that stand for their users.

use heliostat_auth::{
    Caller, GlobalPermission, ProjectPermission, RepositoryPermission, Secret, access_token, token_hash,
};
use heliostat_downstream::{MAX_LONG_NAME_LENGTH, one_line};
use heliostat_refusal::Refusal;
use heliostat_storage::{AccessToken, NewAccessToken, Page, PageRequest, TokenId};

use super::part::Accounts;
use crate::permit::{self, AccountOwner};

/// Most permission names in one token.
const MAX_PERMISSIONS: usize = 16;
/// Longest life of a token that has an end, in days.
const MAX_EXPIRY_DAYS: i32 = 36_500;
const MS_PER_DAY: i64 = 86_400_000;

/// A token to create.
#[derive(Debug, Clone)]
pub struct TokenCreation {
    /// What it is for.
    pub name: String,
    /// The most that it may do; empty for all that its user may.
    pub permissions: Vec<String>,
    /// After how many days it ends; never if `None`.
    pub expiry_days: Option<i32>,
}

impl Accounts {
    /// A user's tokens.
    pub async fn access_tokens(
        &self,
        owner: &AccountOwner<'_>,
        page: PageRequest,
    ) -> Result<Page<AccessToken>, Refusal> {
        Ok(self.store.list_tokens(owner.user().id, page).await?)
    }

    /// One of a user's tokens.
    pub async fn access_token(&self, owner: &AccountOwner<'_>, id: &str) -> Result<AccessToken, Refusal> {
        let token = self.store.find_token(owner.user().id, &TokenId::from(id)).await?;
        token.ok_or_else(|| {
            Refusal::not_found("access token", format!("The access token {id} does not exist."))
        })
    }

    /// Creates a token; afterwards only the caller knows the secret.
    pub async fn create_access_token(
        &self,
        owner: &AccountOwner<'_>,
        creation: TokenCreation,
    ) -> Result<(AccessToken, Secret), Refusal> {
        let name = one_line("name", &creation.name, MAX_LONG_NAME_LENGTH)?;
        let permissions = checked_permissions(creation.permissions)?;
        let created_at = self.announcer.now_ms();
        let expires_at = match creation.expiry_days {
            None => None,
            Some(days @ 1..=MAX_EXPIRY_DAYS) => Some(created_at + i64::from(days) * MS_PER_DAY),
            Some(_) => {
                let message = format!("A token lasts from 1 to {MAX_EXPIRY_DAYS} days, or for ever.");
                return Err(Refusal::invalid("expiryDays", message));
            }
        };
        let secret = access_token();
        let new_token = NewAccessToken {
            id: TokenId::from(uuid::Uuid::new_v4().simple().to_string()),
            user_id: owner.user().id,
            name,
            token_hash: token_hash(&secret),
            permissions,
            created_at,
            expires_at,
        };
        let token = self.store.create_token(new_token).await?;
        Ok((token, secret))
    }

    /// Deletes a token, here and from what mirrors remember.
    pub async fn delete_access_token(&self, owner: &AccountOwner<'_>, id: &str) -> Result<(), Refusal> {
        let context = self.announcer.context(owner.caller());
        let events = vec![context.permissions_changed(Some(&owner.user().name))];
        self.store.delete_token(owner.user().id, &TokenId::from(id), events).await?;
        self.announcer.announced();
        Ok(())
    }

    /// That the caller may work on a user's tokens.
    pub async fn owner<'a>(&self, caller: &'a Caller, user_slug: &str) -> Result<AccountOwner<'a>, Refusal> {
        let user = self.user(permit::authenticated(caller)?, user_slug).await?;
        permit::self_or_sys_admin(caller, user)
    }
}

fn checked_permissions(mut names: Vec<String>) -> Result<Vec<String>, Refusal> {
    if names.len() > MAX_PERMISSIONS {
        let message = format!("A token has at most {MAX_PERMISSIONS} permissions.");
        return Err(Refusal::invalid("permissions", message));
    }
    let known = |name: &String| {
        name.parse::<GlobalPermission>().is_ok()
            || name.parse::<ProjectPermission>().is_ok()
            || name.parse::<RepositoryPermission>().is_ok()
    };
    if let Some(unknown) = names.iter().find(|name| !known(name)) {
        return Err(Refusal::invalid("permissions", format!("The permission {unknown:?} does not exist.")));
    }
    names.sort_unstable();
    names.dedup();
    Ok(names)
}
