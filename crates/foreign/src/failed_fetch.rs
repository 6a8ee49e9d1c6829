//! What it says about the other server that `git` could not fetch from it, or that its name was not resolved.

use heliostat_git::{FetchError, GitError};
use heliostat_peer::http::NotResolved;
use heliostat_peer::with_causes;

use crate::{FetchFailure, Refusal};

/// What `git` says when the certificate of a server is not one to be trusted, with each of the libraries for TLS.
const CERTIFICATE: &[&str] = &[
    "SSL certificate problem",
    "certificate verification failed",
    "certificate subject name",
    "no alternative certificate subject name",
    "SSL: no alternative",
];

/// Why objects did not come, read from how `git` has failed.
pub(crate) fn failure(error: FetchError) -> FetchFailure {
    match error {
        FetchError::RemoteObjectMissing { object, detail } => FetchFailure::NotGiven { object, said: detail },
        FetchError::Unauthorized { detail, .. } => Refusal::Forbidden { said: Some(detail) }.into(),
        FetchError::UnknownHost { detail, .. } => Refusal::HostKey(detail).into(),
        FetchError::NotFound { .. } => Refusal::NotFound { said: None }.into(),
        FetchError::RemoteUnreachable { detail, .. }
            if CERTIFICATE.iter().any(|phrase| detail.contains(phrase)) =>
        {
            Refusal::Certificate(detail).into()
        }
        FetchError::RemoteUnreachable { detail, .. } | FetchError::RemoteBroken { detail, .. } => {
            Refusal::Away(detail).into()
        }
        FetchError::Timeout(_) | FetchError::Git(GitError::TimedOut { .. }) => {
            Refusal::Away(error.to_string()).into()
        }
        error => FetchFailure::Here(error),
    }
}

/// Why it is not known where a server is, or must not be known.
pub(crate) fn not_resolved(error: NotResolved) -> Refusal {
    match error {
        NotResolved::Refused(refused) => Refusal::AddressRefused(refused.to_string()),
        unknown @ NotResolved::Unknown { .. } => Refusal::Away(with_causes(&unknown)),
    }
}
