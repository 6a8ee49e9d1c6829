//! What the exit code of a command tells a script: whether it is worth to ask again, to sign in, or to look at the names.

use heliostat_git::{FetchError, ImportError};
use heliostat_server::StartError;
use reqwest::StatusCode;

use crate::client::CallError;
use crate::client::credentials::NoCredentials;

/// What was asked could not be done.
const FAILURE: u8 = 1;
/// The command line, the environment or the settings file is wrong.
pub const USAGE: u8 = 2;
/// `heliostat wait`: the time is over.
pub const NOT_IN_TIME: u8 = 3;
/// No credentials, wrong ones, or those of a user who may not do it.
const NOT_ALLOWED: u8 = 4;
/// There is no such thing, or the caller may not know of it.
const NOT_FOUND: u8 = 5;
/// Something is in the way: a name that is taken, or a state in which this cannot be done.
const CONFLICT: u8 = 6;
/// The server cannot be reached, or has no room now; later it may be possible.
const UNAVAILABLE: u8 = 7;

/// As the help tells it.
pub const HELP: &str = "\
Exit codes:
  0  done
  1  it could not be done
  2  the command line, a variable or the settings file is wrong
  3  wait: the time is over
  4  no credentials, wrong ones, or no permission
  5  there is no such thing, or none that may be seen
  6  something is in the way, a name that is taken for instance
  7  the server cannot be reached, or cannot answer now

With --output json an error is one line of JSON on standard error:
  {\"error\":{\"message\":\"...\",\"exitCode\":5,\"status\":404}}";

/// A name that the caller gave, and that nothing has.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct NoSuchThing(pub String);

/// What a command line lacks or has wrong, seen only when it was carried out.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct WrongUsage(pub String);

/// A refusal that no call has brought: git has, or a server tells how it went between itself and another one.
#[derive(Debug, thiserror::Error)]
#[error("{message}")]
pub struct Refused {
    /// What kind it is.
    pub kind: RefusalKind,
    /// What happened, and what to do about it.
    pub message: String,
}

/// What kind a refusal is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusalKind {
    /// Credentials that are missing, wrong, or of a user who may not do it.
    NotAllowed,
    /// There is no such thing, or the caller may not know of it.
    NotFound,
    /// A state in which this cannot be done.
    InTheWay,
    /// A server that cannot be reached, or has no room now.
    Unavailable,
    /// Anything else.
    Other,
}

impl Refused {
    /// A refusal of this kind.
    pub fn new(kind: RefusalKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

/// The exit code for an error.
pub fn of(error: &anyhow::Error) -> u8 {
    if error.chain().any(|cause| cause.is::<NoCredentials>()) {
        return NOT_ALLOWED;
    }
    if error.chain().any(|cause| cause.is::<NoSuchThing>()) {
        return NOT_FOUND;
    }
    if error.chain().any(|cause| cause.is::<WrongUsage>() || is_of_options(cause)) {
        return USAGE;
    }
    if let Some(refused) = error.chain().find_map(|cause| cause.downcast_ref::<Refused>()) {
        return of_kind(refused.kind);
    }
    if let Some(import) = error.chain().find_map(|cause| cause.downcast_ref::<ImportError>()) {
        return of_kind(kind_of(import));
    }
    match error.chain().find_map(|cause| cause.downcast_ref::<CallError>()) {
        Some(CallError::Unreachable { .. }) => UNAVAILABLE,
        Some(call) => call.status().map_or(FAILURE, of_status),
        None => FAILURE,
    }
}

fn of_kind(kind: RefusalKind) -> u8 {
    match kind {
        RefusalKind::NotAllowed => NOT_ALLOWED,
        RefusalKind::NotFound => NOT_FOUND,
        RefusalKind::InTheWay => CONFLICT,
        RefusalKind::Unavailable => UNAVAILABLE,
        RefusalKind::Other => FAILURE,
    }
}

/// What git says of a source that was to be fetched, or of the upstream that it was to be pushed to.
fn kind_of(error: &ImportError) -> RefusalKind {
    let ImportError::Transfer(transfer) = error else { return RefusalKind::Other };
    match transfer {
        FetchError::Unauthorized { .. } => RefusalKind::NotAllowed,
        FetchError::NotFound { .. } => RefusalKind::NotFound,
        // What shows an unknown key is not the server that was to be reached.
        FetchError::UnknownHost { .. } | FetchError::Timeout(_) => RefusalKind::Unavailable,
        // A file is there all the time, and does not become a bundle by waiting.
        FetchError::RemoteUnreachable { url, .. } if url.contains("://") && !url.starts_with("file://") => {
            RefusalKind::Unavailable
        }
        _ => RefusalKind::Other,
    }
}

/// Whether a role has not started because of what its options say, whatever there is on the machine.
fn is_of_options(cause: &(dyn std::error::Error + 'static)) -> bool {
    let start = cause.downcast_ref::<StartError>();
    start.is_some_and(|error| {
        matches!(
            error,
            StartError::BaseUrlMissing { .. } | StartError::BaseUrl { .. } | StartError::InternalUrl { .. }
        )
    })
}

/// The status with which a server refused, if one did.
pub fn status_of(error: &anyhow::Error) -> Option<u16> {
    let call = error.chain().find_map(|cause| cause.downcast_ref::<CallError>())?;
    call.status().map(|status| status.as_u16())
}

fn of_status(status: StatusCode) -> u8 {
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => NOT_ALLOWED,
        StatusCode::NOT_FOUND => NOT_FOUND,
        StatusCode::CONFLICT => CONFLICT,
        StatusCode::TOO_MANY_REQUESTS
        | StatusCode::BAD_GATEWAY
        | StatusCode::SERVICE_UNAVAILABLE
        | StatusCode::GATEWAY_TIMEOUT => UNAVAILABLE,
        _ => FAILURE,
    }
}

#[cfg(test)]
mod tests {
    use anyhow::Context;

    use super::*;

    #[test]
    fn the_reason_decides_wherever_it_stands_in_the_chain() {
        let refused = |status: u16| CallError::Refused {
            status: StatusCode::from_u16(status).expect("a status"),
            message: "no".to_owned(),
        };
        for (status, code) in [(401, 4), (403, 4), (404, 5), (409, 6), (429, 7), (503, 7), (400, 1), (500, 1)]
        {
            assert_eq!(of(&refused(status).into()), code, "{status}");
            let wrapped = Err::<(), _>(refused(status)).context("cannot set it").expect_err("is one");
            assert_eq!((of(&wrapped), status_of(&wrapped)), (code, Some(status)));
        }
        assert_eq!(of(&anyhow::anyhow!("something else")), 1);
        let unknown = Err::<(), _>(NoSuchThing("no mirror".to_owned())).context("cannot show it");
        assert_eq!(of(&unknown.expect_err("is one")), 5);
        assert_eq!(of(&WrongUsage("--of is needed".to_owned()).into()), 2);
        let taken = Refused::new(RefusalKind::InTheWay, "it has branches");
        assert_eq!(of(&anyhow::Error::new(taken).context("cannot copy it")), 6);
    }

    #[test]
    fn what_git_says_of_a_source_is_told_as_a_refused_call_would_be() {
        let (url, detail) = ("http://host/a.git".to_owned(), "git's words".to_owned());
        for (error, code) in [
            (FetchError::Unauthorized { url: url.clone(), detail: detail.clone() }, 4),
            (FetchError::NotFound { url: url.clone() }, 5),
            (FetchError::RemoteUnreachable { url: url.clone(), detail: detail.clone() }, 7),
            (FetchError::RemoteBroken { url, detail }, 1),
        ] {
            let told = error.to_string();
            let error = anyhow::Error::new(ImportError::from(error)).context("the source cannot be fetched");
            assert_eq!(of(&error), code, "{told}");
        }
    }
}
