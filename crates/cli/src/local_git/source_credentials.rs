//! Who the server of a source is to take its caller for: as was said, or as the user's own git would show, by the headers that it
//! is told to send, by `~/.netrc` and by credential helpers.

use std::path::{Path, PathBuf};

use heliostat_git::{FetchError, ImportError, SecretHeader, SourceAccess};
use url::Url;

use super::user_git::UserGit;
use crate::exit_code::{RefusalKind, Refused};

/// The keys of all headers that git is told to send, for every server or for some.
const EXTRA_HEADER_KEYS: &str = r"^http\.(.+\.)?extraheader$";

/// The name of a setting that no configuration has.
const PROBE: &str = "heliostatProbe";

/// Where git finds no repository, whose own settings would be about its own remotes.
const NO_REPOSITORY: &str = "/";

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

    /// Does something that needs them: with what was given; else with what the user's git shows by itself, and once
    /// more with what the credential helpers know if the server asks who calls. They are told whether that was right.
    pub async fn try_with(
        &self,
        user_git: &UserGit,
        source: &str,
        mut attempt: impl AsyncFnMut(&SourceAccess) -> Result<(), ImportError>,
    ) -> Result<(), ImportError> {
        let of_user = access_of_user(user_git, source).await;
        if let Some((user, password)) = &self.given {
            return attempt(&of_user.authorized(SecretHeader::basic(user, password))).await;
        }
        let asks = match attempt(&of_user).await {
            Err(asks) if is_about_the_caller(&asks) => asks,
            ended => return ended,
        };
        let Some(known) = ask_helpers(user_git, source).await else { return Err(asks) };
        let ended = attempt(&of_user.authorized(known.authorization)).await;
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
                         credential helper of git or ~/.netrc know them"
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

/// What the user's git would show to this server without asking anyone.
async fn access_of_user(user_git: &UserGit, source: &str) -> SourceAccess {
    let headers = extra_headers(user_git, source).await.unwrap_or_default();
    SourceAccess::of_user(headers, std::env::var_os("HOME").map(PathBuf::from))
}

/// The settings of headers, by key, that git applies to this source; none if it would take none. A configuration that cannot be
/// read has none: a source that does not ask who calls can be read in spite of it.
async fn extra_headers(user_git: &UserGit, source: &str) -> Option<Vec<(String, String)>> {
    http_url(source)?;
    let all = ["config", "--null", "--get-regexp", EXTRA_HEADER_KEYS];
    let listed = user_git.find_settings(Path::new(NO_REPOSITORY), &all).await.ok()??;
    let settings = listed.split('\0').filter_map(|setting| setting.split_once('\n'));
    applied_headers(user_git, settings, source).await
}

/// Those of the headers that git sends to this source: each that it applies after those before, since the last empty one.
async fn applied_headers<'a>(
    user_git: &UserGit,
    settings: impl Iterator<Item = (&'a str, &'a str)>,
    source: &str,
) -> Option<Vec<(String, String)>> {
    let (mut applied, mut closest) = (Vec::new(), None);
    for (key, header) in settings {
        if !is_applied(user_git, closest, key, source).await? {
            continue;
        }
        closest = Some(key);
        match header.is_empty() {
            true => applied.clear(),
            false => applied.push((key.to_owned(), header.to_owned())),
        }
    }
    Some(applied)
}

/// Whether git applies what has this key to the source, after what has the closest key before it. git-config(1) answers with one
/// value, the last that counts, and there may be many headers: it is asked for each, by another setting with the same URL.
async fn is_applied(user_git: &UserGit, closest: Option<&str>, key: &str, source: &str) -> Option<bool> {
    let probe = |key: &str, value: &str| {
        let section = key.strip_suffix("extraheader")?;
        Some((format!("{section}{PROBE}"), value.to_owned()))
    };
    let before = closest.and_then(|closest| probe(closest, "before"));
    let asking = user_git.clone().with_settings(before.into_iter().chain(probe(key, "this")));
    let question = ["config", "--get-urlmatch", &format!("http.{PROBE}"), source];
    let last = asking.find_settings(Path::new(NO_REPOSITORY), &question).await.ok()?;
    Some(last.as_deref() == Some("this"))
}

fn http_url(source: &str) -> Option<Url> {
    Url::parse(source).ok().filter(|url| matches!(url.scheme(), "http" | "https"))
}

async fn ask_helpers(user_git: &UserGit, source: &str) -> Option<Known> {
    let url = http_url(source)?;
    let description = user_git.credential("fill", &format!("url={url}\n\n")).await.ok()?;
    let value = |name: &str| {
        let mut lines = description.lines().filter_map(|line| line.split_once('='));
        lines.find_map(|(key, value)| (key == name).then_some(value))
    };
    let authorization = SecretHeader::basic(value("username")?, value("password")?);
    Some(Known { description: format!("{}\n\n", description.trim_end()), authorization })
}

#[cfg(test)]
mod tests {
    use heliostat_git::Git;

    use super::*;

    /// What of these settings git applies to a source, by their values.
    async fn applied(settings: &[(&str, &str)], source: &str) -> Vec<String> {
        let git = Git::discover(Path::new("git")).await.expect("git is installed");
        let applied = applied_headers(&UserGit::of(&git), settings.iter().copied(), source).await;
        applied.expect("git answers").into_iter().map(|(_, header)| header).collect()
    }

    #[tokio::test]
    async fn headers_for_other_places_stay_here() {
        let settings = [
            ("http.extraheader", "A: 1"),
            ("http.https://*.example.com/a.b.extraheader", "B: 2"),
            ("http.https://git.example.com:8443/.extraheader", "C: 3"),
            ("http.https://git.example.com/.extraheader", "D: 4"),
            ("http.https://bob@git.example.com/.extraheader", "E: 5"),
            ("http.https://git.example.com/a.extraheader", "F: 6"),
            ("http.https://ann@git.example.com/a.b/.extraheader", "G: 7"),
        ];
        let source = "https://ann@git.example.com/a.b/tool.git";
        assert_eq!(applied(&settings, source).await, ["A: 1", "B: 2", "D: 4", "G: 7"]);
        assert_eq!(applied(&settings, "https://other.example.org/a.b/tool.git").await, ["A: 1"]);
    }

    #[tokio::test]
    async fn closer_headers_hide_those_after_them_and_an_empty_one_those_before() {
        let (all, close) = ("http.extraheader", "http.https://git.example.com/.extraheader");
        let source = "https://git.example.com/tool.git";
        let hidden = [(all, "A: 1"), (close, "B: 2"), (all, "C: 3"), (close, "D: 4")];
        assert_eq!(applied(&hidden, source).await, ["A: 1", "B: 2", "D: 4"]);
        assert_eq!(applied(&[(all, "A: 1"), (close, ""), (close, "B: 2")], source).await, ["B: 2"]);
    }
}
