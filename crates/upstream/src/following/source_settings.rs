//! Which sources are acceptable: address, interval and credentials, and what stays of them when they are changed.

use heliostat_auth::Secret;
use heliostat_foreign::{Credentials, RepositoryAddress};
use heliostat_peer::http::Destinations;
use heliostat_refusal::Refusal;
use heliostat_storage::FollowedSource;

use super::ssh_settings::{checked_key, checked_known_hosts};

/// Longest address of a source, in bytes.
const MAX_URL_BYTES: usize = 2_048;
/// Longest user name at a source, in bytes.
const MAX_USERNAME_BYTES: usize = 255;
/// Longest password or token for a source, in bytes.
const MAX_PASSWORD_BYTES: usize = 8_192;
/// How often a source is looked at unless it is set otherwise, in seconds.
const DEFAULT_INTERVAL_SECONDS: i32 = 60;
/// How often it may be looked at at most, in seconds.
const MIN_INTERVAL_SECONDS: i32 = 5;
/// How often it must be looked at at least, in seconds: a week.
const MAX_INTERVAL_SECONDS: i32 = 604_800;

/// What a repository is to follow; `None` leaves it as it is, or as it usually is.
#[derive(Debug, Clone)]
pub struct FollowingFields {
    /// The address of the source.
    pub url: String,
    /// How often it is looked at, in seconds.
    pub interval_seconds: Option<i32>,
    /// Who the source is to take this server for; empty for no credentials.
    pub username: Option<String>,
    /// The password or token that goes with it.
    pub password: Option<Secret>,
    /// The private key by which a source over SSH is read.
    pub ssh_key: Option<Secret>,
    /// The host keys by which a source over SSH is known; empty for those that this machine knows.
    pub known_hosts: Option<String>,
    /// Whether the references of a repository that follows nothing yet may be replaced.
    pub overwrite: bool,
}

/// The source to follow from now on, after the one before.
pub(super) fn merged(
    fields: FollowingFields,
    before: Option<&FollowedSource>,
    destinations: &Destinations,
) -> Result<FollowedSource, Refusal> {
    let address = checked_address(&fields.url, destinations)?;
    let interval_seconds = fields
        .interval_seconds
        .or(before.map(|before| before.interval_seconds))
        .unwrap_or(DEFAULT_INTERVAL_SECONDS);
    if !(MIN_INTERVAL_SECONDS..=MAX_INTERVAL_SECONDS).contains(&interval_seconds) {
        let message = format!(
            "A source is looked at every {MIN_INTERVAL_SECONDS} to {MAX_INTERVAL_SECONDS} seconds, not every {interval_seconds}."
        );
        return Err(Refusal::invalid("intervalSeconds", message));
    }
    // Credentials for one server are not for another.
    let before = before.filter(|before| account_of(&before.url).as_ref() == Some(&address.account()));
    let url = address.to_string();
    let proof = match address {
        RepositoryAddress::Http { .. } => {
            refuse_key(&fields)?;
            name_and_password(fields, before)?
        }
        RepositoryAddress::Stream { server, .. } => {
            refuse_name(&fields)?;
            if server.is_ssh() {
                key_and_known_hosts(fields, before)?
            } else {
                refuse_key(&fields)?;
                Proof::default()
            }
        }
    };
    let Proof { username, password, ssh_key, known_hosts } = proof;
    Ok(FollowedSource { url, interval_seconds, username, password, ssh_key, known_hosts })
}

/// What proves to a source who asks, and to this server who answers.
#[derive(Default)]
struct Proof {
    username: Option<String>,
    password: Option<String>,
    ssh_key: Option<String>,
    known_hosts: Option<String>,
}

fn name_and_password(fields: FollowingFields, before: Option<&FollowedSource>) -> Result<Proof, Refusal> {
    let same_user = fields.username.is_none()
        || fields.username.as_deref() == before.and_then(|before| before.username.as_deref());
    let username = match fields.username {
        Some(username) => Some(checked_username(&username)?).filter(|username| !username.is_empty()),
        None => before.and_then(|before| before.username.clone()),
    };
    let password = match fields.password {
        Some(password) => Some(checked_password(&password)?),
        None => before.filter(|_| same_user).and_then(|before| before.password.clone()),
    };
    if username.is_none() && password.is_some() {
        let message = "A password is sent together with a user name; give one. Servers that only look at a token take any.";
        return Err(Refusal::invalid("username", message));
    }
    Ok(Proof { username, password, ..Proof::default() })
}

fn key_and_known_hosts(fields: FollowingFields, before: Option<&FollowedSource>) -> Result<Proof, Refusal> {
    let ssh_key = match fields.ssh_key {
        Some(key) => Some(checked_key(&key)?),
        None => before.and_then(|before| before.ssh_key.clone()),
    };
    if ssh_key.is_none() {
        let message = "A source over SSH is read with a private key that it knows, a deploy key for instance; give one.";
        return Err(Refusal::invalid("sshKey", message));
    }
    let known_hosts = match fields.known_hosts {
        Some(known_hosts) => checked_known_hosts(&known_hosts)?,
        None => before.and_then(|before| before.known_hosts.clone()),
    };
    Ok(Proof { ssh_key, known_hosts, ..Proof::default() })
}

fn refuse_name(fields: &FollowingFields) -> Result<(), Refusal> {
    let has_name = fields.username.as_deref().is_some_and(|username| !username.is_empty());
    for (field, is_given) in [("username", has_name), ("password", fields.password.is_some())] {
        if is_given {
            let message = "User name and password are for sources over HTTP. Over SSH a key proves who asks, for the user in \
                           the address; git:// knows no users.";
            return Err(Refusal::invalid(field, message));
        }
    }
    Ok(())
}

fn refuse_key(fields: &FollowingFields) -> Result<(), Refusal> {
    let has_hosts = fields.known_hosts.as_deref().is_some_and(|known_hosts| !known_hosts.trim().is_empty());
    for (field, is_given) in [("sshKey", fields.ssh_key.is_some()), ("knownHosts", has_hosts)] {
        if is_given {
            let message = "Keys and known hosts are for sources over SSH, such as ssh://git@git.example.com/acme/tool.git.";
            return Err(Refusal::invalid(field, message));
        }
    }
    Ok(())
}

/// What the source is shown of who asks.
pub(super) fn credentials_of(source: &FollowedSource) -> Credentials {
    let Some(username) = &source.username else { return Credentials::anonymous() };
    let credentials = Credentials::basic(username, source.password.as_deref().unwrap_or_default());
    credentials.expect("name and password are shorter than a header may be")
}

fn checked_address(text: &str, destinations: &Destinations) -> Result<RepositoryAddress, Refusal> {
    if text.len() > MAX_URL_BYTES {
        let message = format!("The address of a source has at most {MAX_URL_BYTES} bytes.");
        return Err(Refusal::invalid("url", message));
    }
    let address = RepositoryAddress::parse(text);
    let address = address.map_err(|error| Refusal::invalid("url", format!("{error}.")))?;
    destinations
        .check_literal(&address.judged_as())
        .map_err(|refused| Refusal::invalid("url", format!("{refused}.")))?;
    Ok(address)
}

fn account_of(url: &str) -> Option<String> {
    RepositoryAddress::parse(url).ok().map(|address| address.account())
}

fn checked_username(username: &str) -> Result<String, Refusal> {
    if username.len() > MAX_USERNAME_BYTES || username.contains(|c: char| c.is_control() || c == ':') {
        let message = format!(
            "A user name has at most {MAX_USERNAME_BYTES} bytes, no colon, and no control characters."
        );
        return Err(Refusal::invalid("username", message));
    }
    Ok(username.to_owned())
}

fn checked_password(password: &Secret) -> Result<String, Refusal> {
    let password = password.expose();
    if password.len() > MAX_PASSWORD_BYTES || password.contains(char::is_control) {
        let message = format!("A password has at most {MAX_PASSWORD_BYTES} bytes and no control characters.");
        return Err(Refusal::invalid("password", message));
    }
    Ok(password.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "https://git.example.com/acme/tool.git";
    const SSH: &str = "git@git.example.com:acme/tool.git";

    fn fields(url: &str, username: Option<&str>, password: Option<&str>) -> FollowingFields {
        FollowingFields {
            url: url.to_owned(),
            interval_seconds: None,
            username: username.map(str::to_owned),
            password: password.map(Secret::new),
            ssh_key: None,
            known_hosts: None,
            overwrite: false,
        }
    }

    fn with_key(url: &str) -> FollowingFields {
        let key = "-----BEGIN RSA PRIVATE KEY-----\nsecret\n-----END RSA PRIVATE KEY-----";
        FollowingFields { ssh_key: Some(Secret::new(key)), ..fields(url, None, None) }
    }

    fn set(before: Option<&FollowedSource>, fields: FollowingFields) -> Result<FollowedSource, Refusal> {
        merged(fields, before, &Destinations::Configured)
    }

    #[test]
    fn credentials_stay_with_their_user_and_their_server() {
        let first = set(None, fields(URL, Some("ann"), Some("secret"))).expect("acceptable");
        assert_eq!((first.interval_seconds, first.password.as_deref()), (60, Some("secret")));
        let held = |before: &FollowedSource, new| {
            let source = set(Some(before), new).expect("acceptable");
            (source.username, source.password)
        };
        let pair =
            |username: &str, password: Option<&str>| (Some(username.to_owned()), password.map(str::to_owned));
        let other_path = "https://git.example.com/acme/other.git";
        let other_server = "https://git.example.org/acme/tool.git";
        assert_eq!(held(&first, fields(URL, None, None)), pair("ann", Some("secret")));
        assert_eq!(held(&first, fields(other_path, Some("ann"), None)), pair("ann", Some("secret")));
        assert_eq!(held(&first, fields(URL, Some("bob"), None)), pair("bob", None));
        assert_eq!(held(&first, fields(URL, None, Some("new"))), pair("ann", Some("new")));
        assert_eq!(held(&first, fields(URL, Some(""), None)), (None, None));
        assert_eq!(held(&first, fields(other_server, None, None)), (None, None));
        assert_eq!(held(&first, fields(&URL.replace("https", "http"), None, None)), (None, None));
    }

    #[test]
    fn a_key_stays_with_its_account() {
        let hosts = Some("git.example.com ssh-ed25519 AAAA".to_owned());
        let first = set(None, FollowingFields { known_hosts: hosts, ..with_key(SSH) }).expect("acceptable");
        assert_eq!(first.url, SSH);
        let held = |new| {
            let source = set(Some(&first), new).map(|source| (source.ssh_key, source.known_hosts));
            source.ok()
        };
        let (key, hosts) = (first.ssh_key.clone(), first.known_hosts.clone());
        assert!(key.is_some() && hosts.is_some());
        let other_form = "ssh://git@git.example.com/acme/other.git";
        assert_eq!(held(fields(SSH, None, None)), Some((key.clone(), hosts)));
        let by_the_system =
            FollowingFields { known_hosts: Some(String::new()), ..fields(other_form, None, None) };
        assert_eq!(held(by_the_system), Some((key, None)));
        for other in [SSH.replace("git@", "ann@"), SSH.replace(".com", ".org")] {
            assert_eq!(held(fields(&other, None, None)), None, "{other}");
        }
        assert_eq!(held(fields("git://git.example.com/acme/tool.git", None, None)), Some((None, None)));
    }

    #[test]
    fn what_cannot_be_followed_is_refused_without_showing_secrets() {
        let long = "x".repeat(MAX_PASSWORD_BYTES + 1);
        for (wrong, field) in [
            (fields(SSH, None, None), "sshKey"),
            (fields(SSH, Some("ann"), None), "username"),
            (with_key(URL), "sshKey"),
            (with_key("git://git.example.com/a.git"), "sshKey"),
            (FollowingFields { known_hosts: Some("a".to_owned()), ..with_key(SSH) }, "knownHosts"),
            (fields("git://git.example.com/a.git", None, Some("secret")), "password"),
            (fields("ssh://git:secret@git.example.com/a.git", None, None), "url"),
            (fields("/srv/a.git", None, None), "url"),
            (fields("https://ann:secret@git.example.com/a.git", None, None), "url"),
            (fields("https://git.example.com/", None, None), "url"),
            (fields(URL, None, Some("secret")), "username"),
            (fields(URL, Some("a:b"), Some("secret")), "username"),
            (fields(URL, Some("ann"), Some("sec\nret")), "password"),
            (fields(URL, Some("ann"), Some(&long)), "password"),
            (FollowingFields { interval_seconds: Some(4), ..fields(URL, None, None) }, "intervalSeconds"),
        ] {
            let refused = set(None, wrong).expect_err(field);
            assert!(!refused.to_string().contains("secret"), "{refused}");
            assert!(
                matches!(&refused, Refusal::Invalid { context: Some(context), .. } if context == field),
                "{field}: {refused}"
            );
        }
    }
}
