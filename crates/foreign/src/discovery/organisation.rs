//! Whose repositories are looked for: `github:acme`, `gitlab:acme/tools`, `gitea:acme`, or `bitbucket:PRJ`, which is a
//! workspace at Bitbucket Cloud.

use std::fmt;
use std::str::FromStr;

use url::Url;

use crate::RepositoryPath;
use crate::provider::{Bitbucket, Provider};

/// Longest name of an organisation, in bytes.
const MAX_NAME_BYTES: usize = 255;
/// Where GitHub itself is asked; its servers at other hosts are asked there.
const GITHUB: (&str, &str) = ("github.com", "https://api.github.com/");
/// Where Bitbucket Cloud is asked.
const BITBUCKET_CLOUD: &str = "https://api.bitbucket.org/2.0/";

/// An organisation of GitHub, Gitea or Forgejo, a group of GitLab with its subgroups, a project of Bitbucket Data Center, or
/// a workspace of Bitbucket Cloud.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Organisation {
    /// What kind of server it is at.
    pub provider: Provider,
    /// Its name there, such as `acme` or `acme/tools`.
    pub name: String,
}

/// A text that names no organisation.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is no organisation such as github:acme, gitlab:acme/tools, gitea:acme, forgejo:acme or bitbucket:PRJ"
)]
pub struct InvalidOrganisation(String);

/// Where a provider's interface is, at a Git server that is reached at `origin`.
pub(super) fn interface_at(provider: Provider, origin: &Url) -> Url {
    if provider == Provider::GitHub && origin.host_str() == Some(GITHUB.0) {
        return Url::parse(GITHUB.1).expect("it is a URL");
    }
    if provider == Provider::Bitbucket && Bitbucket::at(origin) == Bitbucket::Cloud {
        return Url::parse(BITBUCKET_CLOUD).expect("it is a URL");
    }
    let mut base = origin.clone();
    let below = base.path().trim_end_matches('/');
    let path = match provider {
        Provider::GitHub => format!("{below}/api/v3/"),
        Provider::GitLab => format!("{below}/api/v4/"),
        Provider::Gitea | Provider::Forgejo | Provider::Generic => format!("{below}/api/v1/"),
        Provider::Bitbucket => format!("{}/rest/api/latest/", below.strip_suffix("/scm").unwrap_or(below)),
    };
    base.set_path(&path);
    base
}

impl FromStr for Organisation {
    type Err = InvalidOrganisation;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let invalid = || InvalidOrganisation(text.chars().take(100).collect());
        let (provider, name) = text.split_once(':').ok_or_else(invalid)?;
        let provider: Provider = provider.parse().map_err(|_| invalid())?;
        // Groups lie in each other at GitLab only.
        let is_one_part = !name.contains('/') || provider == Provider::GitLab;
        let is_path = RepositoryPath::parse(name).is_ok_and(|path| &path.as_str()[1..] == name);
        if provider == Provider::Generic || !is_one_part || !is_path || name.len() > MAX_NAME_BYTES {
            return Err(invalid());
        }
        Ok(Self { provider, name: name.to_owned() })
    }
}

impl fmt::Display for Organisation {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}:{}", self.provider, self.name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn organisations_are_named_with_their_provider() {
        for text in ["github:acme", "gitlab:acme/deep/tools", "gitea:acme", "forgejo:a-b.c", "bitbucket:~ADA"]
        {
            assert_eq!(text.parse::<Organisation>().expect(text).to_string(), text);
        }
        let long = format!("github:{}", "a".repeat(256));
        for text in [
            "",
            "acme",
            "github:",
            "gitbucket:acme",
            "generic:acme",
            "github:acme/tool",
            "gitlab:/acme",
            "gitlab:acme//tools",
            "github:..",
            "github:a%62",
            &long,
        ] {
            assert!(text.parse::<Organisation>().is_err(), "{text}");
        }
    }

    #[test]
    fn each_provider_has_its_interface_elsewhere() {
        for (provider, origin, expected) in [
            (Provider::GitHub, "https://github.com/", "https://api.github.com/"),
            (Provider::GitHub, "https://git.example.com/", "https://git.example.com/api/v3/"),
            (Provider::GitLab, "https://example.com/gitlab/", "https://example.com/gitlab/api/v4/"),
            (Provider::Gitea, "https://git.example.com:3000/", "https://git.example.com:3000/api/v1/"),
            (Provider::Bitbucket, "https://bitbucket.org/", "https://api.bitbucket.org/2.0/"),
            (Provider::Bitbucket, "https://git.example.com/", "https://git.example.com/rest/api/latest/"),
            (Provider::Bitbucket, "https://example.com/bb/scm/", "https://example.com/bb/rest/api/latest/"),
        ] {
            let origin = Url::parse(origin).expect("a URL");
            assert_eq!(interface_at(provider, &origin).as_str(), expected);
        }
    }
}
