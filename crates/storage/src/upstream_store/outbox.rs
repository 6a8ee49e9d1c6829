//! Announcing events, and those that wait for their delivery to a mirror.
//!
//! A repository's events leave in the order in which its changes were recorded: whoever announces a change
//! holds the lock on the changed row until the commit, so that a later change gets later numbers.

use sea_orm::sea_query::{Expr, ExprTrait, LockType, Query};
use sea_orm::{
    ColumnTrait, DatabaseTransaction, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, Set,
};

use super::UpstreamStore;
use super::webhook_deliveries::announce_to_webhooks;
use crate::entities::{mirror_server, outbox_event};
use crate::error::StoreError;
use crate::ids::{MirrorServerId, OutboxEventId};
use crate::records::{Audience, NewEvent, OutboxEvent};

/// How many events one statement inserts; times the columns it stays far below both databases' limits.
const INSERT_CHUNK_ROWS: usize = 500;
/// How many ids one statement names, for the same reason.
const ID_CHUNK: usize = 500;

/// Writes the events down for each enabled mirror and each webhook that is to hear of them, as part of the
/// caller's transaction.
pub(super) async fn announce(
    transaction: &DatabaseTransaction,
    events: Vec<NewEvent>,
) -> Result<(), StoreError> {
    let (for_mirrors, for_webhooks) =
        events.into_iter().partition(|event| event.audience == Audience::Mirrors);
    announce_to_mirrors(transaction, for_mirrors).await?;
    announce_to_webhooks(transaction, for_webhooks).await
}

async fn announce_to_mirrors(
    transaction: &DatabaseTransaction,
    events: Vec<NewEvent>,
) -> Result<(), StoreError> {
    if events.is_empty() {
        return Ok(());
    }
    // The lock keeps a mirror from being deleted before its events are committed, which would fail the
    // change that is announced. It does not hinder other announcements.
    let mirrors: Vec<MirrorServerId> = mirror_server::Entity::find()
        .select_only()
        .column(mirror_server::Column::Id)
        .filter(mirror_server::Column::Enabled.eq(true))
        .order_by_asc(mirror_server::Column::Id)
        .lock(LockType::KeyShare)
        .into_tuple()
        .all(transaction)
        .await?;
    let mut rows = Vec::with_capacity(mirrors.len() * events.len());
    for event in events {
        let body = event.body.to_string();
        rows.extend(mirrors.iter().map(|mirror_id| outbox_event::ActiveModel {
            mirror_id: Set(mirror_id.clone()),
            repository_id: Set(event.repository_id),
            event_key: Set(event.event_key.clone()),
            body: Set(body.clone()),
            created_at: Set(event.created_at),
            attempts: Set(0),
            not_before: Set(event.created_at),
            ..Default::default()
        }));
    }
    for chunk in rows.chunks(INSERT_CHUNK_ROWS) {
        outbox_event::Entity::insert_many(chunk.to_vec()).exec_without_returning(transaction).await?;
    }
    Ok(())
}

impl UpstreamStore {
    /// Announces something that is not a change of the store.
    pub async fn announce(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// A mirror's events in order, the oldest first, whether they are due or not.
    pub async fn pending_for(
        &self,
        mirror_id: &MirrorServerId,
        limit: u64,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let rows = outbox_event::Entity::find()
            .filter(outbox_event::Column::MirrorId.eq(mirror_id.clone()))
            .order_by_asc(outbox_event::Column::Id)
            .limit(limit)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(OutboxEvent::try_from).collect::<Result<_, _>>()?)
    }

    /// How many events wait for a mirror.
    pub async fn count_pending(&self, mirror_id: &MirrorServerId) -> Result<u64, StoreError> {
        let pending =
            outbox_event::Entity::find().filter(outbox_event::Column::MirrorId.eq(mirror_id.clone()));
        Ok(pending.count(self.database.connection()).await?)
    }

    /// Forgets events that were delivered or have become pointless.
    pub async fn delete_events(&self, ids: &[OutboxEventId]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        for chunk in ids.chunks(ID_CHUNK) {
            outbox_event::Entity::delete_many()
                .filter(outbox_event::Column::Id.is_in(chunk.iter().copied()))
                .exec(&transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Notes that delivery has failed once more and is not tried again before a time.
    pub async fn postpone(&self, ids: &[OutboxEventId], not_before: i64) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        for chunk in ids.chunks(ID_CHUNK) {
            outbox_event::Entity::update_many()
                .col_expr(outbox_event::Column::Attempts, Expr::col(outbox_event::Column::Attempts).add(1))
                .col_expr(outbox_event::Column::NotBefore, Expr::value(not_before))
                .filter(outbox_event::Column::Id.is_in(chunk.iter().copied()))
                .exec(&transaction)
                .await?;
        }
        Ok(transaction.commit().await?)
    }

    /// Enabled mirrors whose oldest event is due. A younger event does not make a mirror due, or it would
    /// undo the back-off and overtake.
    pub async fn mirrors_with_pending(&self, now: i64) -> Result<Vec<MirrorServerId>, StoreError> {
        Ok(oldest_of_enabled_mirrors()
            .select_only()
            .column(outbox_event::Column::MirrorId)
            .filter(outbox_event::Column::NotBefore.lte(now))
            .order_by_asc(outbox_event::Column::Id)
            .into_tuple()
            .all(self.database.connection())
            .await?)
    }

    /// When the next mirror will be due, in epoch milliseconds; in the past if one is due already.
    pub async fn next_delivery_at(&self) -> Result<Option<i64>, StoreError> {
        let earliest: Option<i64> = oldest_of_enabled_mirrors()
            .select_only()
            .column(outbox_event::Column::NotBefore)
            .order_by_asc(outbox_event::Column::NotBefore)
            .limit(1)
            .into_tuple()
            .one(self.database.connection())
            .await?;
        Ok(earliest)
    }

    /// Drops the oldest events of a mirror that has been away so long that more than `keep` wait for it,
    /// and returns how many. The mirror's sweep finds what they would have told.
    pub async fn trim_outbox(&self, mirror_id: &MirrorServerId, keep: u64) -> Result<u64, StoreError> {
        let of_mirror = outbox_event::Column::MirrorId.eq(mirror_id.clone());
        let newest_dropped: Option<OutboxEventId> = outbox_event::Entity::find()
            .select_only()
            .column(outbox_event::Column::Id)
            .filter(of_mirror.clone())
            .order_by_desc(outbox_event::Column::Id)
            .offset(keep)
            .limit(1)
            .into_tuple()
            .one(self.database.connection())
            .await?;
        let Some(newest_dropped) = newest_dropped else {
            return Ok(0);
        };
        let deleted = outbox_event::Entity::delete_many()
            .filter(of_mirror)
            .filter(outbox_event::Column::Id.lte(newest_dropped))
            .exec(self.database.connection())
            .await?;
        Ok(deleted.rows_affected)
    }
}

/// The oldest event of each enabled mirror.
fn oldest_of_enabled_mirrors() -> Select<outbox_event::Entity> {
    let oldest = Query::select()
        .expr(Expr::col(outbox_event::Column::Id).min())
        .from(outbox_event::Entity)
        .group_by_col(outbox_event::Column::MirrorId)
        .to_owned();
    let enabled = Query::select()
        .column(mirror_server::Column::Id)
        .from(mirror_server::Entity)
        .and_where(mirror_server::Column::Enabled.eq(true))
        .to_owned();
    outbox_event::Entity::find()
        .filter(outbox_event::Column::Id.in_subquery(oldest))
        .filter(outbox_event::Column::MirrorId.in_subquery(enabled))
}
