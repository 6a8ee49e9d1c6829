//! How a repository is named on the command line: `PROJ/slug`.

use std::fmt;
use std::str::FromStr;

use crate::admin::api;

/// A project key and a slug, or the name of which a new repository's slug is made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RepositoryName {
    /// Key of the project.
    pub project: String,
    /// Slug or name.
    pub slug: String,
}

impl RepositoryName {
    /// Path of the repository in the core API.
    pub fn path(&self) -> Vec<&str> {
        api::path(&api::CORE, &["projects", &self.project, "repos", &self.slug])
    }
}

impl FromStr for RepositoryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        // `git@host:folder/name` is an address of SSH.
        match text.split_once('/').filter(|_| !text.contains(':')) {
            Some((project, slug)) if !project.is_empty() && !slug.is_empty() && !slug.contains('/') => {
                Ok(Self { project: project.to_owned(), slug: slug.to_owned() })
            }
            _ => Err("a repository is named by project key and slug, as in PROJ/website".to_owned()),
        }
    }
}

impl fmt::Display for RepositoryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project, self.slug)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_two_parts() {
        let name: RepositoryName = "PROJ/site".parse().expect("two parts");
        assert_eq!(name.to_string(), "PROJ/site");
        for wrong in ["PROJ", "/site", "PROJ/", "PROJ/a/b", ""] {
            assert!(wrong.parse::<RepositoryName>().is_err(), "{wrong}");
        }
    }
}
