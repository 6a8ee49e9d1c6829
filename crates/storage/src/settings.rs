//! Values that a store remembers by name, such as its own server id. Upstreams have a table of them, and mirrors of either
//! kind have one.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait, Set};

use crate::entities::{mirror_setting, upstream_setting};
use crate::error::StoreError;
use crate::mirror_store::MirrorStore;
use crate::origin_store::OriginStore;
use crate::upstream_store::UpstreamStore;

/// Gives a store its settings, in the table of an entity.
macro_rules! settings_in {
    ($table:ident, $store:ident) => {
        impl $store {
            /// The value of a setting.
            pub async fn get_setting(&self, key: &str) -> Result<Option<String>, StoreError> {
                let found = $table::Entity::find_by_id(key).one(self.database.connection()).await?;
                Ok(found.map(|row| row.value))
            }

            /// Sets the value of a setting.
            pub async fn set_setting(&self, key: &str, value: &str) -> Result<(), StoreError> {
                let replacing =
                    OnConflict::column($table::Column::Key).update_column($table::Column::Value).to_owned();
                self.insert_setting(key, value, replacing).await
            }

            /// The value of a setting, which is set to the given one if it has none. Concurrent calls get the
            /// same answer.
            pub async fn setting_or_insert(&self, key: &str, value: &str) -> Result<String, StoreError> {
                let once = OnConflict::column($table::Column::Key).do_nothing().to_owned();
                self.insert_setting(key, value, once).await?;
                self.get_setting(key).await?.ok_or_else(|| StoreError::not_found("setting", key))
            }

            /// Forgets a setting; that there is none is no error.
            pub async fn delete_setting(&self, key: &str) -> Result<(), StoreError> {
                $table::Entity::delete_by_id(key).exec(self.database.connection()).await?;
                self.database.flush().await
            }

            async fn insert_setting(
                &self,
                key: &str,
                value: &str,
                if_present: OnConflict,
            ) -> Result<(), StoreError> {
                let row = $table::ActiveModel { key: Set(key.to_owned()), value: Set(value.to_owned()) };
                $table::Entity::insert(row)
                    .on_conflict(if_present)
                    .exec_without_returning(self.database.connection())
                    .await?;
                // It is stored nowhere else: a power failure must not lose it.
                self.database.flush().await
            }
        }
    };
}

settings_in!(mirror_setting, MirrorStore);
settings_in!(mirror_setting, OriginStore);
settings_in!(upstream_setting, UpstreamStore);
