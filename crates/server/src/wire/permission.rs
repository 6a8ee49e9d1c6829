//! Names of permissions on the wire, which are also their names in the database.

use heliostat_api::models::{self, Permission};
use heliostat_auth::{GlobalPermission, ProjectPermission, RepositoryPermission};

use crate::http::problem::Problem;

/// A permission by its stored name. A name that the contract does not know is a fault of this server.
pub fn permission(name: &str) -> Result<Permission, Problem> {
    Permission::from_wire(name).ok_or_else(|| Problem::internal(&UnknownPermission(name.to_owned())))
}

/// Permissions by their stored names.
pub fn permissions(names: &[String]) -> Result<Vec<Permission>, Problem> {
    names.iter().map(|name| permission(name)).collect()
}

/// A permission for the whole server, as the domain calls it.
pub fn global_permission(permission: models::GlobalPermission) -> GlobalPermission {
    match permission {
        models::GlobalPermission::LicensedUser => GlobalPermission::LicensedUser,
        models::GlobalPermission::ProjectCreate => GlobalPermission::ProjectCreate,
        models::GlobalPermission::Admin => GlobalPermission::Admin,
        models::GlobalPermission::SysAdmin => GlobalPermission::SysAdmin,
    }
}

/// A permission for a project, as the domain calls it.
pub fn project_permission(permission: models::ProjectPermission) -> ProjectPermission {
    match permission {
        models::ProjectPermission::ProjectRead => ProjectPermission::Read,
        models::ProjectPermission::ProjectWrite => ProjectPermission::Write,
        models::ProjectPermission::ProjectAdmin => ProjectPermission::Admin,
    }
}

/// A permission for a repository, as the domain calls it.
pub fn repository_permission(permission: models::RepositoryPermission) -> RepositoryPermission {
    match permission {
        models::RepositoryPermission::RepoRead => RepositoryPermission::Read,
        models::RepositoryPermission::RepoWrite => RepositoryPermission::Write,
        models::RepositoryPermission::RepoAdmin => RepositoryPermission::Admin,
    }
}

#[derive(Debug, thiserror::Error)]
#[error("the stored permission {0:?} is unknown")]
struct UnknownPermission(String);
