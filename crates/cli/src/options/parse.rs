//! Reads the values of options: addresses, names and counts, each with its bounds.

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::RangeInclusive;
use std::time::Duration;

use heliostat_git::{ObjectId, RefName};
use heliostat_server::MAX_SMALL_PUSH_BYTES;
use url::Url;

use super::{duration, size};

/// Reads an absolute `http` or `https` URL without credentials, query and fragment.
pub fn parse_http_url(text: &str) -> Result<Url, String> {
    const FORM: &str = "must start with http:// or https://, as in https://git.example.com";
    if !text.contains("://") {
        return Err(FORM.to_owned());
    }
    let url = Url::parse(text).map_err(|error| error.to_string())?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(FORM.to_owned());
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err("must not contain a user name or password".to_owned());
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err("must not have a query or fragment".to_owned());
    }
    Ok(url)
}

/// Reads the full name of a commit, by which mirrors are asked for it.
pub fn parse_commit(text: &str) -> Result<String, String> {
    const FORM: &str =
        "must be the full name of a commit, 40 or 64 lower case hex digits, as git rev-parse prints it";
    ObjectId::parse(text).map(|_| text.to_owned()).map_err(|_| FORM.to_owned())
}

/// Reads the full name of a ref.
pub fn parse_reference(text: &str) -> Result<String, String> {
    const FORM: &str = "must be the full name of a ref, as in refs/heads/main or refs/tags/v1";
    RefName::parse(text).map(|_| text.to_owned()).map_err(|_| FORM.to_owned())
}

/// Reads an address to listen on. A port alone, and `localhost`, are on loopback: who is to be reached by others says so.
pub fn parse_listen(text: &str) -> Result<SocketAddr, String> {
    if let Ok(address) = text.parse() {
        return Ok(address);
    }
    let port = text.strip_prefix("localhost:").unwrap_or(text);
    match port.parse::<u16>() {
        Ok(port) => Ok((Ipv4Addr::LOCALHOST, port).into()),
        Err(_) => Err(
            "must be an IP address and a port, as in 127.0.0.1:7990 or [::1]:7990, or 0.0.0.0:7990 for all \
             IPv4 addresses of this machine; localhost:7990 and 7990 alone are 127.0.0.1:7990"
                .to_owned(),
        ),
    }
}

/// Reads a name that is shown to people: not empty, bounded, on one line.
pub fn parse_display_name(text: &str) -> Result<String, String> {
    const MAX_DISPLAY_NAME_CHARS: usize = 128;
    let name = text.trim();
    if name.is_empty() || name.chars().count() > MAX_DISPLAY_NAME_CHARS {
        return Err(format!("must have 1 to {MAX_DISPLAY_NAME_CHARS} characters"));
    }
    if name.chars().any(char::is_control) {
        return Err("must not contain control characters".to_owned());
    }
    Ok(name.to_owned())
}

/// Reads how many things may happen at once: 1 to 256.
pub fn parse_parallelism(text: &str) -> Result<usize, String> {
    const MAX_PARALLELISM: usize = 256;
    match text.parse() {
        Ok(number) if (1..=MAX_PARALLELISM).contains(&number) => Ok(number),
        _ => Err(format!("must be a number from 1 to {MAX_PARALLELISM}")),
    }
}

/// Reads how long leases of mirrors last: none, or long enough to be renewed, and not longer than a client waits.
pub fn parse_mirror_lease(text: &str) -> Result<Duration, String> {
    const BOUNDS: RangeInclusive<Duration> = Duration::from_millis(500)..=Duration::from_secs(60);
    match duration::parse(text)? {
        lease if lease.is_zero() || BOUNDS.contains(&lease) => Ok(lease),
        _ => Err("must be 0s, or from 500ms to 1m".to_owned()),
    }
}

/// Reads how much of a push an event may carry: no more than mirrors read of one.
pub fn parse_small_push(text: &str) -> Result<usize, String> {
    match usize::try_from(size::parse(text)?) {
        Ok(bytes) if bytes <= MAX_SMALL_PUSH_BYTES => Ok(bytes),
        _ => Err(format!("must be at most {}KiB", MAX_SMALL_PUSH_BYTES / 1024)),
    }
}

/// Reads how much memory a git process may take: at least what small repositories need.
pub fn parse_git_memory(text: &str) -> Result<u64, String> {
    const MIN_BYTES: u64 = 128 * 1024 * 1024;
    match size::parse(text)? {
        bytes if bytes >= MIN_BYTES => Ok(bytes),
        _ => Err("must be at least 128MiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_plain() {
        assert!(parse_http_url("https://mirror.example.com/context").is_ok());
        for text in ["", "mirror", "ftp://a", "http://ada:pw@a", "http://a?b=c", "http://a#b"] {
            assert!(parse_http_url(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_port_alone_is_on_loopback() {
        for text in ["127.0.0.1:7990", "7990", "localhost:7990"] {
            assert_eq!(parse_listen(text), Ok(SocketAddr::from(([127, 0, 0, 1], 7990))), "{text}");
        }
        assert_eq!(parse_listen("0.0.0.0:1"), Ok(SocketAddr::from(([0, 0, 0, 0], 1))));
        for text in ["", ":7990", "abc", "127.0.0.1", "70000", "example.com:7990"] {
            assert!(parse_listen(text).is_err_and(|told| told.contains("127.0.0.1:7990")), "{text}");
        }
    }

    #[test]
    fn commits_and_refs_are_named_in_full() {
        for commit in ["a".repeat(40), "0".repeat(64)] {
            assert_eq!(parse_commit(&commit), Ok(commit));
        }
        for text in ["", "main", "abc1234", &"A".repeat(40), &"a".repeat(41)] {
            assert!(parse_commit(text).is_err_and(|told| told.contains("git rev-parse")), "{text}");
        }
        assert_eq!(parse_reference("refs/heads/main").as_deref(), Ok("refs/heads/main"));
        for text in ["", "main", "refs/heads/a..b"] {
            assert!(parse_reference(text).is_err_and(|told| told.contains("refs/heads/main")), "{text}");
        }
    }

    #[test]
    fn names_and_counts_are_bounded() {
        assert_eq!(parse_display_name("  Saigon ").as_deref(), Ok("Saigon"));
        for text in ["", "  ", "a\nb", &"x".repeat(129)] {
            assert!(parse_display_name(text).is_err(), "{text:?}");
        }
        assert_eq!(parse_parallelism("256"), Ok(256));
        for text in ["0", "257", "-1", "many"] {
            assert!(parse_parallelism(text).is_err(), "{text}");
        }
        assert_eq!(parse_git_memory("2GiB"), Ok(2 << 30));
        for text in ["0", "127MiB", "much"] {
            assert!(parse_git_memory(text).is_err(), "{text}");
        }
    }
}
