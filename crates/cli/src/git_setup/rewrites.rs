//! The forms in which people write the address of a Git server, and the settings of git that lead each to a mirror.

use anyhow::{Context, bail};
use url::Url;

/// The longest name of a user that is rewritten, in bytes.
const MAX_USER_BYTES: usize = 64;

/// Which forms of an address are rewritten, besides the plain one.
pub struct Forms<'a> {
    /// Users in `https://NAME@host/`.
    pub users: &'a [String],
    /// The user in ssh addresses; `None` leaves those alone.
    pub ssh_user: Option<&'a str>,
    /// Their port, if it is not that of ssh.
    pub ssh_port: Option<u16>,
}

/// What begins with `from` is read below `to`, and pushed to `from` as before.
#[derive(Debug, PartialEq, Eq)]
pub struct Rewrite {
    /// How an address begins.
    pub from: String,
    /// What git reads instead.
    pub to: String,
}

/// One setting of git.
#[derive(Debug, PartialEq, Eq)]
pub struct Setting {
    /// Its name.
    pub key: String,
    /// One of its values.
    pub value: String,
}

/// A rewriting for each form of the address of `origin`.
pub fn rewrites(origin: &Url, mirror: &Url, forms: &Forms<'_>) -> anyhow::Result<Vec<Rewrite>> {
    let host = origin.host_str().with_context(|| format!("{origin} names no host"))?;
    if as_folder(origin) == as_folder(mirror) {
        bail!("{origin} is the origin and the mirror: they have to be two servers");
    }
    let mut found = vec![Rewrite { from: as_folder(origin), to: as_folder(mirror) }];
    for user in forms.users {
        // The mirror is asked as the same user, so that git asks for the right password.
        found.push(Rewrite { from: as_user(origin, user)?, to: as_user(mirror, user)? });
    }
    if let Some(user) = forms.ssh_user {
        let port = forms.ssh_port.map(|port| format!(":{port}")).unwrap_or_default();
        found.push(Rewrite { from: format!("ssh://{user}@{host}{port}/"), to: as_folder(mirror) });
        if forms.ssh_port.is_none() {
            // This form has no place for a port.
            found.push(Rewrite { from: format!("{user}@{host}:"), to: as_folder(mirror) });
        }
    }
    Ok(found)
}

impl Rewrite {
    /// Whether it leads any form of the address of `origin` to `mirror`, whatever the options were that wrote it.
    pub fn leads(&self, origin: &Url, mirror: &Url) -> bool {
        is_of(&self.to, mirror) && (is_of(&self.from, origin) || is_of_ssh(&self.from, origin))
    }

    /// Whether git looks for the same credentials for it as for what leads from `origin` to `mirror`: credentials are those of a
    /// host, and a host may be several origins, one below each path.
    pub fn shares_credentials(&self, origin: &Url, mirror: &Url) -> bool {
        is_of(&self.to, mirror) && Url::parse(&self.from).is_ok_and(|from| from.origin() == origin.origin())
    }
}

/// Whether a text is this address, for all or for one user.
fn is_of(text: &str, url: &Url) -> bool {
    let for_all = |url: &Url| {
        let mut url = url.clone();
        url.set_username("").is_ok().then(|| as_folder(&url))
    };
    Url::parse(text).is_ok_and(|found| for_all(&found) == for_all(url))
}

/// Whether a text is one of the ssh addresses of this server, with any user and port.
fn is_of_ssh(text: &str, url: &Url) -> bool {
    let Some(host) = url.host_str() else { return false };
    let place = match text.strip_prefix("ssh://") {
        Some(place) => place.strip_suffix('/'),
        None => text.strip_suffix(':'),
    };
    let Some((user, place)) = place.and_then(|place| place.split_once('@')) else { return false };
    let port = place.strip_prefix(host);
    let is_port = |port: &str| port.strip_prefix(':').is_some_and(|port| port.parse::<u16>().is_ok());
    parse_user(user).is_ok() && port.is_some_and(|port| port.is_empty() || is_port(port))
}

/// Reads the name of a user that can stand in an address as it is.
pub fn parse_user(text: &str) -> Result<String, String> {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    if text.is_empty() || text.len() > MAX_USER_BYTES || !text.bytes().all(is_plain) {
        return Err(format!(
            "must be 1 to {MAX_USER_BYTES} letters, digits and -_.~, as it stands in addresses"
        ));
    }
    Ok(text.to_owned())
}

/// The address with one slash at its end: it must not match `https://git.example.com.evil.example/`.
fn as_folder(url: &Url) -> String {
    format!("{}/", url.as_str().trim_end_matches('/'))
}

fn as_user(url: &Url, user: &str) -> anyhow::Result<String> {
    let mut url = url.clone();
    match url.set_username(user) {
        Ok(()) => Ok(as_folder(&url)),
        Err(()) => bail!("{url} has no place for a user name"),
    }
}

impl Setting {
    /// The settings for one rewriting. The second keeps pushes where they were: git would rewrite them as well.
    pub fn of(rewrite: &Rewrite) -> [Setting; 2] {
        let Rewrite { from, to } = rewrite;
        [
            Setting { key: format!("url.{to}.insteadOf"), value: from.clone() },
            Setting { key: format!("url.{from}.pushInsteadOf"), value: from.clone() },
        ]
    }

    /// The setting by which git asks itself for the password of the origin when it needs one for the mirror. Only what it is
    /// asked for goes on: the name of the origin would be taken for that of the server that wants the password.
    pub fn credentials_of(origin: &Url, mirror: &Url) -> anyhow::Result<Self> {
        let host = origin.host_str().with_context(|| format!("{origin} names no host"))?;
        let port = origin.port().map(|port| format!(":{port}")).unwrap_or_default();
        let asked = format!(r"protocol={}\nhost={host}{port}\n\n", origin.scheme());
        let fill = format!("printf '{asked}' | git credential fill | grep -E '^(username|password)='");
        Ok(Setting {
            key: format!("credential.{}.helper", as_folder(mirror).trim_end_matches('/')),
            value: format!("!f() {{ test \"$1\" = get && {fill}; }}; f"),
        })
    }

    /// What git is called with to add this value, or to take it away and no other.
    pub fn arguments(&self, undo: bool) -> [String; 5] {
        let (verb, value) = match undo {
            false => ("--add", self.value.clone()),
            true => ("--unset-all", pattern_of(&self.value)),
        };
        ["config", "--global", verb, self.key.as_str(), value.as_str()].map(str::to_owned)
    }

    /// The same as a line for a shell.
    pub fn command(&self, undo: bool) -> String {
        let words = self.arguments(undo).map(|word| quoted(&word));
        format!("git {}", words.join(" "))
    }
}

/// The regular expression that matches this text and no other.
fn pattern_of(text: &str) -> String {
    let mut pattern = String::from("^");
    for character in text.chars() {
        if r"\.+*?()[]{}|^$".contains(character) {
            pattern.push('\\');
        }
        pattern.push(character);
    }
    pattern.push('$');
    pattern
}

/// A word as a shell reads it.
fn quoted(word: &str) -> String {
    let is_plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_./:@".contains(&byte);
    match word.bytes().all(is_plain) {
        true => word.to_owned(),
        false => format!("'{}'", word.replace('\'', r"'\''")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn url(text: &str) -> Url {
        Url::parse(text).expect("the test writes a valid URL")
    }

    fn of(
        origin: &str,
        users: &[&str],
        ssh_user: Option<&str>,
        ssh_port: Option<u16>,
    ) -> Vec<(String, String)> {
        let users: Vec<String> = users.iter().map(|user| (*user).to_owned()).collect();
        let forms = Forms { users: &users, ssh_user, ssh_port };
        let found = rewrites(&url(origin), &url("http://mirror:7991"), &forms).expect("two servers");
        found.into_iter().map(|rewrite| (rewrite.from, rewrite.to)).collect()
    }

    #[test]
    fn each_form_of_the_address_leads_to_the_mirror() {
        let mirror = "http://mirror:7991/".to_owned();
        let pair = |from: &str, to: &str| (from.to_owned(), to.to_owned());
        assert_eq!(
            of("https://git.example.com", &["ann"], Some("git"), None),
            [
                pair("https://git.example.com/", &mirror),
                pair("https://ann@git.example.com/", "http://ann@mirror:7991/"),
                pair("ssh://git@git.example.com/", &mirror),
                pair("git@git.example.com:", &mirror),
            ]
        );
        assert_eq!(
            of("https://git.example.com:8443/scm/", &[], Some("git"), Some(7999)),
            [
                pair("https://git.example.com:8443/scm/", &mirror),
                pair("ssh://git@git.example.com:7999/", &mirror),
            ]
        );
        assert_eq!(of("https://git.example.com", &[], None, None).len(), 1);
    }

    fn rewrite(to: &str, from: &str) -> Rewrite {
        Rewrite { from: from.to_owned(), to: to.to_owned() }
    }

    #[test]
    fn what_was_written_is_found_whatever_the_options_were() {
        let (origin, mirror) = (url("https://git.example.com"), url("http://mirror:7991"));
        for (to, from) in [
            ("http://mirror:7991/", "https://git.example.com/"),
            ("http://ann@mirror:7991/", "https://ann@git.example.com/"),
            ("http://mirror:7991/", "ssh://hg@git.example.com:7999/"),
            ("http://mirror:7991/", "hg@git.example.com:"),
        ] {
            assert!(rewrite(to, from).leads(&origin, &mirror), "{from}");
        }
        for (to, from) in [
            ("http://other:7991/", "https://git.example.com/"),
            ("http://mirror:7991/", "https://git.example.com.evil.example/"),
            ("http://mirror:7991/", "https://git.example.com/acme/"),
            ("http://mirror:7991/", "git@git.example.com.evil.example:"),
            ("http://mirror:7991/", "gh:"),
        ] {
            assert!(!rewrite(to, from).leads(&origin, &mirror), "{from}");
        }
    }

    #[test]
    fn origins_below_one_host_share_their_credentials_at_one_mirror() {
        let (origin, mirror) = (url("https://git.example.com/b"), url("http://mirror:7991"));
        let shares = |to: &str, from: &str| rewrite(to, from).shares_credentials(&origin, &mirror);
        assert!(shares("http://mirror:7991/", "https://git.example.com/a/"));
        assert!(shares("http://ann@mirror:7991/", "https://ann@git.example.com:443/a/"));
        assert!(!shares("http://other:7991/", "https://git.example.com/a/"));
        assert!(!shares("http://mirror:7991/", "https://git.example.com:8443/a/"));
        assert!(!shares("http://mirror:7991/", "ssh://git@git.example.com/"));
    }

    #[test]
    fn a_server_is_not_its_own_mirror() {
        let forms = Forms { users: &[], ssh_user: None, ssh_port: None };
        assert!(rewrites(&url("http://mirror/"), &url("http://mirror"), &forms).is_err());
    }

    #[test]
    fn names_that_need_quoting_are_no_users() {
        assert_eq!(parse_user("x-access-token").as_deref(), Ok("x-access-token"));
        for text in ["", "a:b", "a@b", "a b", "a/b", "ü", &"a".repeat(65)] {
            assert!(parse_user(text).is_err(), "{text}");
        }
    }

    #[test]
    fn the_mirror_is_shown_what_the_origin_is() {
        let setting =
            Setting::credentials_of(&url("https://git.example.com:8443/scm"), &url("http://[::1]:7991"));
        let setting = setting.expect("both have hosts");
        assert_eq!(setting.key, "credential.http://[::1]:7991.helper");
        assert!(setting.value.contains(r"printf 'protocol=https\nhost=git.example.com:8443\n\n' |"));
    }

    #[test]
    fn commands_add_and_take_away_exactly_one_value() {
        let [read, push] = Setting::of(&rewrite("http://m/", "https://a.b/"));
        assert_eq!(read.command(false), "git config --global --add url.http://m/.insteadOf https://a.b/");
        assert_eq!(
            read.command(true),
            r"git config --global --unset-all url.http://m/.insteadOf '^https://a\.b/$'"
        );
        assert_eq!(
            push.command(false),
            "git config --global --add url.https://a.b/.pushInsteadOf https://a.b/"
        );
        assert_eq!(quoted("it's"), r"'it'\''s'");
    }
}
