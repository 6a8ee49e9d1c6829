//! The address of a Git server: what an operator may write, and what is refused before anything is asked.

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use url::Url;

use crate::RepositoryPath;

/// The address of a Git server over HTTP or HTTPS. It ends with a slash, and holds no credentials, query or fragment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerUrl(Url);

/// An address that is none of a Git server. Nothing of it is shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("this is no address of a Git server such as https://git.example.com: {0}")]
pub struct InvalidServerUrl(String);

impl ServerUrl {
    /// The address.
    pub fn url(&self) -> &Url {
        &self.0
    }

    /// Splits the address of one repository, such as `https://git.example.com/acme/tool.git`, into that of its server, which
    /// has nothing behind the host, and its path there.
    pub fn of_repository(url: &str) -> Result<(Self, RepositoryPath), InvalidServerUrl> {
        let mut server = checked(url)?;
        let path = RepositoryPath::parse(server.path());
        let path = path.map_err(|error| InvalidServerUrl(error.to_string()))?;
        server.set_path("/");
        Ok((Self(server), path))
    }

    /// Whether a URL is on this host, at this port, spoken to in the same way.
    pub(crate) fn is_origin_of(&self, url: &Url) -> bool {
        self.0.origin() == url.origin()
    }
}

impl FromStr for ServerUrl {
    type Err = InvalidServerUrl;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut url = checked(text)?;
        if !url.path().ends_with('/') {
            let path = format!("{}/", url.path());
            url.set_path(&path);
        }
        Ok(Self(url))
    }
}

impl fmt::Display for ServerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

fn checked(text: &str) -> Result<Url, InvalidServerUrl> {
    let wrong = |reason: &str| Err(InvalidServerUrl(reason.to_owned()));
    let url = Url::parse(text.trim()).map_err(|error| InvalidServerUrl(error.to_string()))?;
    if !matches!(url.scheme(), "http" | "https") {
        return wrong("it has to begin with https:// or http://");
    }
    if !url.username().is_empty() || url.password().is_some() {
        return wrong("it must not hold a user name or a password");
    }
    if url.query().is_some() || url.fragment().is_some() {
        return wrong("it must not hold '?' or '#'");
    }
    if url.host_str().is_none_or(str::is_empty) {
        return wrong("it has no host");
    }
    Ok(url)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn server(text: &str) -> Result<String, InvalidServerUrl> {
        text.parse().map(|server: ServerUrl| server.to_string())
    }

    #[test]
    fn the_address_of_a_server_ends_with_a_slash() {
        for (text, expected) in [
            ("https://git.example.com", "https://git.example.com/"),
            (" HTTPS://Git.Example.com:443/ ", "https://git.example.com/"),
            ("http://127.0.0.1:8080/scm", "http://127.0.0.1:8080/scm/"),
        ] {
            assert_eq!(server(text).expect(text), expected);
        }
        for text in [
            "git.example.com",
            "ssh://git@git.example.com",
            "git@git.example.com:acme",
            "file:///srv",
            "https://ann:secret@git.example.com",
            "https://ann@git.example.com",
            "https://git.example.com/?a=b",
            "https://git.example.com/#a",
            "https://",
        ] {
            let refused = server(text).expect_err(text).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }

    #[test]
    fn the_address_of_a_repository_is_server_and_path() {
        let (server, path) =
            ServerUrl::of_repository("https://git.example.com:8443/acme/t%C3%B6ol.git/").expect("valid");
        assert_eq!(server.to_string(), "https://git.example.com:8443/");
        assert_eq!(path.as_str(), "/acme/t\u{f6}ol.git");
        assert!(ServerUrl::of_repository("https://git.example.com/").is_err());
        assert!(ServerUrl::of_repository("https://ann:secret@git.example.com/a.git").is_err());
    }

    #[test]
    fn only_the_same_host_port_and_scheme_is_the_same_server() {
        let server: ServerUrl = "https://git.example.com/scm/".parse().expect("valid");
        let is_same = |url| server.is_origin_of(&Url::parse(url).expect("a URL"));
        assert!(is_same("https://git.example.com/other") && is_same("https://GIT.example.com:443/"));
        for other in ["http://git.example.com/", "https://git.example.com:444/", "https://example.com/"] {
            assert!(!is_same(other), "{other}");
        }
    }
}
