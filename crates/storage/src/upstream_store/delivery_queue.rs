//! A table as a queue of deliveries: for mirrors (the outbox) and for webhooks.
//!
//! Each receiver gets its deliveries in the order of their ids. A receiver is due when its oldest delivery is: a
//! younger one does not make it due, or it would undo the back-off and overtake.

use sea_orm::sea_query::{Expr, ExprTrait, Query};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Select, TryGetable, Value,
};

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

/// The receivers that are due, the one whose delivery has waited longest first.
pub(super) async fn due_receivers<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
    now: i64,
) -> Result<Vec<Q::Receiver>, DbErr> {
    oldest_of_each_receiver::<Q>()
        .select_only()
        .column(Q::RECEIVER)
        .filter(Q::NOT_BEFORE.lte(now))
        .order_by_asc(Q::ID)
        .into_tuple()
        .all(connection)
        .await
}

/// When the next receiver will be due, in epoch milliseconds; in the past if one is due already.
pub(super) async fn next_due_at<Q: DeliveryQueue>(
    connection: &impl ConnectionTrait,
) -> Result<Option<i64>, DbErr> {
    oldest_of_each_receiver::<Q>()
        .select_only()
        .column(Q::NOT_BEFORE)
        .order_by_asc(Q::NOT_BEFORE)
        .limit(1)
        .into_tuple()
        .one(connection)
        .await
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
