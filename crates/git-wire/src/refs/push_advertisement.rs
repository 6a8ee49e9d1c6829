//! The list of references that a client gets before it pushes.

use bytes::Bytes;

use super::advertisement::LegacyVersion;
use crate::names::ObjectId;
use crate::packets::{AGENT, push_flush, push_packet};
use crate::refs::RefSnapshot;

/// What may be asked of `git receive-pack` with our settings, in its order; what depends on the repository follows.
const CAPABILITIES: &str =
    "report-status report-status-v2 delete-refs side-band-64k quiet atomic ofs-delta push-options";

/// About how long a line is.
const LINE_BYTES: usize = 96;

/// The body of `GET info/refs?service=git-receive-pack`, as `git` would give it but for its own name. `None` when only
/// `git` can tell: the repository is shallow, or its hash is not known.
pub fn push_advertisement(refs: &RefSnapshot, version: LegacyVersion) -> Option<Bytes> {
    let format = refs.object_format().filter(|_| !refs.is_shallow())?;
    let mut output = Vec::with_capacity(1024 + refs.len() * LINE_BYTES);
    push_packet(&mut output, &[b"# service=git-receive-pack\n"]);
    push_flush(&mut output);
    if version == LegacyVersion::One {
        push_packet(&mut output, &[b"version 1\n"]);
    }
    let capabilities = format!("\0{CAPABILITIES} object-format={format} agent={AGENT}");
    let mut once = capabilities.as_bytes();
    for reference in refs.advertised_below(b"") {
        let capabilities = std::mem::take(&mut once);
        push_packet(&mut output, &[reference.object.as_bytes(), b" ", reference.name, capabilities, b"\n"]);
    }
    if !once.is_empty() {
        let none = ObjectId::zero(format);
        push_packet(&mut output, &[none.as_bytes(), b" capabilities^{}", once, b"\n"]);
    }
    push_flush(&mut output);
    Some(output.into())
}
