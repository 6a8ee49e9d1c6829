//! Which projects and repositories are visible to a caller, decided in the database.
//!
//! Any permission on something includes reading it. A public project makes all of its repositories public,
//! and a user who may read one repository may see that its project exists.

use sea_orm::sea_query::{Expr, Query, SelectStatement};
use sea_orm::{ColumnTrait, Condition};

use crate::entities::{project, project_permission, repository, repository_permission};
use crate::ids::UserId;
use crate::records::{RepositoryState, Visibility};

/// The condition on repositories, in a query that joins their projects.
pub(super) fn visible_repositories(visibility: Visibility) -> Condition {
    let public =
        Condition::any().add(repository::Column::Public.eq(true)).add(project::Column::Public.eq(true));
    match visibility {
        Visibility::All => Condition::all(),
        Visibility::Announced => {
            Condition::all().add(repository::Column::State.ne(RepositoryState::Initialising))
        }
        Visibility::Public => public,
        Visibility::User(user) => public
            .add(repository::Column::ProjectId.in_subquery(projects_granted_to(user)))
            .add(repository::Column::Id.in_subquery(repositories_granted_to(user))),
    }
}

/// The condition on projects.
pub(super) fn visible_projects(visibility: Visibility) -> Condition {
    let public = Condition::any()
        .add(project::Column::Public.eq(true))
        .add(project::Column::Id.in_subquery(projects_with(repository::Column::Public.eq(true))));
    match visibility {
        Visibility::All | Visibility::Announced => Condition::all(),
        Visibility::Public => public,
        Visibility::User(user) => {
            let granted = repository::Column::Id.in_subquery(repositories_granted_to(user));
            public
                .add(project::Column::Id.in_subquery(projects_granted_to(user)))
                .add(project::Column::Id.in_subquery(projects_with(granted)))
        }
    }
}

fn projects_granted_to(user: UserId) -> SelectStatement {
    Query::select()
        .column(project_permission::Column::ProjectId)
        .from(project_permission::Entity)
        .and_where(project_permission::Column::UserId.eq(user))
        .to_owned()
}

fn repositories_granted_to(user: UserId) -> SelectStatement {
    Query::select()
        .column(repository_permission::Column::RepositoryId)
        .from(repository_permission::Entity)
        .and_where(repository_permission::Column::UserId.eq(user))
        .to_owned()
}

/// The projects that have such a repository.
fn projects_with(repository: Expr) -> SelectStatement {
    Query::select()
        .column(repository::Column::ProjectId)
        .from(repository::Entity)
        .and_where(repository)
        .to_owned()
}
