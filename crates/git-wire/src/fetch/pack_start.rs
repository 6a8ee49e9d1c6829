//! Where in an answer the pack begins, and with it the packets between which a server may tell people something.
//!
//! Before that place stand lines of the protocol, where a client expects nothing else. Behind it each packet says by its
//! first byte what it is: of the pack, for people, or fatal.

use bytes::Bytes;

use crate::fetch::{Deepen, FetchRequest, MultiAck, ProtocolVersion, RequestEnding, SideBand};
use crate::packets::{PacketLine, decode_packet};

/// What stands before the pack in version 2.
const PACK_SECTION: &[u8] = b"packfile\n";

/// Looks for the beginning of the pack in an answer that arrives in parts.
#[derive(Debug)]
pub struct PackStart {
    mark: Mark,
    /// A packet that has not arrived whole yet.
    held: Vec<u8>,
    lost: bool,
}

/// After which line the pack begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Section,
    /// The last acknowledgement, or that there is none.
    Acknowledged,
    /// The last acknowledgement: a round without one is not the last.
    Found,
    Never,
}

impl FetchRequest {
    /// Looks for the pack in the answer to this request.
    pub fn pack_start(&self) -> PackStart {
        let mark = match (self.version, self.ending) {
            (_, RequestEnding::Acknowledge | RequestEnding::Boundary) => Mark::Never,
            (ProtocolVersion::V2, _) => Mark::Section,
            (ProtocolVersion::V0 { .. }, RequestEnding::Pack) => Mark::Acknowledged,
            (ProtocolVersion::V0 { multi_ack: MultiAck::Detailed, no_done: true, .. }, _) => Mark::Found,
            (ProtocolVersion::V0 { .. }, _) => Mark::Never,
        };
        PackStart { mark, held: Vec::new(), lost: false }
    }

    /// What stands before the pack in its answer, whatever is in the repository; `None` where that is not known, or where the
    /// pack comes in no packets. A repository whose own history is cut says so before it.
    pub fn certain_head(&self) -> Option<Bytes> {
        let is_certain = self.ending == RequestEnding::Pack
            && self.is_side_band()
            && self.deepen == Deepen::No
            && self.shallow.is_empty()
            && !self.wants.is_empty();
        match self.version {
            // What is in common is not acknowledged to a client that has done with asking.
            ProtocolVersion::V2 if is_certain => Some(Bytes::from_static(b"000dpackfile\n")),
            ProtocolVersion::V0 { .. } if is_certain && self.haves.is_empty() => {
                Some(Bytes::from_static(b"0008NAK\n"))
            }
            _ => None,
        }
    }

    /// Whether the pack comes in packets, between which there is room for more.
    pub fn is_side_band(&self) -> bool {
        !matches!(self.version, ProtocolVersion::V0 { side_band: SideBand::None, .. })
    }
}

impl PackStart {
    /// Reads on, until it is found: how many bytes of `part` still stand before the pack. `None`: it begins later or never.
    pub fn find(&mut self, part: &[u8]) -> Option<usize> {
        if self.is_nowhere() {
            return None;
        }
        let held_before = self.held.len();
        self.held.extend_from_slice(part);
        let mut read = 0;
        loop {
            match decode_packet(&self.held[read..]) {
                Ok(Some((packet, length))) => {
                    read += length;
                    if self.ends_with(packet) {
                        return Some(read - held_before);
                    }
                }
                Ok(None) => {
                    self.held.drain(..read);
                    return None;
                }
                Err(_) => {
                    (self.lost, self.held) = (true, Vec::new());
                    return None;
                }
            }
        }
    }

    /// Whether it is known that it will not be found.
    pub fn is_nowhere(&self) -> bool {
        self.lost || self.mark == Mark::Never
    }

    /// Whether this packet is the last before the pack.
    fn ends_with(&self, packet: PacketLine<'_>) -> bool {
        let PacketLine::Data(line) = packet else { return false };
        match self.mark {
            Mark::Section => line == PACK_SECTION,
            Mark::Acknowledged => line == b"NAK\n" || is_last_acknowledgement(line),
            Mark::Found => is_last_acknowledgement(line),
            Mark::Never => false,
        }
    }
}

/// The ones before it say after the object why they are not the last.
fn is_last_acknowledgement(line: &[u8]) -> bool {
    line.strip_prefix(b"ACK ").is_some_and(|object| !object.contains(&b' '))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{Command, spelled};

    fn v2(lines: &[&str]) -> FetchRequest {
        let body = spelled(&[&["command=fetch", "object-format=sha1", "|"], lines, &["."]].concat());
        let command = Command::read(&body).expect("framed").expect("a command");
        FetchRequest::parse_v2(&command).expect("a fetch")
    }

    fn v0(lines: &[&str]) -> FetchRequest {
        FetchRequest::parse_v0(&spelled(lines)).expect("a fetch")
    }

    /// Where it is found, however the answer is cut.
    fn found(request: &FetchRequest, answer: &[u8]) -> Option<usize> {
        let whole = request.pack_start().find(answer);
        for length in 1..answer.len() {
            let (mut start, mut before) = (request.pack_start(), 0);
            let cut = answer.chunks(length).find_map(|part| {
                let found = start.find(part).map(|at| before + at);
                before += part.len();
                found
            });
            assert_eq!(cut, whole, "in parts of {length} bytes");
        }
        whole
    }

    #[test]
    fn the_pack_begins_after_the_last_line_before_it() {
        let (want, have) = (format!("want {}", "1".repeat(40)), format!("have {}", "2".repeat(40)));
        let ack = format!("ACK {}", "2".repeat(40));
        let section =
            [&spelled(&["acknowledgments", &ack, "ready", "|", "packfile"])[..], b"0009\x01PACK0000"]
                .concat();
        assert_eq!(found(&v2(&[&want, &have]), &section), Some(section.len() - 13));
        assert_eq!(found(&v2(&[&want, &have]), &spelled(&["acknowledgments", "NAK", "."])), None);
        assert_eq!(found(&v2(&[&want, &have, "wait-for-done"]), &section), None);
        let capable = format!("{want} multi_ack_detailed no-done side-band-64k");
        let negotiating = v0(&[&capable, ".", &have, "."]);
        let shallow = format!("shallow {}", "1".repeat(40));
        let steps = spelled(&[&shallow, ".", &format!("{ack} common"), &format!("{ack} ready"), "NAK", &ack]);
        assert_eq!(found(&negotiating, &[&steps[..], b"0006\x01P"].concat()), Some(steps.len()));
        assert_eq!(found(&negotiating, &spelled(&["NAK"])), None);
        let cloning = v0(&[&capable, ".", "done"]);
        assert_eq!(found(&cloning, b"0008NAK\n0006\x01P"), Some(8));
        assert!(cloning.is_side_band() && !v0(&[&want, ".", "done"]).is_side_band());
        assert_eq!(found(&v0(&[&capable, "deepen 1", "."]), &spelled(&[&shallow, "."])), None);
    }

    #[test]
    fn what_stands_before_the_pack_is_certain_where_nothing_is_left_to_be_found_out() {
        let (want, have) = (format!("want {}", "1".repeat(40)), format!("have {}", "2".repeat(40)));
        let shallow = format!("shallow {}", "2".repeat(40));
        for lines in [&[want.as_str(), "done"][..], &[&want, &have, "done"], &[&want]] {
            assert_eq!(v2(lines).certain_head().as_deref(), Some(&b"000dpackfile\n"[..]), "{lines:?}");
        }
        for more in [&have, &shallow, &"deepen 1".to_owned()] {
            let end = if more == &have { "thin-pack" } else { "done" };
            assert_eq!(v2(&[&want, more, end]).certain_head(), None, "{more}");
        }
        let capable = format!("{want} side-band");
        assert_eq!(v0(&[&capable, ".", "done"]).certain_head().as_deref(), Some(&b"0008NAK\n"[..]));
        assert_eq!(v0(&[&capable, ".", &have, "done"]).certain_head(), None);
        assert_eq!(v0(&[&want, ".", "done"]).certain_head(), None);
    }

    #[test]
    fn what_is_no_answer_has_no_pack() {
        let mut start = v2(&[&format!("want {}", "1".repeat(40)), "done"]).pack_start();
        assert_eq!((start.find(b"0004PACK"), start.is_nowhere()), (None, true));
        assert_eq!(start.find(b"000dpackfile\n"), None);
    }
}
