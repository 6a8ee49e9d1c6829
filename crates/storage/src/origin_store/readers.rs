//! Readers of a Git server that is not ours: what it has shown to whom, and whom it has refused.
//!
//! Of readers there are keyed hashes only. What is written here decides nothing while that server answers.

use std::collections::HashSet;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set,
};

use super::OriginStore;
use crate::entities::{origin_reader, origin_refusal, origin_repository};
use crate::error::StoreError;
use crate::records::{OriginReader, OriginRefusal};

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

    /// What one reader was shown, if something is recorded.
    pub async fn origin_reader(&self, reader: &str) -> Result<Option<OriginReader>, StoreError> {
        let found = origin_reader::Entity::find_by_id(reader.to_owned());
        Ok(found.one(self.database.connection()).await?.map(OriginReader::from))
    }

    /// Whether a reader was refused, and nothing was recorded since that they were shown.
    pub async fn is_refused_by_origin(&self, reader: &str) -> Result<bool, StoreError> {
        let found = origin_refusal::Entity::find_by_id(reader.to_owned());
        Ok(found.one(self.database.connection()).await?.is_some())
    }

    /// Records what readers were shown, who are not refused any more then. Those whose repository is gone are left out.
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
                reader: Set(reader.reader.clone()),
                repository_id: Set(reader.repository_id),
                content_hash: Set(reader.content_hash.clone()),
                listing: Set(reader.listing.clone()),
                granted_at: Set(reader.granted_at),
            })
            .collect();
        for chunk in rows.chunks(ROWS_AT_ONCE) {
            let replacing = OnConflict::column(origin_reader::Column::Reader)
                .update_columns([
                    origin_reader::Column::RepositoryId,
                    origin_reader::Column::ContentHash,
                    origin_reader::Column::Listing,
                    origin_reader::Column::GrantedAt,
                ])
                .to_owned();
            origin_reader::Entity::insert_many(chunk.to_vec())
                .on_conflict(replacing)
                .exec_without_returning(&transaction)
                .await?;
        }
        for chunk in readers.chunks(ROWS_AT_ONCE) {
            let shown = chunk.iter().map(|reader| reader.reader.as_str());
            origin_refusal::Entity::delete_many()
                .filter(origin_refusal::Column::Reader.is_in(shown))
                .exec(&transaction)
                .await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Records that a reader may no longer read, and forgets what they were shown. Afterwards a power failure does not bring it
    /// back.
    pub async fn refuse_origin_reader(&self, refusal: &OriginRefusal) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        origin_reader::Entity::delete_by_id(refusal.reader.clone()).exec(&transaction).await?;
        insert_refusals(&transaction, std::slice::from_ref(refusal)).await?;
        transaction.commit().await?;
        self.database.flush().await
    }

    /// Records who was refused, and forgets what they were shown before.
    pub async fn keep_origin_refusals(&self, refusals: &[OriginRefusal]) -> Result<(), StoreError> {
        if refusals.is_empty() {
            return Ok(());
        }
        let transaction = self.database.begin_write().await?;
        for chunk in refusals.chunks(ROWS_AT_ONCE) {
            let refused = chunk.iter().map(|refusal| refusal.reader.as_str());
            origin_reader::Entity::delete_many()
                .filter(origin_reader::Column::Reader.is_in(refused))
                .exec(&transaction)
                .await?;
            insert_refusals(&transaction, chunk).await?;
        }
        transaction.commit().await?;
        Ok(())
    }

    /// Forgets readers to whom nothing was shown since a moment, or something after now: then the clock was set back, and
    /// how long ago it was is not known.
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

    /// Keeps so many refusals at most, the last ones.
    pub async fn keep_newest_origin_refusals(&self, count: u64) -> Result<(), StoreError> {
        let refused_at = origin_refusal::Column::RefusedAt;
        let transaction = self.database.begin_write().await?;
        let first_beyond: Option<i64> = origin_refusal::Entity::find()
            .select_only()
            .column(refused_at)
            .order_by_desc(refused_at)
            .offset(count)
            .limit(1)
            .into_tuple()
            .one(&transaction)
            .await?;
        let Some(newest_gone) = first_beyond else { return Ok(()) };
        origin_refusal::Entity::delete_many().filter(refused_at.lte(newest_gone)).exec(&transaction).await?;
        transaction.commit().await?;
        Ok(())
    }
}

async fn insert_refusals(
    transaction: &impl ConnectionTrait,
    refusals: &[OriginRefusal],
) -> Result<(), DbErr> {
    let rows = refusals.iter().map(|refusal| origin_refusal::ActiveModel {
        reader: Set(refusal.reader.clone()),
        refused_at: Set(refusal.refused_at),
    });
    let replacing = OnConflict::column(origin_refusal::Column::Reader)
        .update_column(origin_refusal::Column::RefusedAt)
        .to_owned();
    origin_refusal::Entity::insert_many(rows)
        .on_conflict(replacing)
        .exec_without_returning(transaction)
        .await?;
    Ok(())
}
