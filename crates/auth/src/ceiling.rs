//! The most that an access token may do, whatever its user may do.

use crate::{GlobalPermission, ProjectPermission, RepositoryPermission};

/// An upper bound at each level. What is `None` may not be done at all.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ceiling {
    /// On the server.
    pub global: Option<GlobalPermission>,
    /// On projects.
    pub project: Option<ProjectPermission>,
    /// On repositories.
    pub repository: Option<RepositoryPermission>,
}

impl Ceiling {
    /// The bound that a token's permission names set; `None` if there are none, which means no bound.
    ///
    /// Every token may log in. A permission on projects holds for their repositories, and whoever may do
    /// something in a repository may see its project. Unknown names allow nothing.
    pub fn of_names<'a>(names: impl IntoIterator<Item = &'a str>) -> Option<Self> {
        let mut names = names.into_iter().peekable();
        names.peek()?;
        let mut ceiling =
            Self { global: Some(GlobalPermission::LicensedUser), project: None, repository: None };
        for name in names {
            if let Ok(global) = name.parse() {
                ceiling.global = ceiling.global.max(Some(global));
            } else if let Ok(project) = name.parse::<ProjectPermission>() {
                ceiling.project = ceiling.project.max(Some(project));
                ceiling.repository = ceiling.repository.max(Some(project.in_repositories()));
            } else if let Ok(repository) = name.parse() {
                ceiling.repository = ceiling.repository.max(Some(repository));
                ceiling.project = ceiling.project.max(Some(ProjectPermission::Read));
            }
        }
        if ceiling.global >= Some(GlobalPermission::Admin) {
            ceiling.project = Some(ProjectPermission::Admin);
            ceiling.repository = Some(RepositoryPermission::Admin);
        }
        Some(ceiling)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_names_set_no_bound() {
        assert_eq!(Ceiling::of_names([]), None);
    }

    #[test]
    fn names_bound_their_level_and_those_below() {
        let ceiling = |names: &[&str]| Ceiling::of_names(names.iter().copied()).expect("names set a bound");
        let reader = ceiling(&["REPO_READ"]);
        assert_eq!(reader.global, Some(GlobalPermission::LicensedUser));
        assert_eq!(reader.project, Some(ProjectPermission::Read));
        assert_eq!(reader.repository, Some(RepositoryPermission::Read));

        let writer = ceiling(&["PROJECT_WRITE", "REPO_READ"]);
        assert_eq!(writer.project, Some(ProjectPermission::Write));
        assert_eq!(writer.repository, Some(RepositoryPermission::Write));

        assert_eq!(ceiling(&["ADMIN"]).repository, Some(RepositoryPermission::Admin));
        assert_eq!(ceiling(&["EVERYTHING"]).repository, None);
    }
}
