//! Who was granted what: everywhere, on a project, on a repository.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter, QueryOrder, QuerySelect, Set};

use super::UpstreamStore;
use super::outbox::announce;
use crate::entities::{global_permission, project_permission, repository_permission, user_account};
use crate::error::{StoreError, require_row};
use crate::ids::{ProjectId, RepositoryId, UserId};
use crate::page::{Page, PageRequest};
use crate::records::{NewEvent, PermissionsOfUser, UserPermission};
use crate::text_search::describes_user;

impl UpstreamStore {
    /// Grants a user a permission everywhere, in place of the one he has, and announces it.
    pub async fn set_global_permission(
        &self,
        user_id: UserId,
        permission: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let row =
            global_permission::ActiveModel { user_id: Set(user_id), permission: Set(permission.to_owned()) };
        let replacing = OnConflict::column(global_permission::Column::UserId)
            .update_column(global_permission::Column::Permission)
            .to_owned();
        let transaction = self.database.begin_write().await?;
        let written = global_permission::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(&transaction)
            .await;
        written.map_err(|error| StoreError::from(error).or_missing_reference("user", &user_id))?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a user's permission everywhere away and announces it.
    pub async fn revoke_global_permission(
        &self,
        user_id: UserId,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted = global_permission::Entity::delete_by_id(user_id).exec(&transaction).await?;
        require_row(deleted.rows_affected, "permission of user", &user_id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Users with a permission everywhere whose name contains a text.
    pub async fn list_global_permissions(
        &self,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, StoreError> {
        let mut granted = global_permission::Entity::find().find_also_related(user_account::Entity);
        if let Some(name) = name {
            granted = granted.filter(describes_user(name));
        }
        let rows = granted
            .order_by_asc(global_permission::Column::UserId)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(|(row, user)| user_permission(row.user_id, row.permission, user));
        Ok(Page::cut(found.collect::<Result<_, _>>()?, page))
    }

    /// Grants a user a permission on a project, in place of the one he has, and announces it.
    pub async fn set_project_permission(
        &self,
        project_id: ProjectId,
        user_id: UserId,
        permission: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let row = project_permission::ActiveModel {
            project_id: Set(project_id),
            user_id: Set(user_id),
            permission: Set(permission.to_owned()),
        };
        let replacing =
            OnConflict::columns([project_permission::Column::ProjectId, project_permission::Column::UserId])
                .update_column(project_permission::Column::Permission)
                .to_owned();
        let transaction = self.database.begin_write().await?;
        let written = project_permission::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(&transaction)
            .await;
        written.map_err(|error| {
            StoreError::from(error)
                .or_missing_reference("project or user", &format!("{project_id} or {user_id}"))
        })?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a user's permission on a project away and announces it.
    pub async fn revoke_project_permission(
        &self,
        project_id: ProjectId,
        user_id: UserId,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted =
            project_permission::Entity::delete_by_id((project_id, user_id)).exec(&transaction).await?;
        require_row(deleted.rows_affected, "permission of user", &user_id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Users with a permission on a project whose name contains a text.
    pub async fn list_project_permissions(
        &self,
        project_id: ProjectId,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, StoreError> {
        let mut granted = project_permission::Entity::find()
            .find_also_related(user_account::Entity)
            .filter(project_permission::Column::ProjectId.eq(project_id));
        if let Some(name) = name {
            granted = granted.filter(describes_user(name));
        }
        let rows = granted
            .order_by_asc(project_permission::Column::UserId)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(|(row, user)| user_permission(row.user_id, row.permission, user));
        Ok(Page::cut(found.collect::<Result<_, _>>()?, page))
    }

    /// Grants a user a permission on a repository, in place of the one he has, and announces it.
    pub async fn set_repository_permission(
        &self,
        repository_id: RepositoryId,
        user_id: UserId,
        permission: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let row = repository_permission::ActiveModel {
            repository_id: Set(repository_id),
            user_id: Set(user_id),
            permission: Set(permission.to_owned()),
        };
        let replacing = OnConflict::columns([
            repository_permission::Column::RepositoryId,
            repository_permission::Column::UserId,
        ])
        .update_column(repository_permission::Column::Permission)
        .to_owned();
        let transaction = self.database.begin_write().await?;
        let written = repository_permission::Entity::insert(row)
            .on_conflict(replacing)
            .exec_without_returning(&transaction)
            .await;
        written.map_err(|error| {
            StoreError::from(error)
                .or_missing_reference("repository or user", &format!("{repository_id} or {user_id}"))
        })?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a user's permission on a repository away and announces it.
    pub async fn revoke_repository_permission(
        &self,
        repository_id: RepositoryId,
        user_id: UserId,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted =
            repository_permission::Entity::delete_by_id((repository_id, user_id)).exec(&transaction).await?;
        require_row(deleted.rows_affected, "permission of user", &user_id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Users with a permission on a repository itself whose name contains a text.
    pub async fn list_repository_permissions(
        &self,
        repository_id: RepositoryId,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, StoreError> {
        let mut granted = repository_permission::Entity::find()
            .find_also_related(user_account::Entity)
            .filter(repository_permission::Column::RepositoryId.eq(repository_id));
        if let Some(name) = name {
            granted = granted.filter(describes_user(name));
        }
        let rows = granted
            .order_by_asc(repository_permission::Column::UserId)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(|(row, user)| user_permission(row.user_id, row.permission, user));
        Ok(Page::cut(found.collect::<Result<_, _>>()?, page))
    }

    /// What a user was granted everywhere, and on the project and the repository if these are given.
    pub async fn permissions_of(
        &self,
        user_id: UserId,
        project_id: Option<ProjectId>,
        repository_id: Option<RepositoryId>,
    ) -> Result<PermissionsOfUser, StoreError> {
        let connection = self.database.connection();
        let global = global_permission::Entity::find_by_id(user_id).one(connection).await?;
        let project = match project_id {
            Some(id) => project_permission::Entity::find_by_id((id, user_id)).one(connection).await?,
            None => None,
        };
        let repository = match repository_id {
            Some(id) => repository_permission::Entity::find_by_id((id, user_id)).one(connection).await?,
            None => None,
        };
        Ok(PermissionsOfUser {
            global: global.map(|row| row.permission),
            project: project.map(|row| row.permission),
            repository: repository.map(|row| row.permission),
        })
    }

    /// All that a user was granted on projects.
    pub async fn project_permissions_of(
        &self,
        user_id: UserId,
    ) -> Result<Vec<(ProjectId, String)>, StoreError> {
        let rows = project_permission::Entity::find()
            .filter(project_permission::Column::UserId.eq(user_id))
            .order_by_asc(project_permission::Column::ProjectId)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(|row| (row.project_id, row.permission)).collect())
    }

    /// All that a user was granted on repositories themselves.
    pub async fn repository_permissions_of(
        &self,
        user_id: UserId,
    ) -> Result<Vec<(RepositoryId, String)>, StoreError> {
        let rows = repository_permission::Entity::find()
            .filter(repository_permission::Column::UserId.eq(user_id))
            .order_by_asc(repository_permission::Column::RepositoryId)
            .all(self.database.connection())
            .await?;
        Ok(rows.into_iter().map(|row| (row.repository_id, row.permission)).collect())
    }
}

fn user_permission(
    user_id: UserId,
    permission: String,
    user: Option<user_account::Model>,
) -> Result<UserPermission, StoreError> {
    let user = user.ok_or_else(|| StoreError::not_found("user", &user_id))?;
    Ok(UserPermission { user: user.into(), permission })
}
