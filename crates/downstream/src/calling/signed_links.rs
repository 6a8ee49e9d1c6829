//! Addresses on a mirror, and links there, each of which opens one resource to its holder.

use heliostat_auth::Secret;
use heliostat_peer::Signer;
use heliostat_storage::{MirrorServer, RepositoryId};
use url::Url;

use super::addresses::call_url;

/// How long a link is good, in seconds: long enough for a build to start.
pub(crate) const LINK_LIFETIME_SECONDS: i64 = 1_800;

const EVENTS_SUFFIX: &str = "/addon/events";

/// Where the mirror shows people its view of this upstream. Its events are received below the same path.
pub(crate) fn upstream_on_mirror(mirror: &MirrorServer) -> Option<String> {
    let called = mirror.events_url.strip_suffix(EVENTS_SUFFIX)?;
    let path = called.strip_prefix(&call_url(mirror))?;
    Some(format!("{}{path}", mirror.base_url))
}

/// Whether a link to a mirror stands in for credentials.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LinkAuthorization {
    /// It carries a token that opens the one resource for a while.
    Signed,
    /// It carries none and does not expire.
    Plain,
}

/// A link to the mirror's view of a repository. `None` if the mirror has unusual addresses.
pub(crate) fn link_to_repository(
    mirror: &MirrorServer,
    repository: RepositoryId,
    authorization: LinkAuthorization,
    now_seconds: i64,
) -> Option<String> {
    let href = format!("{}/repos/{repository}", upstream_on_mirror(mirror)?);
    if authorization == LinkAuthorization::Plain {
        return Some(href);
    }
    let token = token_for(mirror, "GET", &Url::parse(&href).ok()?, now_seconds, LINK_LIFETIME_SECONDS)?;
    Some(format!("{href}?jwt={token}"))
}

/// A token for one call to the mirror. `None` if the address is not below the mirror's base URL.
pub(crate) fn token_for(
    mirror: &MirrorServer,
    method: &str,
    url: &Url,
    now_seconds: i64,
    lifetime_seconds: i64,
) -> Option<String> {
    let base_url = Url::parse(&mirror.base_url).ok()?;
    let secret = Secret::new(mirror.shared_secret.as_str());
    let signer = Signer { issuer: &mirror.client_key, secret: &secret, base_url: &base_url };
    signer.token(method, url, now_seconds, lifetime_seconds)
}

#[cfg(test)]
mod tests {
    use heliostat_auth::{UnverifiedToken, query_string_hash};

    use super::*;
    use crate::fixture;

    const NOW: i64 = 1_764_000_000;

    #[test]
    fn a_link_opens_its_resource_and_no_other() {
        let mirror = fixture::mirror();
        let link = |authorization| {
            link_to_repository(&mirror, RepositoryId(42), authorization, NOW).expect("ordinary addresses")
        };
        let signed = link(LinkAuthorization::Signed);
        let (href, token) = signed.split_once("?jwt=").expect("a signed link");
        assert_eq!(link(LinkAuthorization::Plain), href);
        assert!(
            href.starts_with("https://mirror.example.com/eu/rest/mirroring/latest/upstreamServers/"),
            "{href}"
        );
        assert!(href.ends_with("/repos/42"), "{href}");

        let token = UnverifiedToken::parse(token).expect("a well-formed token");
        assert_eq!(token.issuer(), mirror.client_key);
        let secret = Secret::new(mirror.shared_secret.as_str());
        let path = href.strip_prefix("https://mirror.example.com/eu").expect("checked above");
        let hash = |path: &str| query_string_hash("GET", path, Some("jwt=anything"));
        assert!(token.verify(&secret, &hash(path), NOW + LINK_LIFETIME_SECONDS).is_ok());
        assert!(token.verify(&secret, &hash(&path.replace("/42", "/43")), NOW).is_err());
        assert!(token.verify(&secret, &hash(path), NOW + 2 * LINK_LIFETIME_SECONDS).is_err());
    }

    #[test]
    fn people_are_shown_the_base_url_wherever_the_mirror_is_called() {
        let mut mirror = fixture::mirror();
        let plain = |mirror: &MirrorServer| {
            link_to_repository(mirror, RepositoryId(42), LinkAuthorization::Plain, NOW)
        };
        let before = plain(&mirror).expect("ordinary addresses");
        for url in [&mut mirror.descriptor_uri, &mut mirror.events_url] {
            *url = url.replace("https://mirror.example.com", "http://10.0.0.7:7991");
        }
        assert_eq!(plain(&mirror), Some(before));
        // What lies elsewhere altogether has no place below the base URL.
        mirror.events_url = mirror.events_url.replace("10.0.0.7", "10.0.0.8");
        assert_eq!(plain(&mirror), None);
    }

    #[test]
    fn nothing_is_signed_for_other_servers() {
        let mirror = fixture::mirror();
        for url in [
            "https://evil.example.com/eu/x",
            "http://mirror.example.com/eu/x",
            "https://mirror.example.com/us/x",
        ] {
            let url = Url::parse(url).expect("a valid URL");
            assert_eq!(token_for(&mirror, "GET", &url, NOW, 60), None, "{url}");
        }
    }
}
