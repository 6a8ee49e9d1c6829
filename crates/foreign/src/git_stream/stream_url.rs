//! The address of a Git server that is reached by `git://` or SSH: in the form of a URL, or as `user@host:path`.
//!
//! Users and hosts become arguments of `ssh`, so both are read strictly.

use thiserror::Error;
use url::{Host, Url};

use crate::RepositoryPath;

/// Ports that need not be named.
const GIT_PORT: u16 = 9418;
const SSH_PORT: u16 = 22;

/// Longest name of an account.
const MAX_USER_BYTES: usize = 64;

/// The address of a Git server that is reached by `git://` or SSH.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StreamUrl {
    scheme: Scheme,
    user: Option<String>,
    host: Host<String>,
    port: u16,
    paths: Paths,
}

/// How it is spoken with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Git,
    Ssh,
}

/// From where paths lead.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Paths {
    /// They are whole, or begin with `/~`.
    Whole,
    /// They begin in the home folder of the account.
    FromHome,
}

/// An address that is none of such a server. Nothing of it is shown: it may hold a password.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error(
    "this is no address of a repository such as ssh://git@git.example.com/acme/tool.git, git@git.example.com:acme/tool.git \
     or git://git.example.com/acme/tool.git: {0}"
)]
pub struct InvalidStreamUrl(String);

impl StreamUrl {
    /// Whether this is the form of an address that is meant here, right or wrong.
    pub(crate) fn is_meant_by(text: &str) -> bool {
        match text.trim().split_once("://") {
            Some((scheme, _)) => scheme_of(scheme).is_some(),
            None => colon_of(text.trim()).is_some(),
        }
    }

    /// Splits the address of one repository into that of its server and its path there.
    pub fn of_repository(text: &str) -> Result<(Self, RepositoryPath), InvalidStreamUrl> {
        let text = text.trim();
        let read = match text.split_once("://") {
            Some((scheme, rest)) => of_url(scheme, rest),
            None => of_user_host_path(text),
        };
        read.map_err(InvalidStreamUrl)
    }

    /// Whether a key is needed, and known hosts are.
    pub fn is_ssh(&self) -> bool {
        self.scheme == Scheme::Ssh
    }

    /// Server and account as one text, however paths are written.
    pub(crate) fn account(&self) -> String {
        self.url().to_string()
    }

    /// The address of a repository, as it was written.
    pub(crate) fn of_path(&self, path: &RepositoryPath) -> String {
        match (self.paths, &self.user) {
            (Paths::Whole, _) => path.below(&self.url()).to_string(),
            (Paths::FromHome, Some(user)) => format!("{user}@{}:{}", self.host, &path.as_str()[1..]),
            (Paths::FromHome, None) => format!("{}:{}", self.host, &path.as_str()[1..]),
        }
    }

    /// Where the server is as a URL that ends with a slash.
    pub(super) fn base_url(&self) -> Url {
        let mut url = self.url();
        if self.paths == Paths::FromHome {
            url.set_path("/~/");
        }
        url
    }

    /// An address of HTTP at the same host, by which rules for addresses judge.
    pub fn judged_as(&self) -> Url {
        Url::parse(&format!("http://{}:{}/", self.host, self.port)).expect("host and port were read before")
    }

    pub(super) fn scheme(&self) -> Scheme {
        self.scheme
    }

    pub(super) fn user(&self) -> Option<&str> {
        self.user.as_deref()
    }

    pub(super) fn host(&self) -> &Host<String> {
        &self.host
    }

    pub(super) fn port(&self) -> u16 {
        self.port
    }

    /// The port, if it has to be named.
    pub(super) fn unusual_port(&self) -> Option<u16> {
        Some(self.port).filter(|port| *port != usual_port(self.scheme))
    }

    /// What the server calls itself, as clients tell it whom they ask.
    pub(super) fn host_and_port(&self) -> String {
        let port = self.unusual_port().map(|port| format!(":{port}")).unwrap_or_default();
        format!("{}{port}", self.host)
    }

    /// A path as the server is told it: as `git` does, without the slash before a home folder.
    pub(super) fn told<'a>(&self, path: &'a RepositoryPath) -> &'a str {
        let path = path.as_str();
        if self.paths == Paths::FromHome || path.starts_with("/~") { &path[1..] } else { path }
    }

    fn url(&self) -> Url {
        let scheme = match self.scheme {
            Scheme::Git => "git",
            Scheme::Ssh => "ssh",
        };
        let user = self.user.as_ref().map(|user| format!("{user}@")).unwrap_or_default();
        let url = format!("{scheme}://{user}{}/", self.host_and_port());
        Url::parse(&url).expect("its parts were read before")
    }
}

fn usual_port(scheme: Scheme) -> u16 {
    match scheme {
        Scheme::Git => GIT_PORT,
        Scheme::Ssh => SSH_PORT,
    }
}

fn scheme_of(text: &str) -> Option<Scheme> {
    match text.to_ascii_lowercase().as_str() {
        "git" => Some(Scheme::Git),
        "ssh" | "git+ssh" | "ssh+git" => Some(Scheme::Ssh),
        _ => None,
    }
}

fn of_url(scheme: &str, rest: &str) -> Result<(StreamUrl, RepositoryPath), String> {
    let scheme = scheme_of(scheme).ok_or("it has to begin with ssh:// or git://")?;
    let (authority, path) = rest.split_at(rest.find('/').ok_or("it has no path")?);
    let (user, place) = match authority.rsplit_once('@') {
        Some((user, place)) => (Some(checked_user(user)?), place),
        None => (None, authority),
    };
    if scheme == Scheme::Git && user.is_some() {
        return Err("git:// knows no users".to_owned());
    }
    let (host, port) = match place.rsplit_once(':') {
        Some((host, port)) if !port.ends_with(']') => (host, Some(checked_port(port)?)),
        _ => (place, None),
    };
    let path = RepositoryPath::parse(path).map_err(|error| error.to_string())?;
    let port = port.unwrap_or(usual_port(scheme));
    Ok((StreamUrl { scheme, user, host: checked_host(host)?, port, paths: Paths::Whole }, path))
}

/// Nothing is encoded in this form, and a path that does not begin with a slash begins in the home folder.
fn of_user_host_path(text: &str) -> Result<(StreamUrl, RepositoryPath), String> {
    let colon = colon_of(text).ok_or("it has neither '://' nor a host before ':'")?;
    let (authority, path) = (&text[..colon], &text[colon + 1..]);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(checked_user(user)?), host),
        None => (None, authority),
    };
    let paths = if path.starts_with(['/', '~']) { Paths::Whole } else { Paths::FromHome };
    if path.starts_with('-') {
        return Err("its path must not begin with '-'".to_owned());
    }
    let path = RepositoryPath::parse(&path.replace('%', "%25")).map_err(|error| error.to_string())?;
    let host = checked_host(host)?;
    Ok((StreamUrl { scheme: Scheme::Ssh, user, host, port: SSH_PORT, paths }, path))
}

/// Where the path begins in `user@host:path`, as `git` finds it: before the first slash, and behind an IPv6 address.
fn colon_of(text: &str) -> Option<usize> {
    let first = text.find(':').filter(|colon| !text[..*colon].contains('/'))?;
    let host = text[..first].rfind('@').map_or(0, |at| at + 1);
    let colon = if text[host..].starts_with('[') { text.find("]:")? + 1 } else { first };
    Some(colon).filter(|colon| *colon > host)
}

fn checked_user(text: &str) -> Result<String, String> {
    if text.contains(':') {
        return Err("it must not hold a password".to_owned());
    }
    let is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+');
    if text.is_empty() || text.len() > MAX_USER_BYTES || text.starts_with('-') || !text.chars().all(is_plain)
    {
        return Err(
            "its user name is empty, too long, or holds other than letters, digits and . _ - +".to_owned()
        );
    }
    Ok(text.to_owned())
}

fn checked_port(text: &str) -> Result<u16, String> {
    match text.parse() {
        Ok(port @ 1..) => Ok(port),
        _ => Err("its port is no number from 1 to 65535".to_owned()),
    }
}

/// Reads a host as in an address of HTTP: a name in small letters, or an address in its usual form.
fn checked_host(text: &str) -> Result<Host<String>, String> {
    let wrong = || "its host cannot be read".to_owned();
    if text.is_empty()
        || text.contains(|c: char| c.is_whitespace() || c.is_control() || "/\\?#@%".contains(c))
    {
        return Err(wrong());
    }
    let url = Url::parse(&format!("http://{text}/")).map_err(|_| wrong())?;
    if url.port().is_some() {
        return Err(wrong());
    }
    let host = url.host().ok_or_else(wrong)?.to_owned();
    match &host {
        Host::Domain(name) if name.starts_with('-') => Err("its host must not begin with '-'".to_owned()),
        Host::Domain(name) if !name.chars().all(is_of_a_name) => Err(wrong()),
        _ => Ok(host),
    }
}

fn is_of_a_name(c: char) -> bool {
    c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> (StreamUrl, RepositoryPath) {
        StreamUrl::of_repository(text).unwrap_or_else(|error| panic!("{text}: {error}"))
    }

    #[test]
    fn each_form_is_told_to_the_server_as_git_tells_it() {
        for (text, written, told) in [
            (
                "ssh://git@Git.Example.com/acme/tool.git",
                "ssh://git@git.example.com/acme/tool.git",
                "/acme/tool.git",
            ),
            ("ssh://git.example.com:22/a%20b.git/", "ssh://git.example.com/a%20b.git", "/a b.git"),
            ("git+ssh://git@[2001:db8::1]:2222/x", "ssh://git@[2001:db8::1]:2222/x", "/x"),
            ("ssh://ann@git.example.com/~/tool", "ssh://ann@git.example.com/~/tool", "~/tool"),
            ("git@git.example.com:acme/tool.git", "git@git.example.com:acme/tool.git", "acme/tool.git"),
            ("git.example.com:100%/tool", "git.example.com:100%/tool", "100%/tool"),
            ("git@git.example.com:/srv/tool.git", "ssh://git@git.example.com/srv/tool.git", "/srv/tool.git"),
            ("git@[::1]:~ann/tool", "ssh://git@[::1]/~ann/tool", "~ann/tool"),
            ("git://127.0.0.1:9418/tool.git", "git://127.0.0.1/tool.git", "/tool.git"),
            ("GIT://localhost:9419/~ann/tool", "git://localhost:9419/~ann/tool", "~ann/tool"),
        ] {
            assert!(StreamUrl::is_meant_by(text), "{text}");
            let (server, path) = read(text);
            assert_eq!((server.of_path(&path).as_str(), server.told(&path)), (written, told), "{text}");
            let (again, path_again) = read(written);
            assert_eq!((again.account(), path_again), (server.account(), path), "{text}");
        }
        let home = read("git@git.example.com:acme/tool.git").0;
        assert_eq!(home.base_url().as_str(), "ssh://git@git.example.com/~/");
        assert_eq!(home.account(), read("ssh://git@git.example.com/other").0.account());
        assert_ne!(home.account(), read("ssh://ann@git.example.com/other").0.account());
        assert_eq!(read("git://127.0.0.1:9419/x").0.host_and_port(), "127.0.0.1:9419");
    }

    #[test]
    fn other_spellings_of_an_address_are_judged_as_what_they_are() {
        for text in ["ssh://0x7f.1/x", "git://2130706433/x", "127.1:x"] {
            assert_eq!(read(text).0.judged_as().host(), Some(Host::Ipv4([127, 0, 0, 1].into())), "{text}");
        }
    }

    #[test]
    fn what_could_become_an_option_or_holds_a_secret_is_refused_without_showing_it() {
        for text in [
            "ssh://-oProxyCommand=x/a.git",
            "ssh://-x@git.example.com/a.git",
            "-oProxyCommand=x:a.git",
            "git@git.example.com:-x",
            "ssh://ann:secret@git.example.com/a.git",
            "ssh://a b@git.example.com/a.git",
            "ssh://$(x)@git.example.com/a.git",
            "ssh://git@%2dx/a.git",
            "ssh://git@git.example.com:0/a.git",
            "ssh://git@git.example.com:70000/a.git",
            "ssh://git@git.example.com",
            "ssh://git@git.example.com/",
            "ssh://git@git.example.com/../a.git",
            "ssh://git@git.example.com/a\nb",
            "ssh://git@/a.git",
            "ssh://git@$(x)/a.git",
            "git://ann@git.example.com/a.git",
            "git@git.example.com:",
            "git@git.example.com:a?b",
            "git@:a.git",
        ] {
            let refused = StreamUrl::of_repository(text).expect_err(text).to_string();
            assert!(!refused.contains("secret"), "{refused}");
        }
        for text in ["https://git.example.com/a", "/srv/a:b.git", "./a:b", "tool", ":a", "ftp://x/y"] {
            assert!(!StreamUrl::is_meant_by(text), "{text}");
        }
    }
}
