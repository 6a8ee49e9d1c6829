//! The signature by which another server knows that a call is ours.

use heliostat_auth::{Claims, Secret, path_below_base, query_string_hash, sign};
use url::Url;

/// Who signs, and for which server.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The name under which the receiver knows us.
    pub issuer: &'a str,
    /// What only the receiver and we know.
    pub secret: &'a Secret,
    /// The receiver's base URL. Nothing is signed for an address that is not below it.
    pub base_url: &'a Url,
}

impl Signer<'_> {
    /// A token for one method of one address. `None` if the address is not below the receiver's base URL.
    pub fn token(&self, method: &str, url: &Url, now_seconds: i64, lifetime_seconds: i64) -> Option<String> {
        if self.base_url.origin() != url.origin() {
            return None;
        }
        let path = path_below_base(self.base_url.path(), url.path())?;
        let hash = query_string_hash(method, path, url.query());
        Some(sign(self.secret, &Claims::new(self.issuer, hash, now_seconds, lifetime_seconds)))
    }
}
