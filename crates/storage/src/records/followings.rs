//! Repositories that follow one of another server, and how that goes.

use std::fmt;

use super::redact;
use crate::ids::RepositoryId;
use crate::named_value::named_values;

named_values! {
    /// Why a repository could not be brought in step with what it follows.
    FollowingFault {
        /// The source asks who wants to read, or does not accept what it was told.
        Credentials = "CREDENTIALS",
        /// The source knows who asks, and says no.
        Forbidden = "FORBIDDEN",
        /// The source has no such repository, or does not show it.
        NotFound = "NOT_FOUND",
        /// The source sends its callers to another server.
        Elsewhere = "ELSEWHERE",
        /// The source does not answer, or has trouble of its own.
        Away = "AWAY",
        /// The certificate or the host key of the source is not trusted, or this server does not call its address.
        NotTrusted = "NOT_TRUSTED",
        /// What the source answers is no repository.
        NoRepository = "NO_REPOSITORY",
        /// The source wants fewer questions.
        TooMany = "TOO_MANY",
        /// The two name their objects by different hashes.
        ObjectFormat = "OBJECT_FORMAT",
        /// The source shows no reference any more.
        Emptied = "EMPTIED",
        /// The repository is archived.
        Archived = "ARCHIVED",
        /// This server could not do it.
        ThisServer = "THIS_SERVER",
    }
}

/// What a repository follows, and how that goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Following {
    /// The repository that follows.
    pub repository_id: RepositoryId,
    /// What it follows.
    pub source: FollowedSource,
    /// Since when, in epoch milliseconds.
    pub created_at: i64,
    /// When it was last tried, in epoch milliseconds.
    pub last_attempt_at: Option<i64>,
    /// When the last attempt began that left it in step, in epoch milliseconds.
    pub last_success_at: Option<i64>,
    /// When it last changed, in epoch milliseconds.
    pub last_change_at: Option<i64>,
    /// Attempts in a row that have failed.
    pub failures: i32,
    /// Why the last attempt failed; `None` if it did not.
    pub error: Option<FollowingError>,
}

/// A repository of another server.
#[derive(Clone, PartialEq, Eq)]
pub struct FollowedSource {
    /// Its address, without a secret.
    pub url: String,
    /// How often it is looked at, in seconds.
    pub interval_seconds: i32,
    /// Who the other server is to take this one for.
    pub username: Option<String>,
    /// The password or token that goes with it. It is stored as it is, since it has to be used.
    pub password: Option<String>,
    /// The private key by which a source over SSH is read, stored as it is for the same reason.
    pub ssh_key: Option<String>,
    /// The host keys by which a source over SSH is known, in the place of those that this machine knows.
    pub known_hosts: Option<String>,
}

impl fmt::Debug for FollowedSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FollowedSource")
            .field("url", &self.url)
            .field("interval_seconds", &self.interval_seconds)
            .field("username", &self.username)
            .field("password", &redact(self.password.as_ref()))
            .field("ssh_key", &redact(self.ssh_key.as_ref()))
            .field("known_hosts", &self.known_hosts)
            .finish()
    }
}

/// Why an attempt failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FollowingError {
    /// What kind of trouble it is.
    pub fault: FollowingFault,
    /// What it is, in words for people.
    pub message: String,
}

/// How an attempt ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FollowingOutcome {
    /// Nothing was new.
    Unchanged,
    /// The repository was changed to what the source has.
    Changed,
    /// It could not be brought in step.
    Failed(FollowingError),
}
