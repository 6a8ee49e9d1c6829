//! Which addresses a mirror may have, and how they are written.

use heliostat_auth::path_below_base;
use heliostat_peer::PeerClient;
use heliostat_refusal::Refusal;
use url::Url;

/// Longest URL that is accepted from a mirror, in bytes.
const MAX_URL_BYTES: usize = 2_048;

/// Reads and checks a mirror's base URL.
pub(crate) fn mirror_base_url(client: &PeerClient, field: &str, text: &str) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if url.query().is_some() || url.path().contains("//") {
        return Err(Refusal::invalid(field, "The base URL has a query or an empty path segment."));
    }
    client
        .check_address(&url)
        .map_err(|refused| Refusal::invalid(field, format!("The address {refused}.")))?;
    Ok(url)
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

/// A URL with the origin, and below the path, of a mirror's base URL.
pub(crate) fn url_below(field: &str, text: &str, base_url: &Url) -> Result<Url, Refusal> {
    let url = web_address(field, text)?;
    if url.origin() != base_url.origin() || path_below_base(base_url.path(), url.path()).is_none() {
        return Err(Refusal::invalid(
            field,
            format!("The URL is not below the mirror's base URL {base_url}."),
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
    fn one_base_url_has_one_spelling() {
        for text in ["https://m.example.com/", "https://m.example.com", "HTTPS://M.example.com:443/"] {
            assert_eq!(text_of(&web_address("x", text).expect("a valid URL")), "https://m.example.com");
        }
    }
}
