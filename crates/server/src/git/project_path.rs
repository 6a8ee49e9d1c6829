//! Where a repository of an upstream is, there and on its mirrors: `/scm/{projectKey}/{slug}.git`.

use std::fmt;

/// Longest project key or repository slug that is looked up, in bytes.
const MAX_NAME_BYTES: usize = 128;

/// A repository by the names of its project and its own, as sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProjectPath {
    /// The project's key.
    pub project_key: String,
    /// The repository's slug, without `.git`.
    pub slug: String,
}

impl ProjectPath {
    /// Reads the address of a repository.
    pub fn read(address: &str) -> Option<Self> {
        let (project_key, repository) = address.strip_prefix("/scm/")?.split_once('/')?;
        let slug = repository.strip_suffix(".git").unwrap_or(repository);
        (is_name(project_key) && is_name(slug))
            .then(|| Self { project_key: project_key.to_owned(), slug: slug.to_owned() })
    }

    /// Its address at the server with this base URL.
    pub fn below(&self, base_url: &str) -> String {
        let slug = self.slug.strip_suffix(".git").unwrap_or(&self.slug);
        format!("{}/scm/{}/{slug}.git", base_url.trim_end_matches('/'), self.project_key)
    }
}

impl fmt::Display for ProjectPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.project_key, self.slug)
    }
}

/// Keys and slugs are plain: no separators, no escapes, no dot files. `~` starts a personal project's key.
fn is_name(text: &str) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    !text.is_empty() && text.len() <= MAX_NAME_BYTES && text.bytes().all(plain) && !text.starts_with('.')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_read_with_its_project() {
        let path = ProjectPath::read("/scm/PRJ/repo.git").expect("is one");
        assert_eq!((path.project_key.as_str(), path.slug.as_str()), ("PRJ", "repo"));
        assert_eq!(ProjectPath::read("/scm/PRJ/repo"), Some(path.clone()));
        assert_eq!(path.below("http://git.example.com/x/"), "http://git.example.com/x/scm/PRJ/repo.git");
        assert!(ProjectPath::read("/scm/~ada/r.git").is_some());
    }

    #[test]
    fn hostile_addresses_name_no_repository() {
        let long = format!("/scm/PRJ/{}.git", "a".repeat(200));
        for address in [
            "",
            "/scm",
            "/scm/PRJ",
            "/scm/PRJ/",
            "/scm/PRJ/../x.git",
            "/scm/PRJ/%2e%2e",
            "/scm/PRJ/.git",
            &long,
        ] {
            assert_eq!(ProjectPath::read(address), None, "{address}");
        }
    }
}
