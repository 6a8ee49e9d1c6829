//! What a mirror remembers by name.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

use super::MirrorStore;
use crate::entities::mirror_setting;
use crate::error::StoreError;

impl MirrorStore {
    /// The value of a setting.
    pub async fn get_setting(&self, key: &str) -> Result<Option<String>, StoreError> {
        let found = mirror_setting::Entity::find_by_id(key).one(self.database.connection()).await?;
        Ok(found.map(|row| row.value))
    }

    /// Sets the value of a setting.
    pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
        let row = mirror_setting::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
        let replacing = OnConflict::column(mirror_setting::Column::Key)
            .update_column(mirror_setting::Column::Value)
            .to_owned();
        mirror_setting::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(self.database.connection())
            .await?;
        Ok(())
    }

    /// The value of a setting, which is set to the given one if it has none. Whoever calls this at the same
    /// time gets the same answer.
    pub async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
        let row = mirror_setting::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
        let once = OnConflict::column(mirror_setting::Column::Key).do_nothing().to_owned();
        mirror_setting::Entity::insert(row)
            .on_conflict(once)
            .exec_without_returning(self.database.connection())
            .await?;
        self.get_setting(key).await?.ok_or_else(|| StoreError::not_found("setting", key))
    }

    /// Forgets a setting; that there is none is no error.
    pub async fn delete_setting(&self, key: &str) -> Result<(), StoreError> {
        mirror_setting::Entity::delete_by_id(key).exec(self.database.connection()).await?;
        Ok(())
    }
}
