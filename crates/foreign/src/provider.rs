//! The makes of Git servers whose webhooks and interfaces are understood here, and how Bitbucket calls its repositories.

use std::fmt;
use std::str::FromStr;

use url::Url;

/// Where Bitbucket Cloud is.
const BITBUCKET_CLOUD: &str = "bitbucket.org";
/// Where a Bitbucket Data Center has its repositories.
const BITBUCKET_PROJECTS: &str = "scm/";

/// A make of Git servers, or of what else may send a hint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Provider {
    /// GitHub and GitHub Enterprise Server.
    GitHub,
    /// GitLab.
    GitLab,
    /// Gitea.
    Gitea,
    /// Forgejo.
    Forgejo,
    /// Bitbucket Data Center and Bitbucket Cloud.
    Bitbucket,
    /// Anything that can sign a POST: a script, a `post-receive` hook, a build server.
    Generic,
}

/// Which of the two servers is meant that are called Bitbucket. Their interfaces have little in common.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bitbucket {
    /// Bitbucket Data Center.
    DataCenter {
        /// What stands before project and repository in its addresses: nothing, or `scm/`.
        projects_below: &'static str,
    },
    /// Bitbucket Cloud.
    Cloud,
}

/// A text that names no provider.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is none of github, gitlab, gitea, forgejo, bitbucket and generic")]
pub struct UnknownProvider(String);

impl Provider {
    /// All of them.
    pub const ALL: [Self; 6] =
        [Self::GitHub, Self::GitLab, Self::Gitea, Self::Forgejo, Self::Bitbucket, Self::Generic];

    /// The name in options and addresses.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::GitHub => "github",
            Self::GitLab => "gitlab",
            Self::Gitea => "gitea",
            Self::Forgejo => "forgejo",
            Self::Bitbucket => "bitbucket",
            Self::Generic => "generic",
        }
    }
}

impl fmt::Display for Provider {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(self.as_str())
    }
}

impl FromStr for Provider {
    type Err = UnknownProvider;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = Self::ALL.into_iter().find(|provider| provider.as_str() == text);
        found.ok_or_else(|| UnknownProvider(text.chars().take(32).collect()))
    }
}

impl Bitbucket {
    /// The one that is reached at `origin`, if it is one.
    pub(crate) fn at(origin: &Url) -> Self {
        match origin.host_str() {
            Some(BITBUCKET_CLOUD) => Self::Cloud,
            _ => Self::DataCenter { projects_below: projects_below(origin) },
        }
    }
}

/// What stands before project and repository in the addresses of a Bitbucket Data Center, below a server at `origin`.
pub(crate) fn projects_below(origin: &Url) -> &'static str {
    let is_there = origin.path().trim_end_matches('/').ends_with("/scm");
    if is_there { "" } else { BITBUCKET_PROJECTS }
}

/// What a Bitbucket Data Center calls a repository in its address, given what stands before it there.
pub(crate) fn bitbucket_name(projects_below: &str, project_key: &str, slug: &str) -> String {
    format!("{projects_below}{}/{slug}", project_key.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn providers_go_by_their_names() {
        for provider in Provider::ALL {
            assert_eq!(provider.to_string().parse(), Ok(provider));
        }
        for text in ["", "GitHub", "github ", "gogs"] {
            assert!(text.parse::<Provider>().is_err(), "{text:?}");
        }
    }
}
