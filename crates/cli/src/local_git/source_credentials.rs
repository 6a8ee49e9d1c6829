//! Who the server of a source is to take its caller for: as was said, or as the user's own git would show, by the headers that it
//! is told to send, by `~/.netrc` and by credential helpers.

use std::path::{Path, PathBuf};

use heliostat_git::{FetchError, ImportError, SecretHeader, SourceAccess};
use url::Url;

use super::user_git::UserGit;
use crate::exit_code::{RefusalKind, Refused};

/// The keys of all headers that git is told to send, for every server or for some.
const EXTRA_HEADER_KEYS: &str = r"^http\.(.+\.)?extraheader$";

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
    let url = http_url(source)?;
    // In no repository, whose own settings are about its own remotes.
    let nowhere = Path::new("/");
    let matching = ["config", "--get-urlmatch", "http.extraHeader", source];
    let last = user_git.find_settings(nowhere, &matching).await.ok()??;
    // The last one is empty where git is told to forget those before it.
    if last.is_empty() {
        return None;
    }
    // That question is answered with one value, and all are needed.
    let all = ["config", "--null", "--get-regexp", EXTRA_HEADER_KEYS];
    let listed = user_git.find_settings(nowhere, &all).await.ok()??;
    let settings = listed.split('\0').filter_map(|setting| setting.split_once('\n'));
    let applied = applied_headers(settings, &url);
    // Where git has found another one, what it would send is not known here, and nothing is shown.
    (applied.last()?.1 == last).then_some(applied)
}

/// Those of the headers that git sends to this URL: each that matches it no less closely than all before it, since the last
/// empty one.
fn applied_headers<'a>(
    settings: impl Iterator<Item = (&'a str, &'a str)>,
    url: &Url,
) -> Vec<(String, String)> {
    let (mut applied, mut closest) = (Vec::new(), Closeness::default());
    for (key, header) in settings {
        let Some(found) = closeness(key, url).filter(|found| *found >= closest) else { continue };
        closest = found;
        match header.is_empty() {
            true => applied.clear(),
            false => applied.push((key.to_owned(), header.to_owned())),
        }
    }
    applied
}

/// How closely a key matches, in the order of git-config(1): bytes of the host, of the path, and whether by the user.
type Closeness = (usize, usize, bool);

fn closeness(key: &str, url: &Url) -> Option<Closeness> {
    let rest = key.strip_prefix("http.")?;
    if rest == "extraheader" {
        return Some(Closeness::default());
    }
    let pattern = Url::parse(rest.strip_suffix(".extraheader")?).ok()?;
    let is_of_user = !pattern.username().is_empty();
    let is_same_place = pattern.scheme() == url.scheme()
        && pattern.port_or_known_default() == url.port_or_known_default()
        && (!is_of_user || pattern.username() == url.username());
    let (host, path) = (pattern.host_str()?, pattern.path().trim_end_matches('/'));
    let below = url.path().strip_prefix(path)?;
    let is_match =
        is_same_place && is_host(host, url.host_str()?) && (below.is_empty() || below.starts_with('/'));
    is_match.then_some((host.len(), path.len(), is_of_user))
}

/// Whether a host is meant, in which `*` stands for one label.
fn is_host(pattern: &str, host: &str) -> bool {
    let (patterns, labels) = (pattern.split('.'), host.split('.'));
    patterns.clone().count() == labels.clone().count()
        && patterns.zip(labels).all(|(pattern, label)| pattern == "*" || pattern == label)
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
    use super::*;

    #[test]
    fn headers_for_other_places_stay_here() {
        let url = Url::parse("https://ann@git.example.com/a.b/tool.git").expect("a URL");
        for key in [
            "http.extraheader",
            "http.https://Git.example.com/.extraheader",
            "http.https://git.example.com:443/a.b/.extraheader",
            "http.https://ann@git.example.com.extraheader",
            "http.https://*.example.com/a.b.extraheader",
        ] {
            assert!(closeness(key, &url).is_some(), "{key}");
        }
        for key in [
            "http.https://other.example.com/.extraheader",
            "http.https://*.com/.extraheader",
            "http.http://git.example.com/.extraheader",
            "http.https://git.example.com:8443/.extraheader",
            "http.https://bob@git.example.com/.extraheader",
            "http.https://git.example.com/a.extraheader",
        ] {
            assert!(closeness(key, &url).is_none(), "{key}");
        }
    }

    #[test]
    fn closer_headers_hide_those_after_them_and_an_empty_one_those_before() {
        let url = Url::parse("https://git.example.com/tool.git").expect("a URL");
        let (all, close) = ("http.extraheader", "http.https://git.example.com/.extraheader");
        let applied = |settings: &[(&'static str, &'static str)]| -> Vec<String> {
            applied_headers(settings.iter().copied(), &url).into_iter().map(|(_, header)| header).collect()
        };
        assert_eq!(applied(&[(all, "A: 1"), (close, "B: 2"), (all, "C: 3")]), ["A: 1", "B: 2"]);
        assert_eq!(applied(&[(all, "A: 1"), (close, ""), (close, "B: 2")]), ["B: 2"]);
    }
}
