//! Users of the upstream and their passwords.

use std::sync::Arc;

use heliostat_auth::{Caller, GlobalPermission, NewPassword, Secret};
use heliostat_downstream::{MAX_LONG_NAME_LENGTH, one_line};
use heliostat_refusal::Refusal;
use heliostat_storage::{NewUser, Page, PageRequest, PermissionLevel, User, UserFilter, UserId, UserKind};

use super::bootstrap::{ADMIN_NAME, remove_generated_password};
use super::part::Accounts;
use crate::names;
use crate::permit::{self, Administrator, Authenticated};

/// A user to create.
#[derive(Debug, Clone)]
pub struct UserCreation {
    /// Login name.
    pub name: String,
    /// Password.
    pub password: Secret,
    /// Name to show; the login name if there is none.
    pub display_name: Option<String>,
    /// Where mail goes.
    pub email: Option<String>,
}

impl Accounts {
    /// Users whose names contain a text.
    pub async fn users(
        &self,
        _: Authenticated<'_>,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        self.list(filter, page).await
    }

    /// All accounts, for administrators.
    pub async fn details(
        &self,
        _: Administrator<'_>,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        self.list(filter, page).await
    }

    async fn list(&self, filter: Option<&str>, page: PageRequest) -> Result<Page<User>, Refusal> {
        let filter = UserFilter { text: filter.filter(|text| !text.is_empty()).map(str::to_owned) };
        Ok(self.store.list_users(&filter, page).await?)
    }

    /// The user with this slug.
    pub async fn user(&self, _: Authenticated<'_>, slug: &str) -> Result<User, Refusal> {
        let user = self.store.find_user_by_slug(slug).await?;
        user.ok_or_else(|| no_such_user(slug))
    }

    /// Creates a user who may log in.
    pub async fn create_user(&self, _: Administrator<'_>, creation: UserCreation) -> Result<User, Refusal> {
        let (name, slug) = names::user_name(&creation.name)?;
        let display_name = match creation.display_name.as_deref().map(str::trim) {
            None | Some("") => name.clone(),
            Some(text) => one_line("displayName", text, MAX_LONG_NAME_LENGTH)?,
        };
        let email = match creation.email.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(one_line("emailAddress", text, MAX_LONG_NAME_LENGTH)?),
        };
        let password = NewPassword::chosen(&name, &creation.password)?;
        let password_hash = self.passwords.hash(&password).await?;
        let new_user = NewUser {
            name,
            slug,
            display_name,
            email,
            password_hash: Some(password_hash),
            active: true,
            kind: UserKind::Normal,
            created_at: self.announcer.now_ms(),
        };
        let store = self.store.clone();
        self.tasks
            .to_the_end(async move {
                let user = store.create_user(new_user).await?;
                let licensed = GlobalPermission::LicensedUser.as_str();
                let granted =
                    store.set_permission(PermissionLevel::Global, user.id, licensed, Vec::new()).await;
                granted?;
                Ok(user)
            })
            .await
    }

    /// Deletes a user with their permissions and tokens.
    pub async fn delete_user(&self, administrator: Administrator<'_>, name: &str) -> Result<User, Refusal> {
        let caller = administrator.caller();
        let user = self.user_by_name(name).await?;
        if caller.user().is_some_and(|caller| caller.id == user.id.0) {
            return Err(Refusal::conflict_in("name", "You cannot delete your own account."));
        }
        self.permit_over(administrator, user.id).await?;
        let events = vec![self.announcer.context(caller).permissions_changed(Some(&user.name))];
        self.store.delete_user(user.id, events).await?;
        self.announcer.announced();
        Ok(user)
    }

    /// Sets a user's password.
    pub async fn set_password(
        &self,
        administrator: Administrator<'_>,
        name: &str,
        password: &Secret,
    ) -> Result<(), Refusal> {
        let user = self.user_by_name(name).await?;
        self.permit_over(administrator, user.id).await?;
        let password = NewPassword::chosen(&user.name, password)?;
        self.replace_password(administrator.caller(), &user, &password, None).await.map(drop)
    }

    /// Stores a new password, and tells the mirrors that the former one is worthless. With the hash of a former one it does
    /// so only as long as that is the present one, and says whether it did.
    pub(super) async fn replace_password(
        &self,
        caller: &Caller,
        user: &User,
        password: &NewPassword,
        former: Option<&str>,
    ) -> Result<bool, Refusal> {
        let password_hash = self.passwords.hash(password).await?;
        let events = vec![self.announcer.context(caller).permissions_changed(Some(&user.name))];
        let (id, is_first, former) = (user.id, user.name == ADMIN_NAME, former.map(str::to_owned));
        let (store, announcer, data) = (self.store.clone(), Arc::clone(&self.announcer), self.data.clone());
        self.tasks
            .to_the_end(async move {
                let replaced = match former {
                    Some(former) => store.replace_password_hash(id, &former, &password_hash, events).await?,
                    None => {
                        store.set_password_hash(id, Some(password_hash), events).await?;
                        true
                    }
                };
                if replaced {
                    announcer.announced();
                    if is_first {
                        remove_generated_password(&data);
                    }
                }
                Ok(replaced)
            })
            .await
    }

    pub(super) async fn user_by_name(&self, name: &str) -> Result<User, Refusal> {
        let user = self.store.find_user_by_name(name).await?;
        user.ok_or_else(|| no_such_user(name))
    }

    /// An administrator acts on no account with a higher permission than their own.
    async fn permit_over(&self, administrator: Administrator<'_>, id: UserId) -> Result<(), Refusal> {
        match self.global_permission(id).await? {
            Some(held) => permit::grant_global(administrator.caller(), held).map(drop),
            None => Ok(()),
        }
    }
}

fn no_such_user(name: &str) -> Refusal {
    Refusal::not_found("user", format!("The user {name} does not exist."))
}
