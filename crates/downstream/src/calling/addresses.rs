//! Which addresses a mirror may have, and how they are written.
//!
//! A mirror that has another address for servers than for people describes itself at that one: where its descriptor lies is
//! where it is called. Administrators are shown both, and accept both.

use heliostat_auth::path_below_base;
use heliostat_peer::{AddressRefused, PeerClient};
use heliostat_refusal::Refusal;
use heliostat_storage::MirrorServer;
use url::Url;

/// Longest URL that is accepted from a mirror, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// Reads and checks a mirror's base URL.
pub(crate) fn mirror_base_url(client: &PeerClient, field: &str, text: &str) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if url.query().is_some() || url.path().contains("//") {
        return Err(Refusal::invalid(field, "The base URL has a query or an empty path segment."));
    }
    client.check_address(&url).map_err(|refused| not_called(field, &refused, "--base-url"))?;
    Ok(url)
}

/// An address that this server does not call. Mostly the mirror was started with one that means another machine here.
fn not_called(field: &str, refused: &AddressRefused, option: &str) -> Refusal {
    let message = format!(
        "The address {refused}. If the mirror is on another machine, start it with an address at which this server \
         reaches it as its {option}."
    );
    Refusal::invalid(field, message)
}

/// An http or https URL without credentials and fragment.
fn web_address(field: &str, text: &str) -> Result<Url, Refusal> {
    let invalid = |why: &str| Refusal::invalid(field, format!("{why}."));
    if text.len() > MAX_URL_BYTES {
        return Err(invalid("The URL is too long"));
    }
    let url =
        Url::parse(text.trim()).map_err(|error| invalid(&format!("The URL cannot be read: {error}")))?;
    if !["http", "https"].contains(&url.scheme()) || url.host().is_none() {
        return Err(invalid("The URL must start with http:// or https://"));
    }
    if !url.username().is_empty() || url.password().is_some() || url.fragment().is_some() {
        return Err(invalid("The URL must not contain credentials or a fragment"));
    }
    Ok(url)
}

/// Reads and checks where a mirror describes itself: below its base URL, or below the same path at another origin, at which
/// it is to be called then.
pub(crate) fn descriptor_uri(
    client: &PeerClient,
    field: &str,
    text: &str,
    base_url: &Url,
) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if path_below_base(base_url.path(), url.path()).is_none() {
        let message = format!("The URL does not lie below the path of the mirror's base URL {base_url}.");
        return Err(Refusal::invalid(field, message));
    }
    client.check_address(&url).map_err(|refused| not_called(field, &refused, "--internal-url"))?;
    Ok(url)
}

/// Where a mirror is called: at its base URL, or at the same path of the origin at which it describes itself.
pub(crate) fn called_at(base_url: &str, descriptor_uri: &str) -> Result<Url, url::ParseError> {
    let (base_url, descriptor_uri) = (Url::parse(base_url)?, Url::parse(descriptor_uri)?);
    if descriptor_uri.origin() == base_url.origin() {
        return Ok(base_url);
    }
    let mut called = descriptor_uri;
    called.set_path(base_url.path());
    called.set_query(None);
    Ok(called)
}

/// The address at which a mirror is called, if that is not its base URL.
pub fn internal_url(base_url: &str, descriptor_uri: &str) -> Option<String> {
    let called = called_at(base_url, descriptor_uri).ok()?;
    Some(text_of(&called)).filter(|called| called != base_url)
}

/// The address at which a mirror is called, without a slash at its end.
pub fn call_url(mirror: &MirrorServer) -> String {
    internal_url(&mirror.base_url, &mirror.descriptor_uri).unwrap_or_else(|| mirror.base_url.clone())
}

/// A URL with the origin, and below the path, of the address at which a mirror is called.
pub(crate) fn url_below(field: &str, text: &str, base_url: &Url) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if url.origin() != base_url.origin() || path_below_base(base_url.path(), url.path()).is_none() {
        return Err(Refusal::invalid(
            field,
            format!("The URL is not below {base_url}, where the mirror is called."),
        ));
    }
    Ok(url)
}

/// The one spelling of a base URL: without a slash at its end.
pub(crate) fn text_of(base_url: &Url) -> String {
    base_url.as_str().trim_end_matches('/').to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn descriptors_are_below_the_base_url() {
        let base_url = Url::parse("https://mirror.example.com/eu").expect("a valid URL");
        assert!(url_below("x", "https://mirror.example.com/eu/descriptor", &base_url).is_ok());
        assert!(url_below("x", "https://mirror.example.com:443/eu/a/../b", &base_url).is_ok());
        for text in [
            "https://mirror.example.com/us/descriptor",
            "https://mirror.example.com/eu/../us",
            "http://mirror.example.com/eu/x",
            "https://mirror.example.com:8443/eu/x",
            "https://mirror.example.com.evil.example/eu/x",
            "https://user@mirror.example.com/eu/x",
            "/eu/x",
            "file:///etc/passwd",
        ] {
            assert!(url_below("x", text, &base_url).is_err(), "{text}");
        }
    }

    #[test]
    fn a_mirror_is_called_where_it_describes_itself() {
        let base_url = "https://mirror.example.com/eu";
        let internal = |descriptor: &str| internal_url(base_url, descriptor);
        assert_eq!(internal("https://mirror.example.com/eu/rest/descriptor"), None);
        assert_eq!(internal("https://mirror.example.com:443/eu/rest/descriptor"), None);
        let inside = Some("http://10.0.0.7:7991/eu".to_owned());
        assert_eq!(internal("http://10.0.0.7:7991/eu/rest/descriptor?x=1"), inside);
        assert_eq!(internal("no URL"), None);
        let root = internal_url("https://mirror.example.com", "http://10.0.0.7:7991/rest/descriptor");
        assert_eq!(root.as_deref(), Some("http://10.0.0.7:7991"));
    }

    #[test]
    fn one_base_url_has_one_spelling() {
        for text in ["https://m.example.com/", "https://m.example.com", "HTTPS://M.example.com:443/"] {
            assert_eq!(text_of(&web_address("x", text).expect("a valid URL")), "https://m.example.com");
        }
    }
}
