//! The most that an access token may do, whatever its user may do.

use crate::{GlobalPermission, ProjectPermission, RepositoryPermission};

/// An upper bound at each level. `None` allows nothing at that level.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenScope {
    /// On the server.
    pub global: Option<GlobalPermission>,
    /// On projects.
    pub project: Option<ProjectPermission>,
    /// On repositories.
    pub repository: Option<RepositoryPermission>,
}

impl TokenScope {
    /// The scope that a token's permission names describe; `None` if there are none, which means no bound.
    ///
    /// Every token may log in. A permission on projects holds for their repositories, and a permission on
    /// repositories includes reading their projects. Unknown names allow nothing.
    pub fn from_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut names = names.into_iter().peekable();
        names.peek()?;
        let mut scope =
            Self { global: Some(GlobalPermission::LicensedUser), project: None, repository: None };
        for name in names {
            if let Ok(global) = name.parse() {
                scope.global = scope.global.max(Some(global));
            } else if let Ok(project) = name.parse::<ProjectPermission>() {
                scope.project = scope.project.max(Some(project));
                scope.repository = scope.repository.max(Some(project.in_repositories()));
            } else if let Ok(repository) = name.parse() {
                scope.repository = scope.repository.max(Some(repository));
                scope.project = scope.project.max(Some(ProjectPermission::Read));
            }
        }
        if scope.global >= Some(GlobalPermission::Admin) {
            scope.project = Some(ProjectPermission::Admin);
            scope.repository = Some(RepositoryPermission::Admin);
        }
        Some(scope)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_names_set_no_bound() {
        assert_eq!(TokenScope::from_names([]), None);
    }

    #[test]
    fn names_bound_their_level_and_those_below() {
        let scope =
            |names: &[&str]| TokenScope::from_names(names.iter().copied()).expect("names set a bound");
        let reader = scope(&["REPO_READ"]);
        assert_eq!(reader.global, Some(GlobalPermission::LicensedUser));
        assert_eq!(reader.project, Some(ProjectPermission::Read));
        assert_eq!(reader.repository, Some(RepositoryPermission::Read));

        let writer = scope(&["PROJECT_WRITE", "REPO_READ"]);
        assert_eq!(writer.project, Some(ProjectPermission::Write));
        assert_eq!(writer.repository, Some(RepositoryPermission::Write));

        assert_eq!(scope(&["ADMIN"]).repository, Some(RepositoryPermission::Admin));
        assert_eq!(scope(&["EVERYTHING"]).repository, None);
    }
}
