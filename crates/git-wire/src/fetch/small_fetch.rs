//! A fetch in one question, in version 2 of the protocol: what is wanted, what is here, and no word between.
//!
//! It is for who has nearly everything already, or nothing. What the other server does not know of what is here is simply not
//! used, so the answer may hold more than it has to, but never less.

use crate::fetch::PackBand;
use crate::names::{ObjectFormat, ObjectId};
use crate::packets::{push_flush, push_packet};

/// What is said of a small answer. Without deltas by place: those by name are resolved in any order.
const SMALL: &[&str] = &["thin-pack\n", "no-progress\n"];

/// What is said of a large answer. Progress is a sign of life while the other server counts what it will send.
const WHOLE: &[&str] = &["ofs-delta\n"];

/// The body of `POST git-upload-pack` that asks for these objects, of which there is at least one, where nearly all that
/// they need is here.
pub fn small_fetch_request<'a>(
    wants: impl IntoIterator<Item = &'a ObjectId>,
    haves: impl IntoIterator<Item = &'a ObjectId>,
    format: ObjectFormat,
) -> Vec<u8> {
    request(SMALL, wants, haves, format)
}

/// The same where nothing is here.
pub fn whole_fetch_request<'a>(
    wants: impl IntoIterator<Item = &'a ObjectId>,
    format: ObjectFormat,
) -> Vec<u8> {
    request(WHOLE, wants, [], format)
}

fn request<'a>(
    words: &[&str],
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
    for word in words {
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
    let mut band = PackBand::default();
    let pack = band.take(answer).ok()?;
    band.has_ended().then_some(pack)
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
        let lines = ["command=fetch", "|", "ofs-delta", want.as_str(), "done", "."];
        assert_eq!(whole_fetch_request([&new], ObjectFormat::Sha1), spelled(&lines));
        let long = ObjectId::parse("1".repeat(64)).expect("hex");
        let request = whole_fetch_request([&long], ObjectFormat::Sha256);
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
