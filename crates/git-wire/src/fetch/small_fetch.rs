//! A fetch in one question, in version 2 of the protocol: what is wanted, what is here, and no word between.
//!
//! It is for who has nearly everything already. What the other server does not know of what is here is simply not used, so
//! the answer may hold more than it has to, but never less.

use crate::names::{ObjectFormat, ObjectId};
use crate::packets::{PacketLine, decode_packet, push_flush, push_packet};

/// Side band of the pack itself.
const PACK_BAND: u8 = 1;

/// Side band of what is for people.
const PROGRESS_BAND: u8 = 2;

/// The body of `POST git-upload-pack` that asks for these objects, of which there is at least one.
pub fn small_fetch_request<'a>(
    wants: impl IntoIterator<Item = &'a ObjectId>,
    haves: impl IntoIterator<Item = &'a ObjectId>,
    format: ObjectFormat,
) -> Vec<u8> {
    let mut request = Vec::new();
    push_packet(&mut request, &[b"command=fetch\n"]);
    // Servers from before there were two hashes do not know the word.
    if format != ObjectFormat::Sha1 {
        push_packet(&mut request, &[b"object-format=", format.as_str().as_bytes(), b"\n"]);
    }
    request.extend_from_slice(b"0001");
    // Without deltas by place: those by name are resolved in any order.
    for word in ["thin-pack\n", "no-progress\n"] {
        push_packet(&mut request, &[word.as_bytes()]);
    }
    for object in wants {
        push_packet(&mut request, &[b"want ", object.as_bytes(), b"\n"]);
    }
    for object in haves {
        push_packet(&mut request, &[b"have ", object.as_bytes(), b"\n"]);
    }
    push_packet(&mut request, &[b"done\n"]);
    push_flush(&mut request);
    request
}

/// The pack in the answer; `None` when that is no whole pack.
pub fn small_fetch_pack(answer: &[u8]) -> Option<Vec<u8>> {
    let (first, length) = decode_packet(answer).ok()??;
    if !matches!(first, PacketLine::Data(line) if line.trim_ascii_end() == b"packfile") {
        return None;
    }
    let mut rest = &answer[length..];
    let mut pack = Vec::with_capacity(rest.len());
    loop {
        let (packet, length) = decode_packet(rest).ok()??;
        rest = &rest[length..];
        match packet {
            PacketLine::Flush if rest.is_empty() => return Some(pack),
            PacketLine::Data([PACK_BAND, bytes @ ..]) => pack.extend_from_slice(bytes),
            PacketLine::Data([PROGRESS_BAND, ..]) => {}
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{error_packet, spelled};

    #[test]
    fn everything_is_said_at_once() {
        let (new, old) = (ObjectId::parse("1".repeat(40)), ObjectId::parse("2".repeat(40)));
        let (new, old) = (new.expect("hex"), old.expect("hex"));
        let request = small_fetch_request([&new], [&old], ObjectFormat::Sha1);
        let (want, have) = (format!("want {new}"), format!("have {old}"));
        let lines =
            ["command=fetch", "|", "thin-pack", "no-progress", want.as_str(), have.as_str(), "done", "."];
        assert_eq!(request, spelled(&lines));
        let long = ObjectId::parse("1".repeat(64)).expect("hex");
        let request = small_fetch_request([&long], [], ObjectFormat::Sha256);
        assert!(request.windows(20).any(|part| part == b"object-format=sha256"));
    }

    #[test]
    fn a_pack_is_whole_or_none() {
        let whole = b"000dpackfile\n0009\x01PACK0007\x02a\n0006\x01x0000";
        assert_eq!(small_fetch_pack(whole).as_deref(), Some(&b"PACKx"[..]));
        for length in 0..whole.len() {
            assert_eq!(small_fetch_pack(&whole[..length]), None, "cut after {length} bytes");
        }
        let failed = b"000dpackfile\n0009\x01PACK0009\x03dead0000";
        let followed = [&whole[..], b"0000"].concat();
        for other in [&failed[..], &followed, &error_packet("not our ref")[..], b"", b"<html>"] {
            assert_eq!(small_fetch_pack(other), None);
        }
    }
}
