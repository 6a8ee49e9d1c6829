//! The answer to the command `bundle-uri` of protocol version 2: where a client may find a bundle to begin with.

use bytes::Bytes;
use heliostat_git_wire::{PacketLine, encode_packet};

use crate::bundle::Bundle;
use crate::served::ServedRepository;

/// Where the bundles lie, seen from the repository.
const FOLDER: &str = "bundles/";

/// What holds for the list. A client that has a bundle or a later one does not download it again.
const OF_ALL: [(&str, &str); 3] = [("version", "1"), ("mode", "all"), ("heuristic", "creationToken")];

impl ServedRepository {
    /// The whole answer to the command `bundle-uri`. To be advertised only while a bundle is offered.
    pub fn bundle_list(&self) -> Bytes {
        packet_list(self.offered_bundle().as_deref())
    }

    /// The same list as a file that `git clone --bundle-uri` reads. `folder` is put before the name of each bundle:
    /// nothing where the list lies beside the bundles, and the client looks for them there.
    pub fn bundle_list_file(&self, folder: &str) -> String {
        file_list(self.offered_bundle().as_deref(), folder)
    }
}

/// The list of bundles: none or one. Its address is relative to the repository's, so that it is right behind any
/// proxy and in each role.
pub(crate) fn packet_list(bundle: Option<&Bundle>) -> Bytes {
    let mut list = Vec::new();
    if let Some(bundle) = bundle {
        let mut lines: Vec<_> = OF_ALL.iter().map(|(key, value)| format!("bundle.{key}={value}")).collect();
        let id = bundle.id();
        lines.extend(of_one(bundle, FOLDER).map(|(key, value)| format!("bundle.{id}.{key}={value}")));
        for line in lines {
            encode_packet(PacketLine::Data(line.as_bytes()), &mut list).expect("a short line fits");
        }
    }
    encode_packet(PacketLine::Flush, &mut list).expect("a flush fits");
    list.into()
}

/// An empty list is one as well: a client that asks for it then fetches as usual.
pub(crate) fn file_list(bundle: Option<&Bundle>, folder: &str) -> String {
    let mut file = "[bundle]\n".to_owned();
    for (key, value) in OF_ALL {
        file.push_str(&format!("\t{key} = {value}\n"));
    }
    if let Some(bundle) = bundle {
        file.push_str(&format!("[bundle \"{}\"]\n", bundle.id()));
        for (key, value) in of_one(bundle, folder) {
            file.push_str(&format!("\t{key} = {value}\n"));
        }
    }
    file
}

fn of_one(bundle: &Bundle, folder: &str) -> [(&'static str, String); 2] {
    let address = format!("{folder}{}.bundle", bundle.id());
    // In lower case, as git gives settings: in a packet it knows no other spelling.
    [("uri", address), ("creationtoken", bundle.creation_token().to_string())]
}
