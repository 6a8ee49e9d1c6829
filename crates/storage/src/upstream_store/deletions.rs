//! Which repositories were deleted lately, for mirrors that did not hear of it when it happened.
//!
//! A mirror that was removed gets no events, and keeps its repositories for a while in case it is accepted again. Without word of
//! a deletion it would take it for a loss, and hold what it has for an administrator. So each mirror that is accepted is told of
//! the last deletions. What it does not have, or the upstream has again, it passes over.

use sea_orm::sea_query::Query;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, Set};

use super::delivery_queue;
use super::outbox::insert_events;
use crate::entities::{deleted_repository, outbox_event, repository};
use crate::error::StoreError;
use crate::ids::MirrorServerId;
use crate::records::{Audience, NewEvent};
use crate::write_transaction::WriteTransaction;

/// How many deletions are remembered.
const MAX_REMEMBERED_DELETIONS: u64 = 10_000;

/// How long a deletion is remembered: 30 days. A removed mirror keeps its repositories for a day of its running time.
const REMEMBERED_MS: i64 = 30 * 24 * 3_600 * 1_000;

/// Remembers what mirrors are told of a deletion.
pub(super) async fn remember(transaction: &WriteTransaction, events: &[NewEvent]) -> Result<(), StoreError> {
    for event in events.iter().filter(|event| event.audience == Audience::Mirrors) {
        let Some(repository_id) = event.repository_id else { continue };
        let row = deleted_repository::ActiveModel {
            repository_id: Set(repository_id),
            event_key: Set(event.event_key.clone()),
            body: Set(event.body.to_string()),
            deleted_at: Set(event.created_at),
            ..Default::default()
        };
        deleted_repository::Entity::insert(row).exec_without_returning(transaction).await?;
        deleted_repository::Entity::delete_many()
            .filter(deleted_repository::Column::DeletedAt.lt(event.created_at - REMEMBERED_MS))
            .exec(transaction)
            .await?;
    }
    let (all, counted_by) = (Condition::all(), deleted_repository::Column::Id);
    let kept = MAX_REMEMBERED_DELETIONS;
    delivery_queue::keep_newest::<deleted_repository::Entity>(transaction, all, counted_by, kept).await?;
    Ok(())
}

/// Announces the deletions that are remembered to a mirror that is accepted now.
pub(super) async fn tell(
    transaction: &WriteTransaction,
    mirror_id: &MirrorServerId,
    now: i64,
) -> Result<(), StoreError> {
    // One that was deleted may have been put back.
    let existing = Query::select().column(repository::Column::Id).from(repository::Entity).to_owned();
    let deleted = deleted_repository::Entity::find()
        .filter(deleted_repository::Column::DeletedAt.gte(now - REMEMBERED_MS))
        .filter(deleted_repository::Column::RepositoryId.not_in_subquery(existing))
        .order_by_asc(deleted_repository::Column::Id)
        .all(transaction)
        .await?;
    let events = deleted.into_iter().map(|deleted| outbox_event::ActiveModel {
        mirror_id: Set(mirror_id.clone()),
        repository_id: Set(Some(deleted.repository_id)),
        event_key: Set(deleted.event_key),
        body: Set(deleted.body),
        created_at: Set(now),
        attempts: Set(0),
        not_before: Set(now),
        ..Default::default()
    });
    insert_events(transaction, &events.collect::<Vec<_>>()).await
}
