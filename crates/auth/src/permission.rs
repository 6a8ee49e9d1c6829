//! What may be done, and how grants on server, project and repository add up.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use thiserror::Error;

/// A permission name that does not exist in its scope.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{name:?} is not one of {expected}")]
pub struct UnknownPermission {
    name: String,
    expected: &'static str,
}

macro_rules! permission {
    ($(#[$doc:meta])* $type:ident { $($(#[$variant_doc:meta])* $variant:ident = $name:literal),+ $(,)? } $expected:literal) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum $type { $($(#[$variant_doc])* $variant),+ }

        impl $type {
            /// Name on the wire.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }
        }

        impl fmt::Display for $type {
            fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
                out.write_str(self.as_str())
            }
        }

        impl FromStr for $type {
            type Err = UnknownPermission;

            fn from_str(name: &str) -> Result<Self, UnknownPermission> {
                match name {
                    $($name => Ok(Self::$variant),)+
                    _ => Err(UnknownPermission { name: name.to_owned(), expected: $expected }),
                }
            }
        }

        impl Serialize for $type {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }

        impl<'de> Deserialize<'de> for $type {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

permission! {
    /// What a user may do on the whole server; a higher one includes the lower ones.
    GlobalPermission {
        /// May log in.
        LicensedUser = "LICENSED_USER",
        /// May create projects.
        ProjectCreate = "PROJECT_CREATE",
        /// May administer users, projects and repositories.
        Admin = "ADMIN",
        /// May change the server itself.
        SysAdmin = "SYS_ADMIN",
    } "LICENSED_USER, PROJECT_CREATE, ADMIN, SYS_ADMIN"
}

permission! {
    /// What a user may do in a project and in all its repositories.
    ProjectPermission {
        /// May read.
        Read = "PROJECT_READ",
        /// May push.
        Write = "PROJECT_WRITE",
        /// May create, change and delete repositories.
        Admin = "PROJECT_ADMIN",
    } "PROJECT_READ, PROJECT_WRITE, PROJECT_ADMIN"
}

permission! {
    /// What a user may do in one repository.
    RepositoryPermission {
        /// May read.
        Read = "REPO_READ",
        /// May push.
        Write = "REPO_WRITE",
        /// May change and delete it.
        Admin = "REPO_ADMIN",
    } "REPO_READ, REPO_WRITE, REPO_ADMIN"
}

impl ProjectPermission {
    /// What it allows in each repository of the project.
    pub const fn in_repositories(self) -> RepositoryPermission {
        match self {
            Self::Read => RepositoryPermission::Read,
            Self::Write => RepositoryPermission::Write,
            Self::Admin => RepositoryPermission::Admin,
        }
    }
}

/// The highest grant a user holds at each level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Grants {
    /// On the server.
    pub global: Option<GlobalPermission>,
    /// On the project.
    pub project: Option<ProjectPermission>,
    /// On the repository.
    pub repository: Option<RepositoryPermission>,
}

/// Who may read something without any grant.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Every caller, anonymous ones included.
    Public,
    /// Only those who hold a grant.
    Granted,
}

/// What the grants add up to on a project.
pub fn effective_project(audience: Audience, grants: &Grants) -> Option<ProjectPermission> {
    let from_global =
        grants.global.filter(|global| *global >= GlobalPermission::Admin).map(|_| ProjectPermission::Admin);
    let from_audience = (audience == Audience::Public).then_some(ProjectPermission::Read);
    grants.project.max(from_global).max(from_audience)
}

/// What the grants add up to on a repository; `audience` is public if the repository or its project is.
pub fn effective_repository(audience: Audience, grants: &Grants) -> Option<RepositoryPermission> {
    let from_project = effective_project(audience, grants).map(ProjectPermission::in_repositories);
    grants.repository.max(from_project)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip_and_order_grows() {
        for name in ["LICENSED_USER", "PROJECT_CREATE", "ADMIN", "SYS_ADMIN"] {
            assert_eq!(name.parse::<GlobalPermission>().expect("a known name").as_str(), name);
        }
        assert!(GlobalPermission::SysAdmin > GlobalPermission::Admin);
        assert!(RepositoryPermission::Write > RepositoryPermission::Read);
        let error = "REPO_READ".parse::<ProjectPermission>().expect_err("belongs to another scope");
        assert_eq!(
            error.to_string(),
            "\"REPO_READ\" is not one of PROJECT_READ, PROJECT_WRITE, PROJECT_ADMIN"
        );
    }

    #[test]
    fn the_highest_of_all_levels_counts() {
        let nothing = Grants::default();
        assert_eq!(effective_repository(Audience::Granted, &nothing), None);
        assert_eq!(effective_repository(Audience::Public, &nothing), Some(RepositoryPermission::Read));

        let writer_of_project = Grants { project: Some(ProjectPermission::Write), ..nothing };
        let permission = effective_repository(Audience::Public, &writer_of_project);
        assert_eq!(permission, Some(RepositoryPermission::Write));

        let admin_here = Grants { repository: Some(RepositoryPermission::Admin), ..writer_of_project };
        assert_eq!(effective_repository(Audience::Granted, &admin_here), Some(RepositoryPermission::Admin));
        assert_eq!(effective_project(Audience::Granted, &admin_here), Some(ProjectPermission::Write));
    }

    #[test]
    fn administrators_may_do_everything_and_licensed_users_nothing_by_that() {
        let admin = Grants { global: Some(GlobalPermission::Admin), ..Grants::default() };
        assert_eq!(effective_repository(Audience::Granted, &admin), Some(RepositoryPermission::Admin));
        let creator = Grants { global: Some(GlobalPermission::ProjectCreate), ..Grants::default() };
        assert_eq!(effective_repository(Audience::Granted, &creator), None);
    }
}
