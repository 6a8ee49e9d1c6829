//! Links as both roles write them, by the address that they lead to.

use heliostat_api::models::{RestLink, RestNamedLink, RestSelfLinks};

/// The link of a thing to itself, in the list that clients expect.
pub fn self_link(href: String) -> Vec<RestLink> {
    vec![RestLink { href }]
}

/// The links of a thing that has no other link than that to itself.
pub fn self_links(href: String) -> RestSelfLinks {
    RestSelfLinks { self_links: self_link(href) }
}

/// The links for git by HTTP to a repository on the server with this base URL, which ends without a slash.
pub fn http_links(base: &str, project_key: &str, slug: &str) -> Vec<RestNamedLink> {
    vec![RestNamedLink { name: "http".to_owned(), href: repository_url(base, project_key, slug) }]
}

/// The URL for git by HTTP of a repository.
pub fn repository_url(base: &str, project_key: &str, slug: &str) -> String {
    format!("{base}/scm/{}/{slug}.git", project_key.to_lowercase())
}
