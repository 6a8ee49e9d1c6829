//! A table as a queue of deliveries: for mirrors (the outbox) and for webhooks.
//!
//! Each receiver gets its deliveries in the order of their ids. A receiver waits as its oldest delivery does: a younger
//! one does not make it due, or it would undo the back-off and overtake. Whether it is due is not for the database to
//! say: the time that is stored is that of a clock that may have been set since.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, TryGetable, Value,
};

use crate::records::WaitingReceiver;

/// How many ids one statement names, which stays far below both databases' limits.
const ID_CHUNK: usize = 500;

/// A table of deliveries that wait.
pub(super) trait DeliveryQueue: EntityTrait {
    /// The place of a delivery in the order.
    type Id: Copy + Into<Value>;
    /// Who gets it.
    type Receiver: Into<Value> + TryGetable + Send;

    const ID: Self::Column;
    const RECEIVER: Self::Column;
    const ATTEMPTS: Self::Column;
    const NOT_BEFORE: Self::Column;

    /// The deliveries whose receivers get any at present.
    fn deliverable() -> Condition {
        Condition::all()
    }
}

/// The receivers for which something waits, the one whose delivery has waited longest first.
pub(super) async fn waiting_receivers<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
) -> Result<Vec<WaitingReceiver<Q::Receiver>>, DbErr> {
    let oldest: Vec<(Q::Receiver, i32, i64)> = oldest_of_each_receiver::<Q>()
        .select_only()
        .column(Q::RECEIVER)
        .column(Q::ATTEMPTS)
        .column(Q::NOT_BEFORE)
        .order_by_asc(Q::ID)
        .into_tuple()
        .all(connection)
        .await?;
    let waiting = oldest.into_iter();
    Ok(waiting
        .map(|(receiver, attempts, not_before)| WaitingReceiver { receiver, attempts, not_before })
        .collect())
}

/// Notes that these deliveries have failed once more and are not tried again before a time.
pub(super) async fn postpone<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
    ids: &[Q::Id],
    not_before: i64,
) -> Result<(), DbErr> {
    for chunk in ids.chunks(ID_CHUNK) {
        Q::update_many()
            .col_expr(Q::ATTEMPTS, Expr::col(Q::ATTEMPTS).add(1))
            .col_expr(Q::NOT_BEFORE, Expr::value(not_before))
            .filter(Q::ID.is_in(chunk.iter().copied()))
            .exec(connection)
            .await?;
    }
    Ok(())
}

/// Removes deliveries that are over.
pub(super) async fn remove<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
    ids: &[Q::Id],
) -> Result<(), DbErr> {
    for chunk in ids.chunks(ID_CHUNK) {
        Q::delete_many().filter(Q::ID.is_in(chunk.iter().copied())).exec(connection).await?;
    }
    Ok(())
}

/// Removes the oldest deliveries of a receiver for which more than `keep` wait, and returns how many.
pub(super) async fn trim<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
    receiver: Q::Receiver,
    keep: u64,
) -> Result<u64, DbErr> {
    keep_newest::<Q>(connection, Condition::all().add(Q::RECEIVER.eq(receiver)), Q::ID, keep).await
}

/// Deletes all but the newest `keep` of some rows that are counted up by a column, and returns how many went.
pub(super) async fn keep_newest<E: EntityTrait>(
    connection: &impl ConnectionTrait,
    rows: Condition,
    counted_by: E::Column,
    keep: u64,
) -> Result<u64, DbErr> {
    let newest_dropped: Option<i64> = E::find()
        .select_only()
        .column(counted_by)
        .filter(rows.clone())
        .order_by_desc(counted_by)
        .offset(keep)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await?;
    let Some(newest_dropped) = newest_dropped else {
        return Ok(0);
    };
    let deleted =
        E::delete_many().filter(rows).filter(counted_by.lte(newest_dropped)).exec(connection).await?;
    Ok(deleted.rows_affected)
}

fn oldest_of_each_receiver<Q: DeliveryQueue>() -> Select<Q> {
    let oldest =
        Query::select().expr(Expr::col(Q::ID).min()).from(Q::default()).group_by_col(Q::RECEIVER).to_owned();
    Q::find().filter(Q::ID.in_subquery(oldest)).filter(Q::deliverable())
}
