//! Which request a server token was made for: the `qsh` claim.
//!
//! SHA-256 of `METHOD&path&query`, where the path is the one below the base URL and the query is brought into
//! one canonical order and encoding, so that both ends compute the same value from differently written URLs.

use std::collections::BTreeMap;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, percent_encode};
use sha2::{Digest, Sha256};

/// All but what is unreserved in a URL.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Query parameter that carries a token and is therefore no part of what it signs.
const TOKEN_PARAMETER: &str = "jwt";

/// The hash of a request; `path` is as sent (percent-encoded) and relative to the base URL.
pub fn query_string_hash(method: &str, path: &str, raw_query: Option<&str>) -> String {
    let canonical = format!(
        "{}&{}&{}",
        method.to_ascii_uppercase(),
        canonical_path(path),
        canonical_query(raw_query.unwrap_or_default())
    );
    hex::encode(Sha256::digest(canonical.as_bytes()))
}

/// The hash under which a mirror reads the repository at `repository_path`, such as `/scm/key/slug.git`.
///
/// It covers the repository and not the request, because git makes several requests with one header.
pub fn git_query_hash(repository_path: &str) -> String {
    query_string_hash("GET", repository_path, None)
}

/// The part of `path` below the context path `base_path`; `None` if it is not below it.
pub fn path_below_base<'a>(base_path: &str, path: &'a str) -> Option<&'a str> {
    let rest = path.strip_prefix(base_path.trim_end_matches('/'))?;
    match rest {
        "" => Some("/"),
        _ if rest.starts_with('/') => Some(rest),
        _ => None,
    }
}

fn canonical_path(path: &str) -> String {
    let trimmed = path.trim_end_matches('/').replace('&', "%26");
    if trimmed.starts_with('/') { trimmed } else { format!("/{trimmed}") }
}

fn canonical_query(raw_query: &str) -> String {
    let mut parameters: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for pair in raw_query.split('&').filter(|pair| !pair.is_empty()) {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        let name = decoded(name);
        if name != TOKEN_PARAMETER.as_bytes() {
            parameters.entry(encoded(&name)).or_default().push(encoded(&decoded(value)));
        }
    }
    let rendered: Vec<String> = parameters
        .into_iter()
        .map(|(name, mut values)| {
            values.sort_unstable();
            format!("{name}={}", values.join(","))
        })
        .collect();
    rendered.join("&")
}

fn encoded(bytes: &[u8]) -> String {
    percent_encode(bytes, RESERVED).to_string()
}

fn decoded(text: &str) -> Vec<u8> {
    percent_decode_str(&text.replace('+', " ")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn hash_of(canonical: &str) -> String {
        hex::encode(Sha256::digest(canonical.as_bytes()))
    }

    #[test]
    fn empty_query_still_ends_with_the_separator() {
        let hash = query_string_hash("post", "/rest/mirroring/latest/authenticate", None);
        assert_eq!(hash, hash_of("POST&/rest/mirroring/latest/authenticate&"));
        assert_eq!(query_string_hash("GET", "/", Some("")), hash_of("GET&/&"));
        assert_eq!(query_string_hash("GET", "", None), hash_of("GET&/&"));
    }

    #[test]
    fn query_is_sorted_decoded_joined_and_without_the_token() {
        let hash = query_string_hash("GET", "/a/", Some("z=1&b=x%20y&jwt=abc&b=a+b&e&t=%7e&u=ü"));
        assert_eq!(hash, hash_of("GET&/a&b=a%20b,x%20y&e=&t=~&u=%C3%BC&z=1"));
    }

    #[test]
    fn ampersands_in_the_path_are_escaped() {
        assert_eq!(query_string_hash("GET", "/a&b", None), hash_of("GET&/a%26b&"));
    }

    #[test]
    fn broken_escapes_are_taken_literally() {
        assert_eq!(query_string_hash("GET", "/", Some("a=%zz%4")), hash_of("GET&/&a=%25zz%254"));
    }

    #[test]
    fn context_path_is_removed() {
        assert_eq!(path_below_base("/bitbucket", "/bitbucket/rest/x"), Some("/rest/x"));
        assert_eq!(path_below_base("/bitbucket/", "/bitbucket"), Some("/"));
        assert_eq!(path_below_base("", "/rest/x"), Some("/rest/x"));
        assert_eq!(path_below_base("/", "/rest/x"), Some("/rest/x"));
        assert_eq!(path_below_base("/bit", "/bitbucket/rest"), None);
    }
}
