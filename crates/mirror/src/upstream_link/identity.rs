//! Which upstream this is: its normalised address and the id derived from it.

use heliostat_storage::UpstreamServerId;
use thiserror::Error;
use url::Url;
use uuid::Uuid;

/// The longest upstream address that is accepted, in bytes.
const MAX_UPSTREAM_URL_BYTES: usize = 2048;

/// The address of an upstream, without a trailing slash, user name, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct UpstreamUrl(String);

/// Where an upstream is: often one address, and two where servers reach each other in a network of their own.
#[derive(Debug, Clone)]
pub struct UpstreamAddresses {
    /// At which this mirror calls it.
    pub followed: UpstreamUrl,
    /// What it calls itself, and where people reach it.
    pub public: UpstreamUrl,
}

impl UpstreamAddresses {
    /// Whether an upstream that calls itself so is this one.
    pub(super) fn has(&self, url: &UpstreamUrl) -> bool {
        *url == self.followed || *url == self.public
    }
}

/// Why a text is not the address of an upstream.
#[derive(Debug, Error)]
pub enum InvalidUpstreamUrl {
    /// Longer than any sensible address.
    #[error("the upstream URL is longer than {MAX_UPSTREAM_URL_BYTES} bytes")]
    TooLong,
    /// Not a URL at all.
    #[error("{text:?} is not a URL")]
    NotAUrl {
        /// What was given.
        text: String,
        /// What the parser disliked.
        #[source]
        error: url::ParseError,
    },
    /// A URL, but not one that can be an upstream's.
    #[error("{url} cannot be an upstream: {problem}")]
    Unsuitable {
        /// What was given, without a password.
        url: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

impl UpstreamUrl {
    /// Parses and normalises an address: two spellings of one address become equal.
    pub fn parse(text: &str) -> Result<Self, InvalidUpstreamUrl> {
        if text.len() > MAX_UPSTREAM_URL_BYTES {
            return Err(InvalidUpstreamUrl::TooLong);
        }
        let mut url = Url::parse(text.trim())
            .map_err(|error| InvalidUpstreamUrl::NotAUrl { text: text.to_owned(), error })?;
        let problem = if !matches!(url.scheme(), "http" | "https") {
            Some("only http and https are supported")
        } else if !url.username().is_empty() || url.password().is_some() {
            Some("credentials do not belong in it")
        } else if url.query().is_some() || url.fragment().is_some() {
            Some("it must not have a query or a fragment")
        } else {
            None
        };
        if let Some(problem) = problem {
            url.set_password(None).ok();
            return Err(InvalidUpstreamUrl::Unsuitable { url: url.to_string(), problem });
        }
        Ok(Self(url.as_str().trim_end_matches('/').to_owned()))
    }

    /// The address without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The address for those who call it.
    pub(super) fn to_url(&self) -> Url {
        Url::parse(&self.0).expect("it was made of a URL")
    }

    /// The name-based UUID under which a mirror lists this upstream.
    pub fn server_id(&self) -> UpstreamServerId {
        UpstreamServerId(Uuid::new_v3(&Uuid::NAMESPACE_URL, self.0.as_bytes()).to_string())
    }

    /// Where Git finds a repository of this upstream.
    pub fn clone_url(&self, project_key: &str, slug: &str) -> String {
        format!("{}{}", self.0, Self::clone_path(project_key, slug))
    }

    /// Project key and slug of a repository that is named by its URL here, or by its path, with or without what is the
    /// same in all of them: `/scm/` and `.git`.
    pub fn read_name<'a>(&self, text: &'a str) -> Option<(&'a str, &'a str)> {
        let path = text.strip_prefix(self.as_str()).unwrap_or(text).trim_matches('/');
        let (project_key, slug) = path.strip_prefix("scm/").unwrap_or(path).split_once('/')?;
        let slug = slug.strip_suffix(".git").unwrap_or(slug);
        (!project_key.is_empty() && !slug.is_empty() && !slug.contains('/')).then_some((project_key, slug))
    }

    /// The path of a repository below the base URL.
    pub fn clone_path(project_key: &str, slug: &str) -> String {
        format!("/scm/{}/{slug}.git", project_key.to_lowercase())
    }
}

impl std::fmt::Display for UpstreamUrl {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parse(text: &str) -> UpstreamUrl {
        UpstreamUrl::parse(text).expect("the test's URL is valid")
    }

    #[test]
    fn spellings_of_one_address_are_equal() {
        let plain = parse("https://git.example.com/bitbucket");
        assert_eq!(plain, parse("HTTPS://Git.Example.com:443/bitbucket/"));
        assert_eq!(plain.server_id(), parse("https://git.example.com/bitbucket//").server_id());
    }

    #[test]
    fn the_id_is_a_name_based_uuid() {
        let id = parse("https://git.example.com").server_id().to_string();
        assert_eq!(id.as_bytes()[14], b'3', "{id} should be a version 3 UUID");
        assert_ne!(id, parse("https://git.example.org").server_id().to_string());
    }

    #[test]
    fn a_repository_is_named_by_url_or_path() {
        let upstream = parse("https://git.example.com/bitbucket");
        for text in [
            "https://git.example.com/bitbucket/scm/prj/my-repo.git",
            "/scm/prj/my-repo.git",
            "scm/prj/my-repo",
            "prj/my-repo.git",
        ] {
            assert_eq!(upstream.read_name(text), Some(("prj", "my-repo")), "{text}");
        }
        for text in
            ["", "my-repo", "scm/prj", "/scm//x", "prj/.git", "https://evil.example/scm/prj/my-repo.git"]
        {
            assert_eq!(upstream.read_name(text), None, "{text}");
        }
    }

    #[test]
    fn what_cannot_be_an_upstream_is_refused() {
        for text in
            ["", "git.example.com", "ssh://git.example.com", "https://a:b@example.com", "https://e.com/?q"]
        {
            assert!(UpstreamUrl::parse(text).is_err(), "{text} should be refused");
        }
    }

    #[test]
    fn a_refusal_does_not_repeat_the_password() {
        let error = UpstreamUrl::parse("https://ann:geheim@example.com").expect_err("has credentials");
        assert!(!error.to_string().contains("geheim"));
    }
}
