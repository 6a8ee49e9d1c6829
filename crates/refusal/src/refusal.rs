//! The one error that domain functions give to the server: what was refused, and why.
//!
//! Messages are sentences for the caller. What the caller must not see travels inside [`Refusal::Internal`] and
//! ends in the log.

use std::error::Error;
use std::time::Duration;

/// Why a request was not carried out.
#[derive(Debug, thiserror::Error)]
pub enum Refusal {
    /// No credentials where some are needed, or credentials that do not hold.
    #[error("{message}")]
    Unauthenticated {
        /// What did not hold.
        proof: Proof,
        /// What to tell the caller.
        message: String,
    },
    /// Another server wants to know who asks, and says how: its challenges are passed on as they came.
    #[error("{message}")]
    Challenged {
        /// The values of its `WWW-Authenticate` headers.
        challenges: Vec<String>,
        /// What to tell the caller.
        message: String,
    },
    /// The caller is known and may not do this.
    #[error("{message}")]
    Forbidden {
        /// What to tell the caller.
        message: String,
    },
    /// The thing does not exist, or the caller may not know that it does.
    #[error("{message}")]
    NotFound {
        /// Kind of thing, such as "repository".
        what: &'static str,
        /// What to tell the caller.
        message: String,
    },
    /// The request contradicts the present state.
    #[error("{message}")]
    Conflict {
        /// Field at fault, if one is.
        context: Option<String>,
        /// What to tell the caller.
        message: String,
    },
    /// The request makes no sense as it is.
    #[error("{message}")]
    Invalid {
        /// Field at fault, if one is.
        context: Option<String>,
        /// What to tell the caller.
        message: String,
    },
    /// The body is of a kind that is not read here.
    #[error("{message}")]
    UnsupportedMediaType {
        /// What to tell the caller.
        message: String,
    },
    /// A rate or a cap is exhausted; the same request may succeed later.
    #[error("{message}")]
    TooMany {
        /// What to tell the caller.
        message: String,
        /// How long to wait before the next try, if that is known.
        retry_after: Option<Duration>,
    },
    /// Something this server depends on does not answer; the same request may succeed later.
    #[error("{message}")]
    Unavailable {
        /// What to tell the caller.
        message: String,
        /// How long to wait before the next try, if that is known.
        retry_after: Option<Duration>,
    },
    /// An operation that existed once.
    #[error("{message}")]
    Gone {
        /// What to tell the caller.
        message: String,
    },
    /// A fault of this server. Goes to the log; the caller gets a fixed text.
    #[error("internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

/// What of a caller did not hold. Servers that call each other tell by it whose fault a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Proof {
    /// A user's name, password or token, or there was none.
    Credentials,
    /// The JWT of a server.
    ServerToken,
    /// The JWT of a server, in nothing but its time: the two clocks differ.
    ServerClock,
}

impl Refusal {
    /// Credentials are missing or wrong.
    pub fn unauthenticated(message: impl Into<String>) -> Self {
        Self::Unauthenticated { proof: Proof::Credentials, message: message.into() }
    }

    /// The JWT of a server is not accepted, or there is no such server.
    pub fn server_token(message: impl Into<String>) -> Self {
        Self::Unauthenticated { proof: Proof::ServerToken, message: message.into() }
    }

    /// The JWT of a server is right in everything except its time.
    pub fn server_clock(message: impl Into<String>) -> Self {
        Self::Unauthenticated { proof: Proof::ServerClock, message: message.into() }
    }

    /// Another server asks for credentials with these `WWW-Authenticate` headers.
    pub fn challenged(challenges: Vec<String>, message: impl Into<String>) -> Self {
        Self::Challenged { challenges, message: message.into() }
    }

    /// The answer to credentials that do not match; the same for every reason.
    pub fn wrong_credentials() -> Self {
        Self::unauthenticated("The user name, password or token is not valid.")
    }

    /// The answer to a user name without a password, which is no attempt to log in.
    pub fn lacks_the_password() -> Self {
        Self::unauthenticated("The password of this user, or a token in its place, is needed.")
    }

    /// Known, but not allowed.
    pub fn forbidden(message: impl Into<String>) -> Self {
        Self::Forbidden { message: message.into() }
    }

    /// A `what` that is not there.
    pub fn not_found(what: &'static str, message: impl Into<String>) -> Self {
        Self::NotFound { what, message: message.into() }
    }

    /// A contradiction that no single field causes.
    pub fn conflict(message: impl Into<String>) -> Self {
        Self::Conflict { context: None, message: message.into() }
    }

    /// A contradiction caused by field `context`.
    pub fn conflict_in(context: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Conflict { context: Some(context.into()), message: message.into() }
    }

    /// Bad input in field `context`.
    pub fn invalid(context: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid { context: Some(context.into()), message: message.into() }
    }

    /// Bad input as a whole.
    pub fn invalid_request(message: impl Into<String>) -> Self {
        Self::Invalid { context: None, message: message.into() }
    }

    /// A body of another type or encoding than is read here.
    pub fn unsupported_media_type(message: impl Into<String>) -> Self {
        Self::UnsupportedMediaType { message: message.into() }
    }

    /// Too much of it.
    pub fn too_many(message: impl Into<String>) -> Self {
        Self::TooMany { message: message.into(), retry_after: None }
    }

    /// Too much of it, for so long.
    pub fn too_many_for(retry_after: Duration, message: impl Into<String>) -> Self {
        Self::TooMany { message: message.into(), retry_after: Some(retry_after) }
    }

    /// Not now.
    pub fn unavailable(message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: None }
    }

    /// Nothing for so long.
    pub fn unavailable_for(retry_after: Duration, message: impl Into<String>) -> Self {
        Self::Unavailable { message: message.into(), retry_after: Some(retry_after) }
    }

    /// No more.
    pub fn gone(message: impl Into<String>) -> Self {
        Self::Gone { message: message.into() }
    }

    /// A fault on this side.
    pub fn internal(error: impl Into<Box<dyn Error + Send + Sync>>) -> Self {
        Self::Internal(error.into())
    }
}
