//! What mirrors have reported of each repository.

use sea_orm::sea_query::{ExprTrait, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, EntityTrait, JoinType, QueryFilter, QueryOrder, QuerySelect, RelationDef, Set,
};

use super::MirrorServerStore;
use crate::change_count::Shown;
use crate::entities::{repository, repository_mirror_state};
use crate::error::StoreError;
use crate::ids::{MirrorServerId, RepositoryId};
use crate::page::{Page, PageRequest};
use crate::records::{MirrorOutcome, MirrorProgress, NewEvent, Repository, RepositoryMirrorState};
use crate::upstream_store::outbox::announce;
use crate::upstream_store::ref_changes::changes_between;
use crate::upstream_store::repositories::with_repositories;

impl MirrorServerStore {
    /// Records how a mirror's synchronisation of a repository has ended, and announces what follows from it.
    /// A generation that is less than the recorded one, or none, leaves the recorded one as it is; so does an order that
    /// was carried out.
    pub async fn record_mirror_outcome(
        &self,
        state: RepositoryMirrorState,
        make_events: impl FnOnce(MirrorProgress) -> Vec<NewEvent> + Send,
    ) -> Result<(), StoreError> {
        let subject = format!("{} or {}", state.repository_id, state.mirror_id);
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let key = (state.repository_id, state.mirror_id.clone());
        let row = repository_mirror_state::Entity::find_by_id(key).lock_exclusive().one(&transaction).await?;
        let before = row.as_ref().and_then(|row| row.synced_generation);
        let (purged, purged_at) = match row {
            Some(row) if row.purged >= state.purged => (row.purged, row.purged_at),
            _ => (state.purged, state.purged_at),
        };
        let row = repository_mirror_state::ActiveModel {
            repository_id: Set(state.repository_id),
            mirror_id: Set(state.mirror_id),
            last_outcome: Set(state.last_outcome),
            mirror_repository_id: Set(state.mirror_repository_id),
            reported_at: Set(state.reported_at),
            synced_generation: Set(Ord::max(state.synced_generation, before)),
            purged: Set(purged),
            purged_at: Set(purged_at),
        };
        let replacing = OnConflict::columns([
            repository_mirror_state::Column::RepositoryId,
            repository_mirror_state::Column::MirrorId,
        ])
        .update_columns([
            repository_mirror_state::Column::LastOutcome,
            repository_mirror_state::Column::MirrorRepositoryId,
            repository_mirror_state::Column::ReportedAt,
            repository_mirror_state::Column::SyncedGeneration,
            repository_mirror_state::Column::Purged,
            repository_mirror_state::Column::PurgedAt,
        ])
        .to_owned();
        let written = repository_mirror_state::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(&transaction)
            .await;
        written.map_err(|error| {
            StoreError::from(error).or_missing_reference("repository or mirror", &subject)
        })?;
        let changes = match (before, state.synced_generation) {
            (Some(from), Some(to)) => changes_between(&transaction, state.repository_id, from, to).await?,
            _ => None,
        };
        announce(&transaction, make_events(MirrorProgress { from: before, changes })).await?;
        Ok(transaction.commit().await?)
    }

    /// The last reports of a repository, one for each mirror that has sent any.
    pub async fn mirror_states_of(
        &self,
        repository_id: RepositoryId,
    ) -> Result<Vec<RepositoryMirrorState>, StoreError> {
        let rows = repository_mirror_state::Entity::find()
            .filter(repository_mirror_state::Column::RepositoryId.eq(repository_id))
            .order_by_asc(repository_mirror_state::Column::MirrorId)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(RepositoryMirrorState::from).collect())
    }

    /// The repositories of which a mirror has reported an older generation than there is, or that it could not synchronise,
    /// with its last report, in the order of their ids.
    pub async fn delayed_copies(
        &self,
        mirror_id: &MirrorServerId,
        page: PageRequest,
    ) -> Result<Page<(Repository, RepositoryMirrorState)>, StoreError> {
        let synced = repository_mirror_state::Column::SyncedGeneration.into_expr();
        let is_older = synced.lt(repository::Column::Generation.into_expr());
        let has_failed =
            repository_mirror_state::Column::LastOutcome.eq(MirrorOutcome::SynchronizationFailed);
        let rows = repository_mirror_state::Entity::find()
            .join(JoinType::InnerJoin, of_repository())
            .filter(repository_mirror_state::Column::MirrorId.eq(mirror_id.clone()))
            .filter(Condition::any().add(is_older).add(has_failed))
            .order_by_asc(repository_mirror_state::Column::RepositoryId)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let rows = rows.into_iter().map(|row| (row.repository_id, RepositoryMirrorState::from(row)));
        Ok(Page::cut(with_repositories(&self.database, rows.collect()).await?, page))
    }
}

/// From a report to its repository.
fn of_repository() -> RelationDef {
    repository_mirror_state::Entity::belongs_to(repository::Entity)
        .from(repository_mirror_state::Column::RepositoryId)
        .to(repository::Column::Id)
        .into()
}
