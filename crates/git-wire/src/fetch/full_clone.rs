//! The clone of whole histories into an empty repository: what `git pack-objects` is told for it, and how its pack is
//! wrapped, as `git upload-pack` does both.
//!
//! For such a request upload-pack decides nothing: it starts pack-objects and passes the pack on. Without it the pack
//! is moved through one process less, which is a third of the computing time where most of the pack is copied.

use std::collections::VecDeque;

use bytes::Bytes;

use crate::fetch::{Deepen, FetchRequest, ProtocolVersion, RequestEnding, SideBand};
use crate::packets::{MAX_PACKET_LINE_BYTES, push_packet};

/// Most of the pack in a packet: length and side band stand before it.
const MAX_PACK_BYTES_IN_PACKET: usize = MAX_PACKET_LINE_BYTES - 5;

/// Side band of the pack.
const PACK: &[u8] = &[1];

/// Side band of what ends a client.
const FATAL: &[u8] = &[3];

/// A packet with nothing of the pack: it keeps the connection alive. `git` sends the same.
pub const KEEP_ALIVE: Bytes = Bytes::from_static(b"0005\x01");

/// What upload-pack says when pack-objects fails.
const PACK_FAILED: &str = "aborting due to possible repository corruption on the remote side.";

/// The only filter that is passed on from here; for others upload-pack says what is wrong with them.
const WITHOUT_BLOBS: &[u8] = b"blob:none";

/// What `git pack-objects` is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FullClone {
    /// Its options.
    pub options: Vec<&'static str>,
    /// Its input: the revisions.
    pub revisions: Bytes,
    /// What stands before the pack in the answer.
    head: Bytes,
}

impl FetchRequest {
    /// Whether it is a plain clone that leaves nothing out and takes deltas as they are stored.
    pub fn is_whole_clone(&self) -> bool {
        self.filter.is_none() && self.ofs_delta && self.as_full_clone().is_some()
    }

    /// How to make the answer without upload-pack; `None` when the request leaves something for that to decide.
    pub fn as_full_clone(&self) -> Option<FullClone> {
        let head = match self.version {
            ProtocolVersion::V2 => b"000dpackfile\n".as_slice(),
            ProtocolVersion::V0 { side_band: SideBand::Large, .. } => b"0008NAK\n",
            ProtocolVersion::V0 { .. } => return None,
        };
        let is_new = self.haves.is_empty() && self.shallow.is_empty() && self.deepen == Deepen::No;
        if !is_new || self.wants.is_empty() || self.ending != RequestEnding::Pack {
            return None;
        }
        let mut options = vec!["--revs", "--stdout", "--progress"];
        match self.filter.as_deref() {
            None => {}
            Some(WITHOUT_BLOBS) => options.push("--filter=blob:none"),
            Some(_) => return None,
        }
        let flags = [(self.ofs_delta, "--delta-base-offset"), (self.include_tag, "--include-tag")];
        options.extend(flags.iter().filter(|(is_set, _)| *is_set).map(|(_, option)| *option));
        let mut revisions = Vec::new();
        for want in self.wants_in_order() {
            revisions.extend_from_slice(want.as_str().as_bytes());
            revisions.push(b'\n');
        }
        revisions.extend_from_slice(b"--not\n\n");
        Some(FullClone { options, revisions: revisions.into(), head: Bytes::from_static(head) })
    }
}

/// An answer in which the pack is being wrapped: pieces that wait to be sent. No byte of the pack is copied.
#[derive(Debug)]
pub struct SidebandWriter(VecDeque<Bytes>);

impl SidebandWriter {
    /// The beginning of an answer.
    pub fn of(clone: &FullClone) -> Self {
        Self([clone.head.clone()].into())
    }

    /// The next piece to be sent, if there is one.
    pub fn next_piece(&mut self) -> Option<Bytes> {
        self.0.pop_front()
    }

    /// More of the pack.
    pub fn pack(&mut self, mut pack: Bytes) {
        while !pack.is_empty() {
            let part = pack.split_to(pack.len().min(MAX_PACK_BYTES_IN_PACKET));
            let mut packet = Vec::with_capacity(PACK.len() + 4);
            push_head(&mut packet, part.len());
            self.0.extend([packet.into(), part]);
        }
    }

    /// Nothing of the pack for a while.
    pub fn keep_alive(&mut self) {
        self.0.push_back(KEEP_ALIVE);
    }

    /// All of the pack was there.
    pub fn end(&mut self) {
        self.0.push_back(Bytes::from_static(b"0000"));
    }

    /// There will be no more of the pack.
    pub fn fail(&mut self) {
        self.fail_saying(PACK_FAILED);
    }

    /// The same, and why.
    pub fn fail_saying(&mut self, reason: &str) {
        let mut packet = Vec::new();
        push_packet(&mut packet, &[FATAL, reason.as_bytes()]);
        self.0.push_back(packet.into());
    }
}

/// What stands before so many bytes of the pack.
fn push_head(packet: &mut Vec<u8>, length: usize) {
    packet.extend_from_slice(format!("{:04x}", length + 4 + PACK.len()).as_bytes());
    packet.extend_from_slice(PACK);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Command, PacketLine, decode_packet, spelled};

    fn second(lines: &[&str]) -> FetchRequest {
        let body = spelled(&[&["command=fetch", "object-format=sha1", "|"], lines, &["."]].concat());
        let command = Command::read(&body).expect("framed").expect("a command");
        FetchRequest::parse_v2(&command).expect("a fetch")
    }

    fn want(digit: &str) -> String {
        format!("want {}", digit.repeat(40))
    }

    #[test]
    fn only_what_leaves_nothing_to_decide_is_a_plain_clone() {
        let (one, have) = (want("1"), format!("have {}", "2".repeat(40)));
        let plain = second(&[&one, "ofs-delta", "include-tag", "filter blob:none", "done"]);
        let plain = plain.as_full_clone().expect("a clone");
        let options = [
            "--revs",
            "--stdout",
            "--progress",
            "--filter=blob:none",
            "--delta-base-offset",
            "--include-tag",
        ];
        assert_eq!(plain.options, options);
        assert_eq!(plain.revisions, format!("{}\n--not\n\n", "1".repeat(40)));
        for more in [&["deepen 1", "done"][..], &[&have, "done"], &["filter tree:0", "done"]] {
            assert_eq!(second(&[&[one.as_str()], more].concat()).as_full_clone(), None, "{more:?}");
        }
        let v0 = |capabilities: &str| {
            let body = spelled(&[&format!("{one} {capabilities}"), ".", "done"]);
            FetchRequest::parse_v0(&body).expect("a fetch").as_full_clone()
        };
        assert_eq!(v0("side-band-64k").map(|clone| clone.head), Some(Bytes::from_static(b"0008NAK\n")));
        assert_eq!((v0("side-band"), v0("")), (None, None));
    }

    #[test]
    fn packs_are_wrapped_in_packets_that_fit() {
        let pack: Vec<u8> = (0..150_000_u32).map(|number| number as u8).collect();
        let mut writer = SidebandWriter::of(&second(&[&want("1"), "done"]).as_full_clone().expect("a clone"));
        writer.pack(pack.clone().into());
        writer.keep_alive();
        writer.end();
        let answer: Vec<u8> = std::iter::from_fn(|| writer.next_piece()).flatten().collect();
        let (mut rest, mut unwrapped, mut packets) = (answer.as_slice(), Vec::new(), 0);
        while !rest.is_empty() {
            let (packet, length) = decode_packet(rest).expect("framed").expect("whole");
            match packet {
                PacketLine::Data([1, part @ ..]) => unwrapped.extend_from_slice(part),
                PacketLine::Data(line) => assert_eq!(line, b"packfile\n"),
                other => assert_eq!((other, rest.len()), (PacketLine::Flush, length)),
            }
            (rest, packets) = (&rest[length..], packets + 1);
        }
        assert!(unwrapped == pack);
        assert_eq!(packets, 1 + 3 + 1 + 1);
    }

    #[test]
    fn failures_are_told_in_the_side_band_that_ends_a_client() {
        let mut writer = SidebandWriter::of(&second(&[&want("1"), "done"]).as_full_clone().expect("a clone"));
        writer.fail();
        let said: Vec<u8> = std::iter::from_fn(|| writer.next_piece()).skip(1).flatten().collect();
        let packet = decode_packet(&said).expect("framed").expect("whole").0;
        assert!(matches!(packet, PacketLine::Data([3, b'a', ..])), "{packet:?}");
    }
}
