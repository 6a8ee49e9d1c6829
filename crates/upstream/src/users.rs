//! Users of the upstream and their passwords.

use heliostat_auth::{Caller, GlobalPermission, Secret};
use heliostat_refusal::Refusal;
use heliostat_storage::{NewUser, Page, PageRequest, PermissionLevel, User, UserFilter, UserId, UserKind};

use crate::names;
use crate::permit;
use crate::upstream::Upstream;

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

impl Upstream {
    /// Users whose names contain a text.
    pub async fn users(
        &self,
        caller: &Caller,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        permit::authenticated(caller)?;
        let filter = UserFilter { text: filter.filter(|text| !text.is_empty()).map(str::to_owned) };
        Ok(self.store().list_users(&filter, page).await?)
    }

    /// All accounts, for administrators.
    pub async fn accounts(
        &self,
        caller: &Caller,
        filter: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<User>, Refusal> {
        permit::admin(caller)?;
        self.users(caller, filter, page).await
    }

    /// The user with this slug.
    pub async fn user(&self, caller: &Caller, slug: &str) -> Result<User, Refusal> {
        permit::authenticated(caller)?;
        let user = self.store().find_user_by_slug(slug).await?;
        user.ok_or_else(|| no_such_user(slug))
    }

    /// Creates a user who may log in.
    pub async fn create_user(&self, caller: &Caller, creation: UserCreation) -> Result<User, Refusal> {
        permit::admin(caller)?;
        let (name, slug) = names::user_name(&creation.name)?;
        let display_name = match creation.display_name.as_deref().map(str::trim) {
            None | Some("") => name.clone(),
            Some(text) => names::one_line("displayName", text, names::MAX_LONG_NAME_LENGTH)?,
        };
        let email = match creation.email.as_deref().map(str::trim) {
            None | Some("") => None,
            Some(text) => Some(names::one_line("emailAddress", text, names::MAX_LONG_NAME_LENGTH)?),
        };
        let password_hash = self.0.passwords.hash(&creation.password).await?;
        let new_user = NewUser {
            name,
            slug,
            display_name,
            email,
            password_hash: Some(password_hash),
            active: true,
            kind: UserKind::Normal,
            created_at: self.now_ms(),
        };
        let store = self.store().clone();
        self.to_the_end(async move {
            let user = store.create_user(new_user).await?;
            let licensed = GlobalPermission::LicensedUser.as_str();
            let granted = store.set_permission(PermissionLevel::Global, user.id, licensed, Vec::new()).await;
            granted?;
            Ok(user)
        })
        .await
    }

    /// Deletes a user with his permissions and tokens.
    pub async fn delete_user(&self, caller: &Caller, name: &str) -> Result<User, Refusal> {
        permit::admin(caller)?;
        let user = self.user_by_name(name).await?;
        if caller.user().is_some_and(|caller| caller.id == user.id.0) {
            return Err(Refusal::conflict_in("name", "Nobody can delete his own account."));
        }
        self.permit_over(caller, user.id).await?;
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        self.store().delete_user(user.id, events).await?;
        self.announced();
        Ok(user)
    }

    /// Sets a user's password.
    pub async fn set_password(&self, caller: &Caller, name: &str, password: &Secret) -> Result<(), Refusal> {
        permit::admin(caller)?;
        let user = self.user_by_name(name).await?;
        self.permit_over(caller, user.id).await?;
        let password_hash = self.0.passwords.hash(password).await?;
        let events = vec![self.occasion(caller).permissions_changed(Some(&user.name))];
        self.store().set_password_hash(user.id, Some(password_hash), events).await?;
        self.announced();
        Ok(())
    }

    pub(crate) async fn user_by_name(&self, name: &str) -> Result<User, Refusal> {
        let user = self.store().find_user_by_name(name).await?;
        user.ok_or_else(|| no_such_user(name))
    }

    /// Nobody acts on an account that has a higher permission than he.
    async fn permit_over(&self, caller: &Caller, id: UserId) -> Result<(), Refusal> {
        match self.global_permission(id).await? {
            Some(held) => permit::grant_global(caller, held),
            None => Ok(()),
        }
    }
}

fn no_such_user(name: &str) -> Refusal {
    Refusal::not_found("user", format!("The user {name} does not exist."))
}
