//! Who the server of a source is to take its caller for: as was said, or as the user's credential helpers know.

use heliostat_git::{FetchError, ImportError, SecretHeader};
use url::Url;

use super::user_git::UserGit;
use crate::exit_code::{RefusalKind, Refused};

/// What a server is shown, besides its address.
#[derive(Default)]
pub struct SourceCredentials {
    given: Option<(String, String)>,
}

/// What the credential helpers know of a server.
struct Known {
    description: String,
    authorization: SecretHeader,
}

impl SourceCredentials {
    /// A user name and a password that were given, or none.
    pub fn new(given: Option<(String, String)>) -> Self {
        Self { given }
    }

    /// Does something that needs them: with what was given; else without any, and once more with what the credential helpers
    /// know if the server asks who calls. They are told whether that was right.
    pub async fn try_with(
        &self,
        user_git: &UserGit,
        source: &str,
        mut attempt: impl AsyncFnMut(Option<&SecretHeader>) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        if let Some((user, password)) = &self.given {
            return attempt(Some(&SecretHeader::basic(user, password))).await;
        }
        let asks = match attempt(None).await {
            Err(asks) if is_about_the_caller(&asks) => asks,
            ended => return ended,
        };
        let Some(known) = ask_helpers(user_git, source).await else { return Err(asks) };
        let ended = attempt(Some(&known.authorization)).await;
        let verb = match &ended {
            Ok(()) => "approve",
            Err(error) if is_about_the_caller(error) => "reject",
            Err(_) => return ended,
        };
        // Best effort: what was to be done is done, or has failed for a reason of its own.
        user_git.credential(verb, &known.description).await.ok();
        ended
    }

    /// Why it failed. Git says that it could not ask on a terminal, and nothing of the password that the server has refused.
    pub fn in_words(&self, error: ImportError) -> anyhow::Error {
        let (kind, message) = match error {
            ImportError::Transfer(FetchError::Unauthorized { url, .. }) if is_http(&url) => {
                let message = match &self.given {
                    Some((user, _)) => format!("{url} does not take {user} with this password"),
                    None => format!(
                        "{url} asks for a user name and password: give --source-user and --source-password-file, or let a \
                         credential helper of git know them"
                    ),
                };
                (RefusalKind::NotAllowed, message)
            }
            ImportError::Transfer(FetchError::Unauthorized { url, detail }) => {
                let message = format!(
                    "{url} takes none of the keys that ssh shows on this machine ({detail}): load the right one into ssh-agent, \
                     or name it in ~/.ssh/config"
                );
                (RefusalKind::NotAllowed, message)
            }
            ImportError::Transfer(FetchError::UnknownHost { url, detail }) => {
                let message = format!(
                    "ssh on this machine does not know the host key of {url} ({detail}): compare it with what those say who run \
                     that server, and add it to ~/.ssh/known_hosts"
                );
                (RefusalKind::Unavailable, message)
            }
            error => return error.into(),
        };
        Refused::new(kind, message).into()
    }
}

fn is_http(url: &str) -> bool {
    url.starts_with("http://") || url.starts_with("https://")
}

fn is_about_the_caller(error: &ImportError) -> bool {
    matches!(error, ImportError::Transfer(FetchError::Unauthorized { .. }))
}

async fn ask_helpers(user_git: &UserGit, source: &str) -> Option<Known> {
    let url = Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
    let description = user_git.credential("fill", &format!("url={url}\n\n")).await.ok()?;
    let value = |name: &str| {
        let mut lines = description.lines().filter_map(|line| line.split_once('='));
        lines.find_map(|(key, value)| (key == name).then_some(value))
    };
    let authorization = SecretHeader::basic(value("username")?, value("password")?);
    Some(Known { description: format!("{}\n\n", description.trim_end()), authorization })
}
