//! Upstreams, how far the mirror has come with them, and what it holds of them.

use std::collections::BTreeSet;

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{ColumnTrait, ConnectionTrait, EntityTrait, QueryFilter, QuerySelect, Set};

use super::MirrorStore;
use crate::entities::{selected_project, upstream_server};
use crate::error::{StoreError, require_row};
use crate::ids::UpstreamServerId;
use crate::records::{MirroringMode, UpstreamServer, UpstreamSettings, UpstreamState};
use crate::write_transaction::WriteTransaction;

/// How many projects one statement inserts.
const PROJECT_CHUNK: usize = 500;

impl MirrorStore {
    /// Adds an upstream in state `INITIALIZING` that is mirrored as a whole, or updates the address of the
    /// one that is there.
    pub async fn upsert_upstream(
        &self,
        id: &UpstreamServerId,
        base_url: &str,
        now: i64,
    ) -> Result<UpstreamServer, StoreError> {
        let row = upstream_server::ActiveModel {
            id: Set(id.clone()),
            base_url: Set(base_url.to_owned()),
            state: Set(UpstreamState::Initializing),
            shared_secret: Set(None),
            client_key: Set(None),
            mode: Set(MirroringMode::AllProjects),
            last_error: Set(None),
            created_at: Set(now),
            state_changed_at: Set(now),
        };
        let keeping_state = OnConflict::column(upstream_server::Column::Id)
            .update_column(upstream_server::Column::BaseUrl)
            .to_owned();
        upstream_server::Entity::insert(row)
            .on_conflict(keeping_state)
            .exec_without_returning(self.database.connection())
            .await?;
        self.find_upstream(id).await?.ok_or_else(|| StoreError::not_found("upstream", id))
    }

    /// The upstream with this id.
    pub(super) async fn find_upstream(
        &self,
        id: &UpstreamServerId,
    ) -> Result<Option<UpstreamServer>, StoreError> {
        let found = upstream_server::Entity::find_by_id(id.clone()).one(self.database.connection()).await?;
        Ok(found.map(UpstreamServer::from))
    }

    /// Sets how far the mirror has come with an upstream, and why it has not come further.
    pub async fn set_upstream_state(
        &self,
        id: &UpstreamServerId,
        state: UpstreamState,
        last_error: Option<&str>,
        now: i64,
    ) -> Result<(), StoreError> {
        self.change_upstream(
            id,
            [
                (upstream_server::Column::State, Expr::value(state)),
                (upstream_server::Column::LastError, Expr::value(last_error.map(str::to_owned))),
                (upstream_server::Column::StateChangedAt, changed_at(state, now)),
            ],
        )
        .await
    }

    /// Notes the outcome of the last exchange with an upstream: the error, or `None` when it went well.
    pub async fn set_upstream_error(
        &self,
        id: &UpstreamServerId,
        last_error: Option<&str>,
    ) -> Result<(), StoreError> {
        self.change_upstream(
            id,
            [(upstream_server::Column::LastError, Expr::value(last_error.map(str::to_owned)))],
        )
        .await
    }

    /// Stores what both sides sign with, and which projects are mirrored if that begins anew; the upstream is
    /// `INSTALLED` from now on.
    pub async fn install_upstream(
        &self,
        id: &UpstreamServerId,
        shared_secret: String,
        client_key: String,
        settings: Option<&UpstreamSettings>,
        now: i64,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        lock_upstream(&transaction, id).await?;
        let installed = [
            (upstream_server::Column::State, Expr::value(UpstreamState::Installed)),
            (upstream_server::Column::SharedSecret, Expr::value(shared_secret)),
            (upstream_server::Column::ClientKey, Expr::value(client_key)),
            (upstream_server::Column::LastError, Expr::value(None::<String>)),
            (upstream_server::Column::StateChangedAt, changed_at(UpstreamState::Installed, now)),
        ];
        change_upstream(&transaction, id, installed).await?;
        if let Some(settings) = settings {
            replace_settings(&transaction, id, settings.mode, Some(&settings.project_ids)).await?;
        }
        transaction.commit().await?;
        // The upstream says it once: a power failure must not take it.
        self.database.flush().await
    }

    /// Forgets the secret of an upstream that has revoked this mirror; its state is `REMOVED` from now on.
    pub async fn remove_upstream(&self, id: &UpstreamServerId, now: i64) -> Result<(), StoreError> {
        self.change_upstream(
            id,
            [
                (upstream_server::Column::State, Expr::value(UpstreamState::Removed)),
                (upstream_server::Column::SharedSecret, Expr::value(None::<String>)),
                (upstream_server::Column::ClientKey, Expr::value(None::<String>)),
                (upstream_server::Column::StateChangedAt, changed_at(UpstreamState::Removed, now)),
            ],
        )
        .await?;
        self.database.flush().await
    }

    /// Which projects of an upstream are mirrored.
    pub async fn upstream_settings(&self, id: &UpstreamServerId) -> Result<UpstreamSettings, StoreError> {
        let transaction = self.database.begin_write().await?;
        let upstream = lock_upstream(&transaction, id).await?;
        let project_ids = selected(&transaction, id).await?;
        transaction.commit().await?;
        Ok(UpstreamSettings { mode: upstream.mode, project_ids })
    }

    /// Replaces which projects of an upstream are held: the mode, and the selection if one is given.
    pub async fn set_upstream_settings(
        &self,
        id: &UpstreamServerId,
        mode: MirroringMode,
        project_ids: Option<&[String]>,
    ) -> Result<UpstreamSettings, StoreError> {
        let transaction = self.database.begin_write().await?;
        lock_upstream(&transaction, id).await?;
        replace_settings(&transaction, id, mode, project_ids).await?;
        let project_ids = selected(&transaction, id).await?;
        transaction.commit().await?;
        self.database.flush().await?;
        Ok(UpstreamSettings { mode, project_ids })
    }

    /// Sets some columns of an upstream.
    async fn change_upstream<const COLUMNS: usize>(
        &self,
        id: &UpstreamServerId,
        changes: [(upstream_server::Column, Expr); COLUMNS],
    ) -> Result<(), StoreError> {
        change_upstream(self.database.connection(), id, changes).await
    }
}

async fn change_upstream<const COLUMNS: usize>(
    connection: &impl ConnectionTrait,
    id: &UpstreamServerId,
    changes: [(upstream_server::Column, Expr); COLUMNS],
) -> Result<(), StoreError> {
    let mut update =
        upstream_server::Entity::update_many().filter(upstream_server::Column::Id.eq(id.clone()));
    for (column, value) in changes {
        update = update.col_expr(column, value);
    }
    let updated = update.exec(connection).await?;
    require_row(updated.rows_affected, "upstream", id)
}

async fn replace_settings(
    transaction: &WriteTransaction,
    id: &UpstreamServerId,
    mode: MirroringMode,
    project_ids: Option<&[String]>,
) -> Result<(), StoreError> {
    change_upstream(transaction, id, [(upstream_server::Column::Mode, Expr::value(mode))]).await?;
    if let Some(project_ids) = project_ids {
        selected_project::Entity::delete_many()
            .filter(selected_project::Column::UpstreamServerId.eq(id.clone()))
            .exec(transaction)
            .await?;
        select(transaction, id, project_ids).await?;
    }
    Ok(())
}

/// The time of the last change of state, which a repetition of the same state does not move.
fn changed_at(state: UpstreamState, now: i64) -> Expr {
    Expr::case(upstream_server::Column::State.eq(state), Expr::col(upstream_server::Column::StateChangedAt))
        .finally(now)
        .into()
}

/// Loads an upstream and keeps its settings from being changed by others until the transaction ends.
pub(super) async fn lock_upstream(
    transaction: &WriteTransaction,
    id: &UpstreamServerId,
) -> Result<upstream_server::Model, StoreError> {
    let found = upstream_server::Entity::find_by_id(id.clone()).lock_exclusive().one(transaction).await?;
    found.ok_or_else(|| StoreError::not_found("upstream", id))
}

async fn selected(transaction: &WriteTransaction, id: &UpstreamServerId) -> Result<Vec<String>, StoreError> {
    let mut project_ids: Vec<String> = selected_project::Entity::find()
        .select_only()
        .column(selected_project::Column::ProjectId)
        .filter(selected_project::Column::UpstreamServerId.eq(id.clone()))
        .into_tuple()
        .all(transaction)
        .await?;
    // Sorted here, because databases differ in how they compare text.
    project_ids.sort_unstable();
    Ok(project_ids)
}

async fn select(
    transaction: &WriteTransaction,
    id: &UpstreamServerId,
    project_ids: &[String],
) -> Result<(), StoreError> {
    let distinct: BTreeSet<&String> = project_ids.iter().collect();
    let rows: Vec<_> = distinct
        .into_iter()
        .map(|project_id| selected_project::ActiveModel {
            upstream_server_id: Set(id.clone()),
            project_id: Set(project_id.clone()),
        })
        .collect();
    for chunk in rows.chunks(PROJECT_CHUNK) {
        let once = OnConflict::columns([
            selected_project::Column::UpstreamServerId,
            selected_project::Column::ProjectId,
        ])
        .do_nothing()
        .to_owned();
        selected_project::Entity::insert_many(chunk.to_vec())
            .on_conflict(once)
            .exec_without_returning(transaction)
            .await?;
    }
    Ok(())
}
