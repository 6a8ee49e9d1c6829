//! Who was granted what: everywhere, on a project, on a repository.
//!
//! Each level has a table of its own. What is done with a row is the same for all three and stands here once.

use sea_orm::sea_query::{Expr, OnConflict, Query, SelectStatement, UnionType};
use sea_orm::{
    ActiveModelTrait, ColumnTrait, Condition, ConnectionTrait, DbErr, EntityTrait, Iterable, QueryFilter,
    QueryOrder, QuerySelect, Related, Set,
};

use super::AccountStore;
use super::last_holder::{ALWAYS_HELD, require_another_holder};
use crate::entities::{global_permission, project_permission, repository_permission, user_account};
use crate::error::{StoreError, require_row};
use crate::ids::{ProjectId, RepositoryId, UserId};
use crate::page::{Page, PageRequest};
use crate::records::{NewEvent, PermissionLevel, PermissionsOfUser, UserPermission};
use crate::text_search::describes_user;
use crate::upstream_store::outbox::announce;
use crate::write_transaction::WriteTransaction;

/// The column that says at which level a permission was granted, and what stands in it.
const LEVEL: &str = "level";
const GLOBAL: i32 = 0;
const PROJECT: i32 = 1;
const REPOSITORY: i32 = 2;

impl AccountStore {
    /// Grants a user a permission at a level, in place of the one they have there, and announces it. The last one who holds
    /// SYS_ADMIN keeps it.
    pub async fn set_permission(
        &self,
        level: PermissionLevel,
        user_id: UserId,
        permission: &str,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        if level == PermissionLevel::Global && permission != ALWAYS_HELD {
            require_another_holder(&transaction, user_id).await?;
        }
        let permission = Set(permission.to_owned());
        let written = match level {
            PermissionLevel::Global => {
                let row = global_permission::ActiveModel { user_id: Set(user_id), permission };
                grant(&transaction, row).await
            }
            PermissionLevel::Project(id) => {
                let row = project_permission::ActiveModel {
                    project_id: Set(id),
                    user_id: Set(user_id),
                    permission,
                };
                grant(&transaction, row).await
            }
            PermissionLevel::Repository(id) => {
                let row = repository_permission::ActiveModel {
                    repository_id: Set(id),
                    user_id: Set(user_id),
                    permission,
                };
                grant(&transaction, row).await
            }
        };
        written.map_err(|error| missing_reference(error, level, user_id))?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Takes a user's permission at a level away and announces it. The last one who holds SYS_ADMIN keeps it.
    pub async fn revoke_permission(
        &self,
        level: PermissionLevel,
        user_id: UserId,
        events: Vec<NewEvent>,
    ) -> Result<(), StoreError> {
        let transaction = self.database.begin_write().await?;
        let deleted = match level {
            PermissionLevel::Global => {
                require_another_holder(&transaction, user_id).await?;
                global_permission::Entity::delete_by_id(user_id).exec(&transaction).await
            }
            PermissionLevel::Project(id) => {
                project_permission::Entity::delete_by_id((id, user_id)).exec(&transaction).await
            }
            PermissionLevel::Repository(id) => {
                repository_permission::Entity::delete_by_id((id, user_id)).exec(&transaction).await
            }
        };
        require_row(deleted?.rows_affected, "permission of user", &user_id)?;
        announce(&transaction, events).await?;
        Ok(transaction.commit().await?)
    }

    /// Users with a permission at a level whose name contains a text.
    pub async fn list_permissions(
        &self,
        level: PermissionLevel,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, StoreError> {
        match level {
            PermissionLevel::Global => {
                self.list_in::<global_permission::Entity>(Condition::all(), name, page).await
            }
            PermissionLevel::Project(id) => {
                let on_project = Condition::all().add(project_permission::Column::ProjectId.eq(id));
                self.list_in::<project_permission::Entity>(on_project, name, page).await
            }
            PermissionLevel::Repository(id) => {
                let on_repository = Condition::all().add(repository_permission::Column::RepositoryId.eq(id));
                self.list_in::<repository_permission::Entity>(on_repository, name, page).await
            }
        }
    }

    /// What a user was granted everywhere, and on the project and the repository if these are given.
    pub async fn permissions_of(
        &self,
        user_id: UserId,
        project_id: Option<ProjectId>,
        repository_id: Option<RepositoryId>,
    ) -> Result<PermissionsOfUser, StoreError> {
        // One statement: it is asked for each request.
        let mut asked = granted::<global_permission::Entity>(GLOBAL, user_id, Condition::all());
        if let Some(id) = project_id {
            let on_project = Condition::all().add(project_permission::Column::ProjectId.eq(id));
            let grants = granted::<project_permission::Entity>(PROJECT, user_id, on_project);
            asked.union(UnionType::All, grants);
        }
        if let Some(id) = repository_id {
            let on_repository = Condition::all().add(repository_permission::Column::RepositoryId.eq(id));
            let grants = granted::<repository_permission::Entity>(REPOSITORY, user_id, on_repository);
            asked.union(UnionType::All, grants);
        }
        let mut found = PermissionsOfUser::default();
        for row in self.database.connection().query_all(&asked).await? {
            let permission = Some(row.try_get::<String>("", "permission")?);
            match row.try_get::<i32>("", LEVEL)? {
                GLOBAL => found.global = permission,
                PROJECT => found.project = permission,
                _ => found.repository = permission,
            }
        }
        Ok(found)
    }

    async fn list_in<T: PermissionTable>(
        &self,
        level: Condition,
        name: Option<&str>,
        page: PageRequest,
    ) -> Result<Page<UserPermission>, StoreError> {
        let rows = T::find()
            .find_also_related(user_account::Entity)
            .filter(level.add_option(name.map(describes_user)))
            .order_by_asc(T::USER)
            .offset(page.offset())
            .limit(page.rows())
            .all(self.database.connection())
            .await?;
        let found = rows.into_iter().map(|(row, user)| {
            let (user_id, permission) = T::grant_of(row);
            let user = user.ok_or_else(|| StoreError::not_found("user", &user_id))?;
            Ok(UserPermission { user: user.into(), permission })
        });
        Ok(Page::cut(found.collect::<Result<_, StoreError>>()?, page))
    }
}

/// A table in which each row grants a permission to a user.
trait PermissionTable: EntityTrait + Related<user_account::Entity> {
    const USER: Self::Column;
    const PERMISSION: Self::Column;

    /// To whom a row grants what.
    fn grant_of(row: Self::Model) -> (UserId, String);
}

macro_rules! permission_table {
    ($($table:ident),+) => {$(
        impl PermissionTable for $table::Entity {
            const USER: Self::Column = $table::Column::UserId;
            const PERMISSION: Self::Column = $table::Column::Permission;

            fn grant_of(row: Self::Model) -> (UserId, String) {
                (row.user_id, row.permission)
            }
        }
    )+};
}

permission_table!(global_permission, project_permission, repository_permission);

/// What a user was granted in one of the tables, with the level that it stands for.
fn granted<T: PermissionTable>(level: i32, user_id: UserId, on: Condition) -> SelectStatement {
    Query::select()
        .expr_as(Expr::value(level), LEVEL)
        .column(T::PERMISSION)
        .from(T::default())
        .cond_where(on.add(T::USER.eq(user_id)))
        .to_owned()
}

/// Writes a row in place of the one with the same key.
async fn grant<A>(transaction: &WriteTransaction, row: A) -> Result<(), DbErr>
where
    A: ActiveModelTrait,
    A::Entity: PermissionTable,
{
    let replacing = OnConflict::columns(<A::Entity as EntityTrait>::PrimaryKey::iter())
        .update_column(A::Entity::PERMISSION)
        .to_owned();
    A::Entity::insert(row).on_conflict(replacing).exec_without_returning(transaction).await.map(drop)
}

/// Says which of those that a row names may not exist, if that is why it was not written.
fn missing_reference(error: DbErr, level: PermissionLevel, user_id: UserId) -> StoreError {
    let error = StoreError::from(error);
    match level {
        PermissionLevel::Global => error.or_missing_reference("user", &user_id),
        PermissionLevel::Project(id) => {
            error.or_missing_reference("project or user", &format!("{id} or {user_id}"))
        }
        PermissionLevel::Repository(id) => {
            error.or_missing_reference("repository or user", &format!("{id} or {user_id}"))
        }
    }
}
