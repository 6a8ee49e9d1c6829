//! The list of references that clients of versions 0 and 1 get before they ask anything.

use bytes::Bytes;

use crate::names::{ObjectFormat, ObjectId};
use crate::packets::{AGENT, push_flush, push_packet};
use crate::refs::{AdvertisedRef, ListForm, RefSnapshot};

/// What may be asked of `git upload-pack` with our settings, in its order; what depends on the repository follows.
const CAPABILITIES: &str = "multi_ack thin-pack side-band side-band-64k ofs-delta shallow deepen-since deepen-not \
    deepen-relative no-progress include-tag multi_ack_detailed allow-tip-sha1-in-want \
    allow-reachable-sha1-in-want no-done";

/// A version of the protocol in which references come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LegacyVersion {
    /// Version 0.
    Zero,
    /// Version 1, which says its number first.
    One,
}

/// The body of `GET info/refs?service=git-upload-pack`, as `git` would give it but for its own name. `None` when only
/// `git` can tell: the repository is shallow, or its hash is not known.
pub fn advertisement(refs: &RefSnapshot, version: LegacyVersion) -> Option<Bytes> {
    let format = refs.object_format().filter(|_| !refs.is_shallow())?;
    let make = || encode(refs, format, version);
    Some(refs.rendered().get_or_make(&ListForm::Legacy(version), make))
}

fn encode(refs: &RefSnapshot, format: ObjectFormat, version: LegacyVersion) -> Bytes {
    let mut output = Vec::with_capacity(1024 + refs.len() * 96);
    push_packet(&mut output, &[b"# service=git-upload-pack\n"]);
    push_flush(&mut output);
    if version == LegacyVersion::One {
        push_packet(&mut output, &[b"version 1\n"]);
    }
    let mut capabilities = Some(capabilities(refs, format));
    for reference in refs.advertised_head().into_iter().chain(refs.advertised_below(b"")) {
        push_ref(&mut output, &reference, capabilities.take());
    }
    if let Some(capabilities) = capabilities {
        let none = ObjectId::zero(format);
        push_packet(&mut output, &[none.as_bytes(), b" capabilities^{}\0", &capabilities, b"\n"]);
    }
    push_flush(&mut output);
    output.shrink_to_fit();
    output.into()
}

fn push_ref(output: &mut Vec<u8>, reference: &AdvertisedRef<'_>, capabilities: Option<Vec<u8>>) {
    let AdvertisedRef { name, object, peeled, .. } = reference;
    let separator: &[u8] = if capabilities.is_some() { b"\0" } else { b"" };
    let capabilities = capabilities.unwrap_or_default();
    push_packet(output, &[object.as_bytes(), b" ", name, separator, &capabilities, b"\n"]);
    if let Some(peeled) = peeled {
        push_packet(output, &[peeled.as_bytes(), b" ", name, b"^{}\n"]);
    }
}

fn capabilities(refs: &RefSnapshot, format: ObjectFormat) -> Vec<u8> {
    let mut words = CAPABILITIES.as_bytes().to_vec();
    if let Some(target) = refs.advertised_head().and_then(|head| head.symbolic_target) {
        words.extend_from_slice(b" symref=HEAD:");
        words.extend_from_slice(target);
    }
    words.extend_from_slice(format!(" filter object-format={format} agent={AGENT}").as_bytes());
    words
}
