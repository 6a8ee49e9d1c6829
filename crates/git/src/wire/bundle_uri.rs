//! The answer to the command `bundle-uri` of protocol version 2: where a client may find a bundle to begin with.

use bytes::Bytes;

use crate::bundle::Bundle;
use crate::pkt_line::{PacketLine, encode_packet};
use crate::repository::Repository;

impl Repository {
    /// The whole answer to the command `bundle-uri`. To be advertised only while there is a [`Repository::bundle`].
    pub fn bundle_list(&self) -> Bytes {
        bundle_list(self.bundle().as_deref())
    }
}

/// The list of bundles: none or one. Its address is relative to the repository's, so that it is right behind any
/// proxy and in each role.
pub(crate) fn bundle_list(bundle: Option<&Bundle>) -> Bytes {
    let mut list = Vec::new();
    if let Some(bundle) = bundle {
        for (key, value) in keys(bundle) {
            let line = format!("{key}={value}");
            encode_packet(PacketLine::Data(line.as_bytes()), &mut list).expect("a short line fits");
        }
    }
    encode_packet(PacketLine::Flush, &mut list).expect("a flush fits");
    list.into()
}

/// What the list says, as settings of git.
fn keys(bundle: &Bundle) -> Vec<(String, String)> {
    let id = bundle.id();
    let pairs = [
        ("bundle.version".to_owned(), "1".to_owned()),
        ("bundle.mode".to_owned(), "all".to_owned()),
        // A client that has this one or a later one does not download it again.
        ("bundle.heuristic".to_owned(), "creationToken".to_owned()),
        (format!("bundle.{id}.uri"), format!("bundles/{id}.bundle")),
        (format!("bundle.{id}.creationToken"), bundle.creation_token().to_string()),
    ];
    pairs.into()
}
