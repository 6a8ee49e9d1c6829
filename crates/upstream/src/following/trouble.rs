//! Why a source and the repository that follows it are not equal, in words that name the side at fault.

use std::time::Duration;

use heliostat_foreign::{FetchFailure, Refusal as SourceRefusal};
use heliostat_refusal::Refusal;
use heliostat_storage::{FollowingError, FollowingFault};

/// How much of an explanation is kept, in characters.
const MAX_MESSAGE_CHARS: usize = 1_000;

/// Why an attempt failed, and how long the source wants to be left alone.
#[derive(Debug)]
pub(super) struct Trouble {
    pub(super) error: FollowingError,
    pub(super) retry_after: Option<Duration>,
}

impl Trouble {
    pub(super) fn new(fault: FollowingFault, message: impl AsRef<str>) -> Self {
        // The databases keep no text with a NUL.
        let message = message.as_ref().replace('\0', "\u{fffd}").chars().take(MAX_MESSAGE_CHARS).collect();
        Self { error: FollowingError { fault, message }, retry_after: None }
    }

    /// What a source has answered to the question for its references.
    pub(super) fn refused(url: &str, refusal: SourceRefusal) -> Self {
        let with = |message: String, said: Option<String>| match said {
            Some(said) => format!("{message} It says: {said}"),
            None => message,
        };
        match refusal {
            SourceRefusal::NeedsCredentials { said, .. } => {
                let message = match is_http(url) {
                    true => format!(
                        "{url} asks who wants to read, or does not accept the user name and password that it is given."
                    ),
                    false => format!(
                        "{url} does not accept the key that it is shown: its public half has to be known there, as a \
                         deploy key for instance."
                    ),
                };
                Self::new(FollowingFault::Credentials, with(message, said))
            }
            SourceRefusal::Forbidden { said } => {
                let message = format!("{url} does not let the user read with whose name it is asked.");
                Self::new(FollowingFault::Forbidden, with(message, said))
            }
            SourceRefusal::NotFound { said } => {
                let message = format!("There is no repository at {url}, or it is not shown to this user.");
                Self::new(FollowingFault::NotFound, with(message, said))
            }
            SourceRefusal::ElsewhereOnly { location_host } => Self::new(
                FollowingFault::Elsewhere,
                format!("{url} sends its callers to {location_host}; follow the address there."),
            ),
            SourceRefusal::Away(reason) => {
                Self::new(FollowingFault::Away, format!("{url} does not answer: {reason}."))
            }
            SourceRefusal::Certificate(reason) => Self::new(
                FollowingFault::NotTrusted,
                format!("The certificate of {url} is not trusted: {reason}."),
            ),
            SourceRefusal::HostKey(reason) => Self::new(
                FollowingFault::NotTrusted,
                format!(
                    "The host key of {url} is not one that is known: {reason}. Compare it with what those say who run that \
                     server, and give it as a known host."
                ),
            ),
            SourceRefusal::CannotAsk(reason) => {
                Self::new(FollowingFault::ThisServer, format!("This server cannot ask {url}: {reason}."))
            }
            SourceRefusal::AddressRefused(reason) => {
                Self::new(FollowingFault::NotTrusted, format!("This server does not call {url}: {reason}."))
            }
            SourceRefusal::Nonsense(reason) => Self::new(
                FollowingFault::NoRepository,
                format!("What {url} answers is no repository: {reason}."),
            ),
            SourceRefusal::TooMany { retry_after } => {
                let message =
                    format!("{url} is asked too often; a longer interval or a user's token may help.");
                Self { retry_after, ..Self::new(FollowingFault::TooMany, message) }
            }
            other => Self::new(FollowingFault::Away, format!("{url} does not answer as expected: {other}.")),
        }
    }

    /// Why the objects did not come whose names the source has told.
    pub(super) fn not_fetched(url: &str, failure: FetchFailure) -> Self {
        match failure {
            FetchFailure::Refused(refusal) => Self::refused(url, refusal),
            FetchFailure::NotGiven { said: reason, .. } => Self::new(
                FollowingFault::NoRepository,
                format!("{url} does not give the objects that its own refs lead to: {reason}."),
            ),
            FetchFailure::Here(error) => Self::new(
                FollowingFault::ThisServer,
                format!("What {url} gives cannot be taken in: {error}."),
            ),
            other => {
                Self::new(FollowingFault::Away, format!("Nothing could be fetched from {url}: {other}."))
            }
        }
    }
}

fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

/// A refusal of this server itself.
impl From<Refusal> for Trouble {
    fn from(refusal: Refusal) -> Self {
        if let Refusal::Internal(error) = &refusal {
            tracing::error!(
                error = &**error as &dyn std::error::Error,
                "cannot follow a repository of another server"
            );
        }
        Self::new(FollowingFault::ThisServer, refusal.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn over_ssh_it_is_the_key_that_is_not_accepted() {
        let url = "git@git.example.com:acme/tool.git";
        let refused = SourceRefusal::NeedsCredentials { www_authenticate: Vec::new(), said: None };
        let trouble = Trouble::refused(url, refused);
        assert_eq!(trouble.error.fault, FollowingFault::Credentials);
        assert!(trouble.error.message.contains("the key"), "{trouble:?}");
        let unknown = Trouble::refused(url, SourceRefusal::HostKey("it has changed".to_owned()));
        assert_eq!(unknown.error.fault, FollowingFault::NotTrusted);
    }

    #[test]
    fn messages_name_the_source_and_are_short() {
        let url = "https://git.example.com/a.git";
        let said = Some("x\0".repeat(MAX_MESSAGE_CHARS));
        let trouble = Trouble::refused(url, SourceRefusal::Forbidden { said });
        assert_eq!(trouble.error.fault, FollowingFault::Forbidden);
        assert!(trouble.error.message.starts_with(url) && !trouble.error.message.contains('\0'));
        assert_eq!(trouble.error.message.chars().count(), MAX_MESSAGE_CHARS);
        let retry_after = Some(Duration::from_secs(90));
        assert_eq!(Trouble::refused(url, SourceRefusal::TooMany { retry_after }).retry_after, retry_after);
    }
}
