//! Announcing events, and those that wait for their delivery to a mirror.
//!
//! A repository's events leave in the order in which its changes were recorded: the transaction that
//! announces a change holds the lock on the changed row until its commit, so that a later change gets later numbers.

use sea_orm::sea_query::{LockType, Query};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::delivery_queue::{self, DeliveryQueue};
use super::webhooks::announce_to_webhooks;
use crate::change_count::Shown;
use crate::database::Database;
use crate::entities::{mirror_server, outbox_event};
use crate::error::StoreError;
use crate::ids::{MirrorServerId, OutboxEventId};
use crate::records::{Audience, NewEvent, OutboxEvent, WaitingReceiver};
use crate::write_transaction::WriteTransaction;

/// How many events one statement inserts; times the columns it stays far below both databases' limits.
const INSERT_CHUNK_ROWS: usize = 500;

/// Writes the events down for each enabled mirror and each webhook that is to hear of them, as part of the
/// caller's transaction.
pub(super) async fn announce(
    transaction: &WriteTransaction,
    events: Vec<NewEvent>,
) -> Result<(), StoreError> {
    let (for_mirrors, for_webhooks) =
        events.into_iter().partition(|event| event.audience == Audience::Mirrors);
    announce_to_mirrors(transaction, for_mirrors).await?;
    announce_to_webhooks(transaction, for_webhooks).await
}

async fn announce_to_mirrors(
    transaction: &WriteTransaction,
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
    insert_events(transaction, &rows).await
}

/// Writes events down for the mirrors that they name.
pub(super) async fn insert_events(
    transaction: &WriteTransaction,
    rows: &[outbox_event::ActiveModel],
) -> Result<(), StoreError> {
    for chunk in rows.chunks(INSERT_CHUNK_ROWS) {
        outbox_event::Entity::insert_many(chunk.to_vec()).exec_without_returning(transaction).await?;
    }
    Ok(())
}

/// The events that wait for mirrors. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Outbox {
    pub(super) database: Database,
}

impl Outbox {
    /// Announces something that is not a change of the store.
    pub async fn announce(&self, events: Vec<NewEvent>) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// A mirror's events in order, the oldest first or from behind one on, whether they are due or not.
    pub async fn pending_for(
        &self,
        mirror_id: &MirrorServerId,
        after: Option<OutboxEventId>,
        limit: u64,
    ) -> Result<Vec<OutboxEvent>, StoreError> {
        let later = after.map(|after| outbox_event::Column::Id.gt(after));
        let rows = outbox_event::Entity::find()
            .filter(outbox_event::Column::MirrorId.eq(mirror_id.clone()))
            .filter(Condition::all().add_option(later))
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

    /// When the oldest of a mirror's events was recorded, in epoch milliseconds.
    pub async fn oldest_pending_at(&self, mirror_id: &MirrorServerId) -> Result<Option<i64>, StoreError> {
        let oldest = outbox_event::Entity::find()
            .select_only()
            .column(outbox_event::Column::CreatedAt)
            .filter(outbox_event::Column::MirrorId.eq(mirror_id.clone()))
            .order_by_asc(outbox_event::Column::Id)
            .limit(1);
        Ok(oldest.into_tuple().one(self.database.connection()).await?)
    }

    /// Forgets events that were delivered or have become pointless.
    pub async fn delete_events(&self, ids: &[OutboxEventId]) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        delivery_queue::remove::<outbox_event::Entity>(&transaction, ids).await?;
        Ok(transaction.commit().await?)
    }

    /// Notes that delivery has failed once more and is not tried again before a time.
    pub async fn postpone(&self, ids: &[OutboxEventId], not_before: i64) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        delivery_queue::postpone::<outbox_event::Entity>(&transaction, ids, not_before).await?;
        Ok(transaction.commit().await?)
    }

    /// Enabled mirrors for which events wait, the one whose oldest has waited longest first.
    pub async fn mirrors_with_pending(&self) -> Result<Vec<WaitingReceiver<MirrorServerId>>, StoreError> {
        Ok(delivery_queue::waiting_receivers::<outbox_event::Entity>(self.database.connection()).await?)
    }

    /// Drops the oldest events of a mirror that has been away so long that more than `keep` wait for it, and returns how
    /// many. The mirror's sweep finds what they would have told. Events with one of these keys are not counted among them: of
    /// each key, `keep_lasting` stay.
    pub async fn trim_outbox(
        &self,
        mirror_id: &MirrorServerId,
        keep: u64,
        lasting_keys: &[&str],
        keep_lasting: u64,
    ) -> Result<u64, StoreError> {
        let of_mirror = Condition::all().add(outbox_event::Column::MirrorId.eq(mirror_id.clone()));
        let key = outbox_event::Column::EventKey;
        let others = of_mirror.clone().add(key.is_not_in(lasting_keys.iter().copied()));
        let mut dropped = self.keep_newest_events(others, keep).await?;
        for lasting in lasting_keys {
            dropped += self.keep_newest_events(of_mirror.clone().add(key.eq(*lasting)), keep_lasting).await?;
        }
        Ok(dropped)
    }

    async fn keep_newest_events(&self, rows: Condition, keep: u64) -> Result<u64, StoreError> {
        let (connection, counted_by) = (self.database.connection(), outbox_event::Column::Id);
        Ok(delivery_queue::keep_newest::<outbox_event::Entity>(connection, rows, counted_by, keep).await?)
    }
}

impl DeliveryQueue for outbox_event::Entity {
    type Id = OutboxEventId;
    type Receiver = MirrorServerId;

    const ID: Self::Column = outbox_event::Column::Id;
    const RECEIVER: Self::Column = outbox_event::Column::MirrorId;
    const ATTEMPTS: Self::Column = outbox_event::Column::Attempts;
    const NOT_BEFORE: Self::Column = outbox_event::Column::NotBefore;

    /// Mirrors that are switched off keep their events and get none.
    fn deliverable() -> Condition {
        let enabled = Query::select()
            .column(mirror_server::Column::Id)
            .from(mirror_server::Entity)
            .and_where(mirror_server::Column::Enabled.eq(true))
            .to_owned();
        Condition::all().add(outbox_event::Column::MirrorId.in_subquery(enabled))
    }
}
