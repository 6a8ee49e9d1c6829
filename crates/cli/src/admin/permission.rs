//! `heliostat permission`: who may do what, globally, in a project or in a repository.

use std::str::FromStr;

use clap::{Args, Subcommand};

use super::repository::RepositoryName;
use super::{UpstreamConnection, api};
use crate::exit_code::WrongUsage;
use crate::output::Column;

/// What can be done with permissions.
#[derive(Debug, Subcommand)]
pub enum PermissionCommand {
    /// Give a user a permission in place of the one the user has there.
    #[command(
        after_help = "Examples:\n  heliostat permission grant ann write --project PRJ\n  heliostat permission grant ann read --repository PRJ/site\n  heliostat permission grant ann project_create"
    )]
    Grant {
        /// Name of the user.
        #[arg(id = "grantee", value_name = "USER")]
        user: String,
        /// Globally licensed_user, project_create, admin or sys_admin; else read, write or admin.
        #[arg(value_name = "PERMISSION")]
        level: String,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// Take a user's permission away.
    #[command(
        after_help = "Examples:\n  heliostat permission revoke ann --project PRJ\n  heliostat permission revoke ann --repository PRJ/site"
    )]
    Revoke {
        /// Name of the user.
        #[arg(id = "grantee", value_name = "USER")]
        user: String,
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
    /// List who has which permission.
    #[command(
        after_help = "Examples:\n  heliostat permission list\n  heliostat permission list --repository PRJ/site"
    )]
    List {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        connection: UpstreamConnection,
    },
}

/// Where a permission holds [default: globally].
#[derive(Debug, Args)]
pub struct Place {
    /// In this project [default: globally].
    #[arg(long, value_name = "KEY")]
    project: Option<String>,
    /// In this repository, as in PROJ/slug [default: globally].
    #[arg(long, value_name = "PROJ/SLUG", value_parser = RepositoryName::from_str, conflicts_with = "project")]
    repository: Option<RepositoryName>,
}

const GLOBAL_PERMISSIONS: [&str; 4] = ["LICENSED_USER", "PROJECT_CREATE", "ADMIN", "SYS_ADMIN"];
const PROJECT_PERMISSIONS: [&str; 3] = ["PROJECT_READ", "PROJECT_WRITE", "PROJECT_ADMIN"];
const REPOSITORY_PERMISSIONS: [&str; 3] = ["REPO_READ", "REPO_WRITE", "REPO_ADMIN"];

const COLUMNS: [Column; 3] = [
    Column::text("USER", "/user/name"),
    Column::text("PERMISSION", "/permission"),
    Column::text("DISPLAY NAME", "/user/displayName"),
];

/// Runs one of them.
pub async fn run(command: PermissionCommand) -> anyhow::Result<()> {
    match command {
        PermissionCommand::Grant { user, level, place, connection } => {
            let session = connection.open().await?;
            let permission = place.permission(&level)?;
            let call =
                session.client.put(&place.path()).query("name", &user).query("permission", &permission);
            call.send().await?;
            session.output.done(&format!("{user} has {permission} {}.", place.shown()));
        }
        PermissionCommand::Revoke { user, place, connection } => {
            let session = connection.open().await?;
            session.client.delete(&place.path()).query("name", &user).send().await?;
            session.output.done(&format!("{user} has no permission of its own {}.", place.shown()));
        }
        PermissionCommand::List { place, connection } => {
            let session = connection.open().await?;
            session.output.list(&session.client.get(&place.path()).all().await?, &COLUMNS);
        }
    }
    Ok(())
}

impl Place {
    fn path(&self) -> Vec<&str> {
        let mut path = match (&self.project, &self.repository) {
            (_, Some(repository)) => repository.path(),
            (Some(project), None) => api::path(&api::CORE, &["projects", project]),
            (None, None) => api::path(&api::CORE, &["admin"]),
        };
        path.extend(["permissions", "users"]);
        path
    }

    /// The API's name of a permission that there is at this place.
    fn permission(&self, level: &str) -> anyhow::Result<String> {
        let name = self.full_name(level);
        let (names, shown) = match (&self.project, &self.repository) {
            (_, Some(_)) => (&REPOSITORY_PERMISSIONS[..], "read, write or admin"),
            (Some(_), None) => (&PROJECT_PERMISSIONS[..], "read, write or admin"),
            (None, None) => (&GLOBAL_PERMISSIONS[..], "licensed_user, project_create, admin or sys_admin"),
        };
        if !names.contains(&name.as_str()) {
            let told = format!("there is no permission {level:?} {}: give {shown}", self.shown());
            return Err(WrongUsage(told).into());
        }
        Ok(name)
    }

    /// The API's name of `read`, `write` and `admin` here; other names are left to the server.
    fn full_name(&self, level: &str) -> String {
        let level = level.to_uppercase().replace('-', "_");
        let is_short = matches!(level.as_str(), "READ" | "WRITE" | "ADMIN");
        match (&self.project, &self.repository) {
            (_, Some(_)) if is_short => format!("REPO_{level}"),
            (Some(_), None) if is_short => format!("PROJECT_{level}"),
            _ => level,
        }
    }

    fn shown(&self) -> String {
        match (&self.project, &self.repository) {
            (_, Some(repository)) => format!("in the repository {repository}"),
            (Some(project), None) => format!("in the project {project}"),
            (None, None) => "globally".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_decides_path_and_name() {
        let repository = "P/r".parse().ok();
        for (place, path, admin) in [
            (Place { project: None, repository: None }, "rest/api/latest/admin/permissions/users", "ADMIN"),
            (
                Place { project: Some("P".to_owned()), repository: None },
                "rest/api/latest/projects/P/permissions/users",
                "PROJECT_ADMIN",
            ),
            (
                Place { project: None, repository },
                "rest/api/latest/projects/P/repos/r/permissions/users",
                "REPO_ADMIN",
            ),
        ] {
            assert_eq!(place.path().join("/"), path);
            assert_eq!(place.full_name("admin"), admin);
            assert_eq!(place.full_name("sys-admin"), "SYS_ADMIN");
            assert_eq!(place.permission("admin").expect("there is one"), admin);
            let unknown = place.permission("reed").expect_err("there is none").to_string();
            assert!(unknown.contains("\"reed\"") && unknown.contains("admin"), "{unknown}");
        }
    }
}
