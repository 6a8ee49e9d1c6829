//! What the exit code of a command tells a script: whether it is worth to ask again, to sign in, or to look at the names.

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
    match error.chain().find_map(|cause| cause.downcast_ref::<CallError>()) {
        Some(CallError::Unreachable { .. }) => UNAVAILABLE,
        Some(call) => call.status().map_or(FAILURE, of_status),
        None => FAILURE,
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
    }
}
