//! The names of repositories in labels: their numbers on disk say nothing to those who read the metrics.

use std::collections::BTreeMap;

/// Repositories by their numbers on disk. What was deleted meanwhile has no name.
#[derive(Debug, Default)]
pub struct RepositoryNames(BTreeMap<u64, Name>);

#[derive(Debug)]
struct Name {
    /// Empty where repositories are in no projects, which is as if there were no such label.
    project: String,
    repository: String,
}

impl RepositoryNames {
    /// Of an upstream, or a mirror of one: number, project key and slug.
    pub fn in_projects(paths: Vec<(u64, String, String)>) -> Self {
        let name = |(number, project, repository)| (number, Name { project, repository });
        Self(paths.into_iter().map(name).collect())
    }

    /// Of a mirror of another Git server: number and path.
    pub fn at_paths(paths: impl IntoIterator<Item = (u64, String)>) -> Self {
        let name = |(number, repository)| (number, Name { project: String::new(), repository });
        Self(paths.into_iter().map(name).collect())
    }

    /// The labels of a repository.
    pub(super) fn labels(&self, number: u64) -> Option<[(&'static str, &str); 2]> {
        let name = self.0.get(&number)?;
        Some([("project", name.project.as_str()), ("repository", name.repository.as_str())])
    }
}
