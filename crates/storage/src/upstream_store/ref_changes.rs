//! Which refs changed at each of the last generations, so that it can be told what a mirror has gained that was
//! behind by several.
//!
//! Only repositories with webhooks have this history, since only webhooks ask for it, and it is short: about a
//! mirror that is further behind it is said that refs have changed, but not which.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};
use serde_json::Value;

use crate::entities::{ref_change, webhook};
use crate::error::StoreError;
use crate::ids::{Generation, RepositoryId, WebhookId};
use crate::write_transaction::WriteTransaction;

/// How many generations of a repository are remembered.
const MAX_REMEMBERED_GENERATIONS: i64 = 200;

/// Remembers the changes that led to a generation; `None` if they are not known.
pub(super) async fn remember_changes(
    transaction: &WriteTransaction,
    repository_id: RepositoryId,
    generation: Generation,
    changes: Option<Value>,
) -> Result<(), StoreError> {
    let listener: Option<WebhookId> = webhook::Entity::find()
        .select_only()
        .column(webhook::Column::Id)
        .filter(webhook::Column::RepositoryId.eq(repository_id))
        .limit(1)
        .into_tuple()
        .one(transaction)
        .await?;
    if listener.is_none() {
        return Ok(());
    }
    let row = ref_change::ActiveModel {
        repository_id: Set(repository_id),
        generation: Set(generation),
        changes: Set(changes.map(|changes| changes.to_string())),
    };
    ref_change::Entity::insert(row).exec_without_returning(transaction).await?;
    ref_change::Entity::delete_many()
        .filter(ref_change::Column::RepositoryId.eq(repository_id))
        .filter(ref_change::Column::Generation.lte(Generation(generation.0 - MAX_REMEMBERED_GENERATIONS)))
        .exec(transaction)
        .await?;
    Ok(())
}

/// The changes after one generation up to another, a JSON list for each generation; `None` unless all of them
/// are known.
pub(super) async fn changes_between(
    transaction: &WriteTransaction,
    repository_id: RepositoryId,
    from: Generation,
    to: Generation,
) -> Result<Option<Vec<Value>>, StoreError> {
    let wanted = to.0.saturating_sub(from.0);
    if !(1..=MAX_REMEMBERED_GENERATIONS).contains(&wanted) {
        return Ok(None);
    }
    let rows: Vec<Option<String>> = ref_change::Entity::find()
        .select_only()
        .column(ref_change::Column::Changes)
        .filter(ref_change::Column::RepositoryId.eq(repository_id))
        .filter(ref_change::Column::Generation.gt(from))
        .filter(ref_change::Column::Generation.lte(to))
        .order_by_asc(ref_change::Column::Generation)
        .into_tuple()
        .all(transaction)
        .await?;
    if rows.len() as i64 != wanted {
        return Ok(None);
    }
    let lists = rows.into_iter().map(|text| text.and_then(|text| serde_json::from_str(&text).ok()));
    Ok(lists.collect())
}
