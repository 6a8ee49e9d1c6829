//! Mirrors, from their acceptance to their removal.

use sea_orm::sea_query::Expr;
use sea_orm::{
    ActiveModelTrait, ActiveValue::Unchanged, ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect,
    Set,
};

use super::MirrorServerStore;
use super::requests::decide;
use crate::change_count::Shown;
use crate::entities::{mirror_server, mirroring_request};
use crate::error::{StoreError, UniqueField, require_row};
use crate::ids::{MirrorServerId, RequestId};
use crate::page::{Page, PageRequest};
use crate::records::{MirrorServer, MirrorUpdate, NewMirror, RequestState};
use crate::text_search::{folded, storable};
use crate::upstream_store::deletions;
use crate::write_transaction::WriteTransaction;

impl MirrorServerStore {
    /// Accepts a request: marks it as accepted, adds its mirror with what was chosen for it, and announces to it what was
    /// deleted lately: it may have been here before. Fails with a conflict on "mirror name"
    /// or "mirror base URL", and for an accepted request, which is in use.
    pub async fn insert_mirror(
        &self,
        request_id: RequestId,
        mirror: NewMirror,
    ) -> Result<MirrorServer, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        decide(&transaction, request_id, RequestState::Accepted, mirror.accepted_at).await?;
        let request = mirroring_request::Entity::find_by_id(request_id).one(&transaction).await?;
        let request = request.ok_or_else(|| StoreError::not_found("request", &request_id))?;
        let id = request.mirror_id.clone();
        let unique = unique_fields(id.as_str(), &request.name, &request.base_url);
        let row = mirror_server::ActiveModel {
            id: Set(request.mirror_id),
            name: Set(request.name.clone()),
            name_lower: Set(request.name_lower),
            base_url: Set(request.base_url.clone()),
            enabled: Set(true),
            mirror_type: Set(request.mirror_type),
            product_type: Set(request.product_type),
            product_version: Set(request.product_version),
            descriptor_uri: Set(request.descriptor_uri),
            events_url: Set(mirror.events_url),
            uninstalled_url: Set(mirror.uninstalled_url),
            shared_secret: Set(mirror.shared_secret),
            client_key: Set(mirror.client_key),
            last_seen_at: Set(None),
            created_at: Set(mirror.accepted_at),
            chosen_projects: Set(mirror.chosen_projects.map(|ids| ids.join(","))),
            addon_key: Set(Some(storable(&mirror.addon_key))),
        };
        let inserted = row.insert(&transaction).await;
        let inserted = inserted.map_err(|error| StoreError::from(error).or_conflict(&unique))?;
        deletions::tell(&transaction, &id, mirror.accepted_at).await?;
        transaction.commit().await?;
        Ok(inserted.into())
    }

    /// The mirror with this id.
    pub async fn find_mirror(&self, id: &MirrorServerId) -> Result<Option<MirrorServer>, StoreError> {
        let found = mirror_server::Entity::find_by_id(id.clone()).one(self.database.connection()).await?;
        Ok(found.map(MirrorServer::from))
    }

    /// The mirrors whose add-ons have this key; each chose its own, so there may be several.
    pub async fn find_mirrors_by_addon_key(&self, key: &str) -> Result<Vec<MirrorServer>, StoreError> {
        let rows = mirror_server::Entity::find()
            .filter(mirror_server::Column::AddonKey.eq(storable(key)))
            .order_by_asc(mirror_server::Column::CreatedAt)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(MirrorServer::from).collect())
    }

    /// Mirrors, in order of acceptance.
    pub async fn list_mirrors(&self, page: PageRequest) -> Result<Page<MirrorServer>, StoreError> {
        let rows = mirror_server::Entity::find()
            .order_by_asc(mirror_server::Column::CreatedAt)
            .order_by_asc(mirror_server::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        Ok(Page::cut(rows, page).map(MirrorServer::from))
    }

    /// Every mirror, in order of acceptance. An administrator has accepted each of them, so they are few.
    pub async fn all_mirrors(&self) -> Result<Vec<MirrorServer>, StoreError> {
        let rows = mirror_server::Entity::find()
            .order_by_asc(mirror_server::Column::CreatedAt)
            .order_by_asc(mirror_server::Column::Id)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(MirrorServer::from).collect())
    }

    /// Changes a mirror; fails with a conflict on "mirror name" or "mirror base URL".
    pub async fn update_mirror(
        &self,
        id: &MirrorServerId,
        update: MirrorUpdate,
    ) -> Result<MirrorServer, StoreError> {
        let name = update.name.clone().unwrap_or_default();
        let base_url = update.base_url.clone().unwrap_or_default();
        let unique = unique_fields(id.as_str(), &name, &base_url);
        let row = mirror_server::ActiveModel { id: Unchanged(id.clone()), ..changed_fields(update) };
        // A row is returned before its commit: without a transaction the caller would not wait for the commit.
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let updated = row
            .update(&transaction)
            .await
            .map_err(|error| StoreError::from(error).or_conflict(&unique).or_missing_row("mirror", id))?;
        transaction.commit().await?;
        Ok(updated.into())
    }

    /// Notes that a mirror has called. A mirror that is gone by now is no error.
    pub async fn touch_mirror(&self, id: &MirrorServerId, seen_at: i64) -> Result<(), StoreError> {
        mirror_server::Entity::update_many()
            .col_expr(mirror_server::Column::LastSeenAt, Expr::value(seen_at))
            .filter(mirror_server::Column::Id.eq(id.clone()))
            .exec(self.database.connection())
            .await?;
        Ok(())
    }

    /// Removes a mirror with its secret, its request, its outbox and all that refers to it.
    pub async fn delete_mirror(&self, id: &MirrorServerId) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        remove(&transaction, id).await?;
        mirroring_request::Entity::delete_many()
            .filter(mirroring_request::Column::MirrorId.eq(id.clone()))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }

    /// Takes an acceptance back: removes the mirror, and its request is pending again.
    pub async fn revert_acceptance(&self, id: &MirrorServerId, reverted_at: i64) -> Result<(), StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        remove(&transaction, id).await?;
        mirroring_request::Entity::update_many()
            .col_expr(mirroring_request::Column::State, Expr::value(RequestState::Pending))
            .col_expr(mirroring_request::Column::UpdatedAt, Expr::value(reverted_at))
            .filter(mirroring_request::Column::MirrorId.eq(id.clone()))
            .exec(&transaction)
            .await?;
        Ok(transaction.commit().await?)
    }
}

/// Deletes the mirror's row; outbox, preferences and reports refer to it and go with it.
async fn remove(transaction: &WriteTransaction, id: &MirrorServerId) -> Result<(), StoreError> {
    let deleted = mirror_server::Entity::delete_by_id(id.clone()).exec(transaction).await?;
    require_row(deleted.rows_affected, "mirror", id)
}

fn unique_fields<'a>(id: &'a str, name: &'a str, base_url: &'a str) -> [UniqueField<'a>; 3] {
    [
        UniqueField { what: "mirror id", table: "mirror_server", column: "id", value: id },
        UniqueField { what: "mirror name", table: "mirror_server", column: "name_lower", value: name },
        UniqueField { what: "mirror base URL", table: "mirror_server", column: "base_url", value: base_url },
    ]
}

fn changed_fields(update: MirrorUpdate) -> mirror_server::ActiveModel {
    let mut row = <mirror_server::ActiveModel as Default>::default();
    if let Some(name) = update.name {
        row.name_lower = Set(folded(&name));
        row.name = Set(name);
    }
    if let Some(base_url) = update.base_url {
        row.base_url = Set(base_url);
    }
    if let Some(enabled) = update.enabled {
        row.enabled = Set(enabled);
    }
    if let Some(mirror_type) = update.mirror_type {
        row.mirror_type = Set(mirror_type);
    }
    if let Some(product_type) = update.product_type {
        row.product_type = Set(Some(product_type).filter(|text| !text.is_empty()));
    }
    if let Some(product_version) = update.product_version {
        row.product_version = Set(product_version);
    }
    if let Some(descriptor_uri) = update.descriptor_uri {
        row.descriptor_uri = Set(descriptor_uri);
    }
    if let Some(events_url) = update.events_url {
        row.events_url = Set(events_url);
    }
    if let Some(uninstalled_url) = update.uninstalled_url {
        row.uninstalled_url = Set(Some(uninstalled_url).filter(|text| !text.is_empty()));
    }
    row
}
