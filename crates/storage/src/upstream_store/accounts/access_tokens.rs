//! Access tokens.

use sea_orm::{
    ActiveModelTrait, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set, sea_query::Expr,
};

use super::AccountStore;
use crate::entities::{access_token, user_account};
use crate::error::{StoreError, UniqueField, require_row};
use crate::ids::{TokenId, UserId};
use crate::page::{Page, PageRequest};
use crate::records::{AccessToken, NewAccessToken, NewEvent, User};
use crate::upstream_store::outbox::announce;

impl AccountStore {
    /// Creates a token for a user.
    pub async fn create_token(&self, token: NewAccessToken) -> Result<AccessToken, StoreError> {
        let user_id = token.user_id;
        let id = token.id.clone();
        let unique = [
            UniqueField { what: "token id", table: "access_token", column: "id", value: id.as_str() },
            UniqueField { what: "token", table: "access_token", column: "token_hash", value: id.as_str() },
        ];
        let row = access_token::ActiveModel {
            id: Set(token.id),
            user_id: Set(user_id),
            name: Set(token.name),
            token_hash: Set(token.token_hash),
            permissions: Set(serde_json::json!(token.permissions).to_string()),
            created_at: Set(token.created_at),
            expires_at: Set(token.expires_at),
            last_used_at: Set(None),
        };
        // A row is returned before its commit: without a transaction the caller would not wait for the commit.
        let transaction = self.database.begin_write().await?;
        let created = row.insert(&transaction).await.map_err(|error| {
            StoreError::from(error).or_conflict(&unique).or_missing_reference("user", &user_id)
        })?;
        transaction.commit().await?;
        Ok(created.try_into()?)
    }

    /// A user's tokens, the oldest first.
    pub async fn list_tokens(
        &self,
        user_id: UserId,
        page: PageRequest,
    ) -> Result<Page<AccessToken>, StoreError> {
        let rows = access_token::Entity::find()
            .filter(access_token::Column::UserId.eq(user_id))
            .order_by_asc(access_token::Column::CreatedAt)
            .order_by_asc(access_token::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let tokens = rows.into_iter().map(AccessToken::try_from).collect::<Result<_, _>>()?;
        Ok(Page::cut(tokens, page))
    }

    /// One of a user's tokens.
    pub async fn find_token(&self, user_id: UserId, id: &TokenId) -> Result<Option<AccessToken>, StoreError> {
        let found = access_token::Entity::find_by_id(id.clone())
            .filter(access_token::Column::UserId.eq(user_id))
            .one(self.database.connection())
            .await?;
        Ok(found.map(AccessToken::try_from).transpose()?)
    }

    /// Deletes one of a user's tokens and announces it.
    pub async fn delete_token(
        &self,
        user_id: UserId,
        id: &TokenId,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted = access_token::Entity::delete_many()
            .filter(access_token::Column::Id.eq(id.clone()))
            .filter(access_token::Column::UserId.eq(user_id))
            .exec(&transaction)
            .await?;
        require_row(deleted.rows_affected, "token", id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// The token with this hash and its user. Whether the token has expired and whether the user is active
    /// is for the caller to see.
    pub async fn find_user_by_token_hash(
        &self,
        token_hash: &str,
    ) -> Result<Option<(User, AccessToken)>, StoreError> {
        let found = access_token::Entity::find()
            .filter(access_token::Column::TokenHash.eq(token_hash))
            .find_also_related(user_account::Entity)
            .one(self.database.connection())
            .await?;
        match found {
            Some((token, Some(user))) => Ok(Some((user.into(), token.try_into()?))),
            _ => Ok(None),
        }
    }

    /// Notes that a token was used. A token that is gone by now is no error.
    pub async fn touch_token(&self, id: &TokenId, used_at: i64) -> Result<(), StoreError> {
        access_token::Entity::update_many()
            .col_expr(access_token::Column::LastUsedAt, Expr::value(used_at))
            .filter(access_token::Column::Id.eq(id.clone()))
            .exec(self.database.connection())
            .await?;
        Ok(())
    }
}
