//! Requests of mirrors, until they are accepted or rejected.

use sea_orm::sea_query::{Expr, OnConflict};
use sea_orm::{
    ColumnTrait, Condition, ConnectionTrait, EntityTrait, PaginatorTrait, QueryFilter, QueryOrder,
    QuerySelect, Set,
};

use super::MirrorServerStore;
use crate::change_count::Shown;
use crate::entities::{mirror_server, mirroring_request};
use crate::error::{StoreError, require_row};
use crate::ids::{MirrorServerId, RequestId};
use crate::page::{Page, PageRequest};
use crate::records::{MirroringRequest, NameHolder, NewRequest, OpenRequestLimits, RequestState};
use crate::text_search::folded;
use crate::write_transaction::WriteTransaction;

impl MirrorServerStore {
    /// Files the first request of a mirror and returns it. If the mirror has one by now, that stays as it is and is
    /// returned: there is one for each mirror.
    ///
    /// Fails with a conflict on "mirror name" or "mirror base URL" when another mirror has it or has asked for it, and
    /// with a limit on "open requests" or "open requests from one network".
    pub async fn file_request(
        &self,
        request: NewRequest,
        limits: OpenRequestLimits,
    ) -> Result<MirroringRequest, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        let filed = file(&transaction, &request, limits).await?;
        transaction.commit().await?;
        Ok(filed.into())
    }

    /// Puts another request of its mirror in the place of an open one, with an id of its own: who has seen the old one cannot
    /// accept the new one by it. One that is decided stays, and is returned. Fails as [`MirrorServerStore::file_request`] does.
    pub async fn replace_request(
        &self,
        id: RequestId,
        request: NewRequest,
        limits: OpenRequestLimits,
    ) -> Result<MirroringRequest, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        mirroring_request::Entity::delete_by_id(id)
            .filter(mirroring_request::Column::State.eq(RequestState::Pending))
            .exec(&transaction)
            .await?;
        let filed = file(&transaction, &request, limits).await?;
        transaction.commit().await?;
        Ok(filed.into())
    }

    /// Changes what a mirror says of itself in its open request. Its addresses stay as they were shown, and one that is
    /// decided stays as it is. Fails with a conflict on "mirror name".
    pub async fn describe_request_anew(
        &self,
        id: RequestId,
        request: NewRequest,
    ) -> Result<MirroringRequest, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        refuse_taken(&transaction, &request).await?;
        mirroring_request::Entity::update_many()
            .set(mirroring_request::ActiveModel {
                name: Set(request.name.clone()),
                name_lower: Set(folded(&request.name)),
                mirror_type: Set(request.mirror_type),
                product_type: Set(request.product_type),
                product_version: Set(request.product_version),
                updated_at: Set(request.requested_at),
                ..Default::default()
            })
            .filter(mirroring_request::Column::Id.eq(id))
            .filter(mirroring_request::Column::State.eq(RequestState::Pending))
            .exec(&transaction)
            .await?;
        let described = mirroring_request::Entity::find_by_id(id).one(&transaction).await?;
        let described = described.ok_or_else(|| StoreError::not_found("request", &id))?;
        transaction.commit().await?;
        Ok(described.into())
    }

    /// The request with this id.
    pub async fn find_request(&self, id: RequestId) -> Result<Option<MirroringRequest>, StoreError> {
        let found = mirroring_request::Entity::find_by_id(id).one(self.database.connection()).await?;
        Ok(found.map(MirroringRequest::from))
    }

    /// The request of a mirror.
    pub async fn find_request_of_mirror(
        &self,
        mirror_id: &MirrorServerId,
    ) -> Result<Option<MirroringRequest>, StoreError> {
        let found = mirroring_request::Entity::find()
            .filter(mirroring_request::Column::MirrorId.eq(mirror_id.clone()))
            .one(self.database.connection())
            .await?;
        Ok(found.map(MirroringRequest::from))
    }

    /// The other mirror that has the name or the base URL of a request, or has asked for it.
    pub async fn find_name_holder(&self, request: &NewRequest) -> Result<Option<NameHolder>, StoreError> {
        holder(self.database.connection(), request).await
    }

    /// Requests in this state, or all, in order of arrival.
    pub async fn list_requests(
        &self,
        state: Option<RequestState>,
        page: PageRequest,
    ) -> Result<Page<MirroringRequest>, StoreError> {
        let rows = in_state(state)
            .order_by_asc(mirroring_request::Column::Id)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        Ok(Page::cut(rows, page).map(MirroringRequest::from))
    }

    /// How many requests are in this state, or at all.
    pub async fn count_requests(&self, state: Option<RequestState>) -> Result<u64, StoreError> {
        Ok(in_state(state).count(self.database.connection()).await?)
    }

    /// Decides about a request that was not accepted; an accepted one is in use by its mirror.
    pub async fn set_request_state(
        &self,
        id: RequestId,
        state: RequestState,
        updated_at: i64,
    ) -> Result<MirroringRequest, StoreError> {
        let transaction = self.database.begin_write_of(Shown::Nothing).await?;
        decide(&transaction, id, state, updated_at).await?;
        let decided = mirroring_request::Entity::find_by_id(id).one(&transaction).await?;
        let decided = decided.ok_or_else(|| StoreError::not_found("request", &id))?;
        transaction.commit().await?;
        Ok(decided.into())
    }

    /// Deletes a request, in whatever state; a mirror that came from it stays.
    pub async fn delete_request(&self, id: RequestId) -> Result<(), StoreError> {
        let deleted = mirroring_request::Entity::delete_by_id(id).exec(self.database.connection()).await?;
        require_row(deleted.rows_affected, "request", &id)
    }

    /// Deletes the open requests that were filed before this time, or all; returns how many.
    pub async fn delete_open_requests(&self, filed_before: Option<i64>) -> Result<u64, StoreError> {
        let mut open = mirroring_request::Entity::delete_many()
            .filter(mirroring_request::Column::State.eq(RequestState::Pending));
        if let Some(time) = filed_before {
            open = open.filter(mirroring_request::Column::CreatedAt.lt(time));
        }
        Ok(open.exec(self.database.connection()).await?.rows_affected)
    }
}

/// Sets the state of a request, unless it was accepted before.
pub(super) async fn decide(
    transaction: &WriteTransaction,
    id: RequestId,
    state: RequestState,
    updated_at: i64,
) -> Result<(), StoreError> {
    let decided = mirroring_request::Entity::update_many()
        .col_expr(mirroring_request::Column::State, Expr::value(state))
        .col_expr(mirroring_request::Column::UpdatedAt, Expr::value(updated_at))
        .filter(mirroring_request::Column::Id.eq(id))
        .filter(mirroring_request::Column::State.ne(RequestState::Accepted))
        .exec(transaction)
        .await?;
    if decided.rows_affected > 0 {
        return Ok(());
    }
    match mirroring_request::Entity::find_by_id(id).one(transaction).await? {
        Some(_) => Err(StoreError::InUse { what: "accepted request", value: id.to_string() }),
        None => Err(StoreError::not_found("request", &id)),
    }
}

/// Files a request, unless its mirror has one.
async fn file(
    transaction: &WriteTransaction,
    request: &NewRequest,
    limits: OpenRequestLimits,
) -> Result<mirroring_request::Model, StoreError> {
    refuse_taken(transaction, request).await?;
    refuse_too_many(transaction, request, limits).await?;
    let once = OnConflict::column(mirroring_request::Column::MirrorId).do_nothing().to_owned();
    mirroring_request::Entity::insert(new_row(request))
        .on_conflict(once)
        .exec_without_returning(transaction)
        .await?;
    let filed = mirroring_request::Entity::find()
        .filter(mirroring_request::Column::MirrorId.eq(request.mirror_id.clone()))
        .one(transaction)
        .await?;
    filed.ok_or_else(|| StoreError::not_found("request of mirror", &request.mirror_id))
}

async fn refuse_taken(transaction: &WriteTransaction, request: &NewRequest) -> Result<(), StoreError> {
    match holder(transaction, request).await? {
        None => Ok(()),
        Some(other) if folded(&other.name) == folded(&request.name) => {
            Err(StoreError::Conflict { what: "mirror name", value: request.name.clone() })
        }
        Some(_) => Err(StoreError::Conflict { what: "mirror base URL", value: request.base_url.clone() }),
    }
}

/// Another mirror with the name or the base URL that a request has: one that has joined, or else one that asks.
async fn holder(
    connection: &impl ConnectionTrait,
    request: &NewRequest,
) -> Result<Option<NameHolder>, StoreError> {
    let name = folded(&request.name);
    let mirror = mirror_server::Entity::find()
        .filter(mirror_server::Column::Id.ne(request.mirror_id.clone()))
        .filter(
            Condition::any()
                .add(mirror_server::Column::NameLower.eq(name.as_str()))
                .add(mirror_server::Column::BaseUrl.eq(request.base_url.as_str())),
        )
        .one(connection)
        .await?;
    if let Some(row) = mirror {
        let (mirror_id, name, base_url) = (row.id, row.name, row.base_url);
        return Ok(Some(NameHolder { mirror_id, name, base_url, request: None }));
    }
    let other = mirroring_request::Entity::find()
        .filter(mirroring_request::Column::MirrorId.ne(request.mirror_id.clone()))
        .filter(mirroring_request::Column::State.eq(RequestState::Pending))
        .filter(
            Condition::any()
                .add(mirroring_request::Column::NameLower.eq(name.as_str()))
                .add(mirroring_request::Column::BaseUrl.eq(request.base_url.as_str())),
        )
        .one(connection)
        .await?;
    Ok(other.map(|row| NameHolder {
        mirror_id: row.mirror_id,
        name: row.name,
        base_url: row.base_url,
        request: Some(row.id),
    }))
}

async fn refuse_too_many(
    transaction: &WriteTransaction,
    request: &NewRequest,
    limits: OpenRequestLimits,
) -> Result<(), StoreError> {
    let open = || in_state(Some(RequestState::Pending));
    if open().count(transaction).await? >= limits.in_all {
        return Err(StoreError::LimitReached { what: "open requests", limit: limits.in_all });
    }
    let asked_from = mirroring_request::Column::AskedFrom;
    let of_network = match &request.asked_from {
        Some(network) => open().filter(asked_from.eq(network.as_str())),
        None => open().filter(asked_from.is_null()),
    };
    if of_network.count(transaction).await? >= limits.per_network {
        let (what, limit) = ("open requests from one network", limits.per_network);
        return Err(StoreError::LimitReached { what, limit });
    }
    Ok(())
}

fn in_state(state: Option<RequestState>) -> sea_orm::Select<mirroring_request::Entity> {
    let requests = mirroring_request::Entity::find();
    match state {
        Some(state) => requests.filter(mirroring_request::Column::State.eq(state)),
        None => requests,
    }
}

fn new_row(request: &NewRequest) -> mirroring_request::ActiveModel {
    mirroring_request::ActiveModel {
        mirror_id: Set(request.mirror_id.clone()),
        name: Set(request.name.clone()),
        name_lower: Set(folded(&request.name)),
        base_url: Set(request.base_url.clone()),
        descriptor_uri: Set(request.descriptor_uri.clone()),
        mirror_type: Set(request.mirror_type),
        product_type: Set(request.product_type.clone()),
        product_version: Set(request.product_version.clone()),
        state: Set(RequestState::Pending),
        created_at: Set(request.requested_at),
        updated_at: Set(request.requested_at),
        key_hash: Set(request.key_hash.clone()),
        asked_from: Set(request.asked_from.clone()),
        ..Default::default()
    }
}
