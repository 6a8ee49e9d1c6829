//! The delivery log of each webhook: its last calls, and how they ended.

use sea_orm::sea_query::{Expr, ExprTrait};
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Select, Set};
use serde_json::{Map, Value};

use super::WebhookStore;
use crate::entities::webhook_invocation;
use crate::error::StoreError;
use crate::ids::{InvocationId, WebhookId};
use crate::page::{Page, PageRequest};
use crate::records::{Exchange, Invocation, InvocationCounts, InvocationOutcome};
use crate::upstream_store::delivery_queue::keep_newest;
use crate::write_transaction::WriteTransaction;

/// Adds a call to a webhook's log, of which the last `keep` calls stay.
pub(super) async fn write_to_log(
    transaction: &WriteTransaction,
    webhook_id: WebhookId,
    exchange: Exchange,
    keep: u64,
) -> Result<(), StoreError> {
    let text = |headers: Map<String, Value>| Value::Object(headers).to_string();
    let row = webhook_invocation::ActiveModel {
        webhook_id: Set(webhook_id),
        event_key: Set(exchange.event_key),
        request_id: Set(exchange.request_id),
        attempt: Set(exchange.attempt),
        started_at: Set(exchange.started_at),
        finished_at: Set(exchange.finished_at),
        url: Set(exchange.url),
        request_headers: Set(text(exchange.request_headers)),
        request_body: Set(exchange.request_body),
        outcome: Set(exchange.outcome),
        status_code: Set(exchange.status_code),
        description: Set(exchange.description),
        response_headers: Set(exchange.response_headers.map(text)),
        response_body: Set(exchange.response_body),
        ..Default::default()
    };
    webhook_invocation::Entity::insert(row).exec_without_returning(transaction).await?;
    let of_webhook = Condition::all().add(webhook_invocation::Column::WebhookId.eq(webhook_id));
    let id = webhook_invocation::Column::Id;
    keep_newest::<webhook_invocation::Entity>(transaction, of_webhook, id, keep).await?;
    Ok(())
}

impl WebhookStore {
    /// The calls of a webhook that told of an event and ended in a way, or all, the newest first.
    pub async fn list_invocations(
        &self,
        webhook_id: WebhookId,
        event_key: Option<&str>,
        outcome: Option<InvocationOutcome>,
        page: PageRequest,
    ) -> Result<Page<Invocation>, StoreError> {
        let rows = log_of(webhook_id, event_key, outcome)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(Invocation::try_from).collect::<Result<_, _>>()?;
        Ok(Page::cut(found, page))
    }

    /// The newest of these calls.
    pub async fn latest_invocation(
        &self,
        webhook_id: WebhookId,
        event_key: Option<&str>,
        outcome: Option<InvocationOutcome>,
    ) -> Result<Option<Invocation>, StoreError> {
        let found = log_of(webhook_id, event_key, outcome).one(self.database.connection()).await?;
        Ok(found.map(Invocation::try_from).transpose()?)
    }

    /// A call in a webhook's log.
    pub async fn find_invocation(
        &self,
        webhook_id: WebhookId,
        id: InvocationId,
    ) -> Result<Option<Invocation>, StoreError> {
        let call = log_of(webhook_id, None, None).filter(webhook_invocation::Column::Id.eq(id));
        let found = call.one(self.database.connection()).await?;
        Ok(found.map(Invocation::try_from).transpose()?)
    }

    /// How the calls in a webhook's log that told of an event, or all, have ended.
    pub async fn count_invocations(
        &self,
        webhook_id: WebhookId,
        event_key: Option<&str>,
    ) -> Result<InvocationCounts, StoreError> {
        let mut calls =
            webhook_invocation::Entity::find().filter(webhook_invocation::Column::WebhookId.eq(webhook_id));
        if let Some(event_key) = event_key {
            calls = calls.filter(webhook_invocation::Column::EventKey.eq(event_key));
        }
        let rows: Vec<(InvocationOutcome, i64, Option<i64>)> = calls
            .select_only()
            .column(webhook_invocation::Column::Outcome)
            .column_as(Expr::col(webhook_invocation::Column::Id).count(), "calls")
            .column_as(Expr::col(webhook_invocation::Column::StartedAt).min(), "since")
            .group_by(webhook_invocation::Column::Outcome)
            .into_tuple()
            .all(self.database.connection())
            .await?;
        let mut counts = InvocationCounts::default();
        for (outcome, calls, since) in rows {
            match outcome {
                InvocationOutcome::Success => counts.successes = calls,
                InvocationOutcome::Failure => counts.failures = calls,
                InvocationOutcome::Error => counts.errors = calls,
            }
            counts.since = counts.since.into_iter().chain(since).min();
        }
        Ok(counts)
    }
}

fn log_of(
    webhook_id: WebhookId,
    event_key: Option<&str>,
    outcome: Option<InvocationOutcome>,
) -> Select<webhook_invocation::Entity> {
    let mut calls = webhook_invocation::Entity::find()
        .filter(webhook_invocation::Column::WebhookId.eq(webhook_id))
        .order_by_desc(webhook_invocation::Column::Id);
    if let Some(event_key) = event_key {
        calls = calls.filter(webhook_invocation::Column::EventKey.eq(event_key));
    }
    if let Some(outcome) = outcome {
        calls = calls.filter(webhook_invocation::Column::Outcome.eq(outcome));
    }
    calls
}
