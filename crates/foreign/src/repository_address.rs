//! Where a repository of another server is, as people write it: for HTTP, `git://` or SSH.

use std::fmt;

use thiserror::Error;
use url::Url;

use crate::{InvalidServerUrl, InvalidStreamUrl, RepositoryPath, ServerUrl, StreamUrl};

/// The address of one repository, as its server and its path there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RepositoryAddress {
    /// It is asked over HTTP or HTTPS.
    Http {
        /// The server.
        server: ServerUrl,
        /// The repository there.
        path: RepositoryPath,
    },
    /// It is asked by `git://` or SSH.
    Stream {
        /// The server.
        server: StreamUrl,
        /// The repository there.
        path: RepositoryPath,
    },
}

/// An address that is none of a repository of another server. Nothing of it is shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum InvalidRepositoryAddress {
    /// It has the form for HTTP.
    #[error(transparent)]
    Http(#[from] InvalidServerUrl),
    /// It has a form for `git://` or SSH.
    #[error(transparent)]
    Stream(#[from] InvalidStreamUrl),
    /// It has none of these forms.
    #[error(
        "this is no address of a repository on another server: it has to begin with https://, http://, ssh:// or git://, or \
         to be like git@git.example.com:acme/tool.git"
    )]
    Other,
}

impl RepositoryAddress {
    /// Reads an address.
    pub fn parse(text: &str) -> Result<Self, InvalidRepositoryAddress> {
        if StreamUrl::is_meant_by(text) {
            let (server, path) = StreamUrl::of_repository(text)?;
            return Ok(Self::Stream { server, path });
        }
        let is_http = Url::parse(text.trim()).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        if !is_http {
            return Err(InvalidRepositoryAddress::Other);
        }
        let (server, path) = ServerUrl::of_repository(text)?;
        Ok(Self::Http { server, path })
    }

    /// The server, with the account if its address names one: credentials for one are not for another.
    pub fn account(&self) -> String {
        match self {
            Self::Http { server, .. } => server.to_string(),
            Self::Stream { server, .. } => server.account(),
        }
    }

    /// The address by which rules for outgoing calls judge.
    pub fn judged_as(&self) -> Url {
        match self {
            Self::Http { server, .. } => server.url().clone(),
            Self::Stream { server, .. } => server.judged_as(),
        }
    }
}

impl fmt::Display for RepositoryAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Http { server, path } => fmt::Display::fmt(&path.below(server.url()), f),
            Self::Stream { server, path } => f.write_str(&server.of_path(path)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_written_in_one_way_and_belongs_to_an_account() {
        for (text, written, account) in [
            (
                "https://Git.example.com/acme/tool.git/",
                "https://git.example.com/acme/tool.git",
                "https://git.example.com/",
            ),
            (
                "ssh://git@git.example.com:22/tool",
                "ssh://git@git.example.com/tool",
                "ssh://git@git.example.com/",
            ),
            ("git@git.example.com:tool", "git@git.example.com:tool", "ssh://git@git.example.com/"),
            ("git://git.example.com/tool", "git://git.example.com/tool", "git://git.example.com/"),
        ] {
            let address = RepositoryAddress::parse(text).expect(text);
            assert_eq!((address.to_string().as_str(), address.account().as_str()), (written, account));
        }
        for text in ["/srv/a.git", "a.git", "ftp://git.example.com/a", "https://ann:secret@git.example.com/a"]
        {
            let refused = RepositoryAddress::parse(text).expect_err(text).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
    }
}
