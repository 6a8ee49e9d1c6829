//! Where mirrors are, and how they are called: addresses that are acceptable, signed calls and signed links.

mod addresses;
mod mirror_client;
mod signed_links;

pub use addresses::{call_url, internal_url};
pub(crate) use addresses::{called_at, descriptor_uri, mirror_base_url, text_of, url_below};
pub(crate) use mirror_client::tell;
pub use signed_links::LinkAuthorization;
pub(crate) use signed_links::{link_to_repository, token_for, upstream_on_mirror};
