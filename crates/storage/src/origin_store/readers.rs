//! To whom a Git server that is not ours has shown its repositories.
//!
//! Of readers there are keyed hashes only. What is written here decides nothing while that server answers.

use std::collections::HashSet;

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::OriginStore;
use crate::entities::{origin_reader, origin_repository};
use crate::error::StoreError;
use crate::ids::OriginRepositoryId;
use crate::records::OriginReader;

/// Rows that are written by one statement.
const ROWS_AT_ONCE: usize = 500;

impl OriginStore {
    /// The readers to whom repositories were shown since a moment, the newest first and at most so many.
    pub async fn origin_readers_since(
        &self,
        since: i64,
        limit: u64,
    ) -> Result<Vec<OriginReader>, StoreError> {
        let found = origin_reader::Entity::find()
            .filter(origin_reader::Column::GrantedAt.gte(since))
            .order_by_desc(origin_reader::Column::GrantedAt)
            .limit(limit)
            .all(self.database.connection())
            .await?;
        Ok(found.into_iter().map(OriginReader::from).collect())
    }

    /// What one reader was shown of a repository, if something is recorded.
    pub async fn origin_reader(
        &self,
        id: OriginRepositoryId,
        fingerprint: &str,
    ) -> Result<Option<OriginReader>, StoreError> {
        let found = origin_reader::Entity::find_by_id((id, fingerprint.to_owned()))
            .one(self.database.connection())
            .await?;
        Ok(found.map(OriginReader::from))
    }

    /// Records what readers were shown. Those whose repository is gone are left out.
    pub async fn keep_origin_readers(&self, readers: &[OriginReader]) -> Result<(), StoreError> {
        if readers.is_empty() {
            return Ok(());
        }
        let transaction = self.database.begin_write().await?;
        let there = origin_repository::Entity::find().all(&transaction).await?;
        let there: HashSet<_> = there.into_iter().map(|row| row.id).collect();
        let rows: Vec<_> = readers
            .iter()
            .filter(|reader| there.contains(&reader.repository_id))
            .map(|reader| origin_reader::ActiveModel {
                repository_id: Set(reader.repository_id),
                fingerprint: Set(reader.fingerprint.clone()),
                content_hash: Set(reader.content_hash.clone()),
                granted_at: Set(reader.granted_at),
            })
            .collect();
        for chunk in rows.chunks(ROWS_AT_ONCE) {
            let replacing = OnConflict::columns([
                origin_reader::Column::RepositoryId,
                origin_reader::Column::Fingerprint,
            ])
            .update_columns([origin_reader::Column::ContentHash, origin_reader::Column::GrantedAt])
            .to_owned();
            origin_reader::Entity::insert_many(chunk.to_vec())
                .on_conflict(replacing)
                .exec_without_returning(&transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets a reader who may no longer read; that there is none is no error. Afterwards a power failure does not bring
    /// them back.
    pub async fn forget_origin_reader(
        &self,
        id: OriginRepositoryId,
        fingerprint: &str,
    ) -> Result<(), StoreError> {
        origin_reader::Entity::delete_by_id((id, fingerprint.to_owned()))
            .exec(self.database.connection())
            .await?;
        self.database.flush().await
    }

    /// Forgets readers to whom nothing was shown since a moment, or something after now: then the clock was set back, and
    /// nobody knows how long ago it was.
    pub async fn forget_origin_readers_outside(&self, since: i64, now: i64) -> Result<(), StoreError> {
        let granted_at = origin_reader::Column::GrantedAt;
        origin_reader::Entity::delete_many()
            .filter(Condition::any().add(granted_at.lt(since)).add(granted_at.gt(now)))
            .exec(self.database.connection())
            .await?;
        Ok(())
    }

    /// Keeps so many readers at most, those to whom something was shown last. Returns up to which moment all are gone, if there
    /// were more.
    pub async fn keep_newest_origin_readers(&self, count: u64) -> Result<Option<i64>, StoreError> {
        let granted_at = origin_reader::Column::GrantedAt;
        let transaction = self.database.begin_write().await?;
        let first_beyond: Option<i64> = origin_reader::Entity::find()
            .select_only()
            .column(granted_at)
            .order_by_desc(granted_at)
            .offset(count)
            .limit(1)
            .into_tuple()
            .one(&transaction)
            .await?;
        let Some(newest_gone) = first_beyond else { return Ok(None) };
        origin_reader::Entity::delete_many().filter(granted_at.lte(newest_gone)).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(Some(newest_gone))
    }
}
