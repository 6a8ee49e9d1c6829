//! Users.

use sea_orm::{
    ActiveModelTrait, ActiveValue::Unchanged, ColumnTrait, EntityTrait, PaginatorTrait, QueryFilter,
    QueryOrder, QuerySelect, Set, sea_query::Expr,
};

use super::AccountStore;
use super::last_holder::require_another_holder;
use crate::entities::user_account;
use crate::error::{StoreError, UniqueField, require_row};
use crate::ids::UserId;
use crate::page::{Page, PageRequest};
use crate::records::{NewEvent, NewUser, User, UserFilter};
use crate::text_search::{describes_user, folded};
use crate::upstream_store::outbox::announce;

impl AccountStore {
    /// Creates a user; fails with a conflict on "user name" or "user slug".
    pub async fn create_user(&self, user: NewUser) -> Result<User, StoreError> {
        let slug = folded(&user.slug);
        let unique = [
            UniqueField { what: "user name", table: "user_account", column: "name_lower", value: &user.name },
            UniqueField { what: "user slug", table: "user_account", column: "slug", value: &slug },
        ];
        let row = user_account::ActiveModel {
            name_lower: Set(folded(&user.name)),
            name: Set(user.name.clone()),
            slug: Set(slug.clone()),
            display_name_lower: Set(folded(&user.display_name)),
            display_name: Set(user.display_name),
            email: Set(user.email),
            password_hash: Set(user.password_hash),
            active: Set(user.active),
            kind: Set(user.kind),
            created_at: Set(user.created_at),
            ..Default::default()
        };
        // A row is returned before its commit: without a transaction the caller would not wait for the commit.
        let transaction = self.database.begin_write().await?;
        let created = row.insert(&transaction).await;
        let created = created.map_err(|error| StoreError::from(error).or_conflict(&unique))?;
        transaction.commit().await?;
        Ok(created.into())
    }

    /// The user with this id.
    pub async fn find_user(&self, id: UserId) -> Result<Option<User>, StoreError> {
        let found = user_account::Entity::find_by_id(id).one(self.database.connection()).await?;
        Ok(found.map(User::from))
    }

    /// The user who logs in with this name, in whatever case.
    pub async fn find_user_by_name(&self, name: &str) -> Result<Option<User>, StoreError> {
        let found = user_account::Entity::find()
            .filter(user_account::Column::NameLower.eq(folded(name)))
            .one(self.database.connection())
            .await?;
        Ok(found.map(User::from))
    }

    /// The user with this name in URLs.
    pub async fn find_user_by_slug(&self, slug: &str) -> Result<Option<User>, StoreError> {
        let found = user_account::Entity::find()
            .filter(user_account::Column::Slug.eq(folded(slug)))
            .one(self.database.connection())
            .await?;
        Ok(found.map(User::from))
    }

    /// Users, in order of creation.
    pub async fn list_users(&self, filter: &UserFilter, page: PageRequest) -> Result<Page<User>, StoreError> {
        let mut users = user_account::Entity::find();
        if let Some(text) = &filter.text {
            users = users.filter(describes_user(text));
        }
        let rows = users
            .order_by_asc(user_account::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        Ok(Page::cut(rows, page).map(User::from))
    }

    /// How many users there are.
    pub async fn count_users(&self) -> Result<u64, StoreError> {
        Ok(user_account::Entity::find().count(self.database.connection()).await?)
    }

    /// Sets or, with `None`, removes a user's password and announces it.
    pub async fn set_password_hash(
        &self,
        id: UserId,
        password_hash: Option<String>,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let row = user_account::ActiveModel {
            id: Unchanged(id),
            password_hash: Set(password_hash),
            ..Default::default()
        };
        let transaction = self.database.begin_write().await?;
        let updated = row.update(&transaction).await;
        updated.map_err(|error| StoreError::from(error).or_missing_row("user", &id))?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Replaces a user's password and announces it, unless it is another one than `former` by now. Says whether it did.
    pub async fn replace_password_hash(
        &self,
        id: UserId,
        former: &str,
        password_hash: &str,
        events: Vec<NewEvent>,
    ) -> Result<bool, StoreError> {
        let transaction = self.database.begin_write().await?;
        let updated = user_account::Entity::update_many()
            .col_expr(user_account::Column::PasswordHash, Expr::value(password_hash))
            .filter(user_account::Column::Id.eq(id))
            .filter(user_account::Column::PasswordHash.eq(former))
            .exec(&transaction)
            .await?;
        if updated.rows_affected == 0 {
            return Ok(false);
        }
        announce(&transaction, events).await?;
        transaction.commit().await?;
        Ok(true)
    }

    /// Deletes a user with their tokens and permissions, and announces it. The last one who holds SYS_ADMIN stays.
    pub async fn delete_user(&self, id: UserId, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        require_another_holder(&transaction, id).await?;
        let deleted = user_account::Entity::delete_by_id(id).exec(&transaction).await?;
        require_row(deleted.rows_affected, "user", &id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }
}
