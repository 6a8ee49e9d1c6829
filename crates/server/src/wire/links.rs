//! Links as both roles write them, by the address that they lead to.

use heliostat_api::models::{RestLink, RestSelfLinks};

/// The link of a thing to itself, in the list that clients expect.
pub fn self_link(href: String) -> Vec<RestLink> {
    vec![RestLink { href }]
}

/// The links of a thing that has no other link than that to itself.
pub fn self_links(href: String) -> RestSelfLinks {
    RestSelfLinks { self_links: self_link(href) }
}
