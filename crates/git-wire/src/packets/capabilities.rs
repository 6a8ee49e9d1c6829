//! What this server can do, as it says at the start of a conversation in version 2.

use bytes::Bytes;

use crate::names::ObjectFormat;
use crate::packets::{push_flush, push_packet};

/// What this server calls itself. Clients only show it.
pub const AGENT: &str = concat!("git/heliostat-", env!("CARGO_PKG_VERSION"));

/// Whether the server has bundles that a client may download before it fetches.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bundles {
    /// There are some, and the command `bundle-uri` lists them.
    Offered,
    /// There are none.
    None,
}

/// The body of `GET info/refs` in version 2: the capabilities, and nothing about references.
pub fn advertisement_v2(format: ObjectFormat, bundles: Bundles) -> Bytes {
    let agent = format!("agent={AGENT}\n");
    let object_format = format!("object-format={format}\n");
    let mut lines = vec![
        "version 2\n",
        &agent,
        "ls-refs=unborn\n",
        "fetch=shallow wait-for-done filter\n",
        "server-option\n",
        &object_format,
        // Clients ask by it only for what it names.
        "object-info=size\n",
    ];
    if bundles == Bundles::Offered {
        lines.push("bundle-uri\n");
    }
    let mut output = Vec::new();
    for line in lines {
        push_packet(&mut output, &[line.as_bytes()]);
    }
    push_flush(&mut output);
    output.into()
}
