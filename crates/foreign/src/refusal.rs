//! Why another server did not answer with what it was asked for, by what the caller is to do about it.

use std::time::Duration;

use thiserror::Error;

/// Why there is no list of references, or no objects. Shared by all who asked the same.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The origin wants to know who asks, or does not accept what it was told (401).
    #[error("the origin asks for credentials, or does not accept those that it was given")]
    NeedsCredentials {
        /// Its own `WWW-Authenticate` headers, for the client to be told the same.
        www_authenticate: Vec<String>,
        /// What it says to people, if it says something.
        said: Option<String>,
    },
    /// The origin knows who asks, and says no (403).
    #[error("the origin does not let these credentials read the repository")]
    Forbidden {
        /// What it says to people, if it says something.
        said: Option<String>,
    },
    /// The origin has no such repository, or does not tell (404, 410).
    #[error("the origin has no such repository, or does not show it to these credentials")]
    NotFound {
        /// What it says to people, if it says something.
        said: Option<String>,
    },
    /// The origin sends its callers to another server, to which no credentials go from here.
    #[error(
        "the origin sends its callers to {location_host}, and credentials for the one are not for the other"
    )]
    ElsewhereOnly {
        /// The other host as the beginning of a URL, `https://git.example.org` for instance.
        location_host: String,
    },
    /// The origin cannot be reached, answers too slowly, or says that it has trouble of its own (5xx).
    #[error("the origin does not answer: {0}")]
    Away(String),
    /// The origin answers something that is not Git's protocol over HTTP, or not a whole list.
    #[error("what the origin answers is no list of references: {0}")]
    Nonsense(String),
    /// The certificate of the origin is not one to be trusted: another server may be answering.
    #[error("the certificate of the origin is not trusted: {0}")]
    Certificate(String),
    /// The host key of the origin, over SSH, is not one that is known: another server may be answering.
    #[error("the host key of the origin is not known: {0}")]
    HostKey(String),
    /// The origin is at an address that is not called from here.
    #[error("the origin is not called: {0}")]
    AddressRefused(String),
    /// The origin wants fewer questions (429, or another status with `Retry-After`).
    #[error("the origin is asked too often")]
    TooMany {
        /// How long it wants to be left alone, if it says so.
        retry_after: Option<Duration>,
    },
    /// The origin answers at length, and so it does to others at the same moment.
    #[error("as many long lists of references are read at the moment as are at once; try again")]
    Busy,
    /// The origin was not asked, because something is missing here.
    #[error("the origin cannot be asked from here: {0}")]
    CannotAsk(String),
}

impl Refusal {
    /// Whether the origin has decided about this reader; otherwise it has said nothing, and what it said before may serve.
    pub fn is_verdict(&self) -> bool {
        match self {
            Self::NeedsCredentials { .. }
            | Self::Forbidden { .. }
            | Self::NotFound { .. }
            | Self::ElsewhereOnly { .. } => true,
            Self::Away(_)
            | Self::Nonsense(_)
            | Self::Certificate(_)
            | Self::HostKey(_)
            | Self::AddressRefused(_)
            | Self::Busy
            | Self::CannotAsk(_)
            | Self::TooMany { .. } => false,
        }
    }
}
