//! The mirror that each user wants to clone from.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

use super::MirrorServerStore;
use crate::entities::preferred_mirror;
use crate::error::StoreError;
use crate::ids::{MirrorServerId, UserId};

impl MirrorServerStore {
    /// The mirror that a user prefers.
    pub async fn preferred_mirror(&self, user_id: UserId) -> Result<Option<MirrorServerId>, StoreError> {
        let found = preferred_mirror::Entity::find_by_id(user_id).one(self.database.connection()).await?;
        Ok(found.map(|row| row.mirror_id))
    }

    /// Sets the mirror that a user prefers.
    pub async fn set_preferred_mirror(
        &self,
        user_id: UserId,
        mirror_id: &MirrorServerId,
    ) -> Result<(), StoreError> {
        let row = preferred_mirror::ActiveModel { user_id: Set(user_id), mirror_id: Set(mirror_id.clone()) };
        let replacing = OnConflict::column(preferred_mirror::Column::UserId)
            .update_column(preferred_mirror::Column::MirrorId)
            .to_owned();
        let written = preferred_mirror::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(self.database.connection())
            .await;
        written.map_err(|error| StoreError::from(error).or_missing_reference("mirror", mirror_id))?;
        Ok(())
    }

    /// Forgets which mirror a user prefers; that there is none is no error.
    pub async fn delete_preferred_mirror(&self, user_id: UserId) -> Result<(), StoreError> {
        preferred_mirror::Entity::delete_by_id(user_id).exec(self.database.connection()).await?;
        Ok(())
    }
}
