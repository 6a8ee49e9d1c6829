//! What a client wants, read off a request for a fetch that passes by in pieces, in any version of the protocol.

use std::collections::BTreeSet;

use super::pkt_line::{PacketLine, decode_packet};
use crate::names::ObjectId;

/// What is known of the wants that have passed by.
#[derive(Debug, Default)]
pub struct PassingWants {
    /// The beginning of a packet.
    rest: Vec<u8>,
    is_unreadable: bool,
    wants: BTreeSet<ObjectId>,
}

impl PassingWants {
    /// Takes in the next piece of the request; says whether it was readable and wants nothing that is not known yet.
    pub fn adds_nothing(&mut self, piece: &[u8]) -> bool {
        let before = self.wants.len();
        self.read(piece);
        !self.is_unreadable && self.wants.len() == before
    }

    /// What is wanted so far; `None` when the request cannot be read.
    pub fn wants(&self) -> Option<&BTreeSet<ObjectId>> {
        (!self.is_unreadable).then_some(&self.wants)
    }

    fn read(&mut self, piece: &[u8]) {
        let mut rest = std::mem::take(&mut self.rest);
        rest.extend_from_slice(piece);
        let mut read = 0;
        while !self.is_unreadable {
            match decode_packet(&rest[read..]) {
                Ok(Some((packet, length))) => {
                    read += length;
                    if let PacketLine::Data(line) = packet {
                        self.read_line(line);
                    }
                }
                Ok(None) => break,
                Err(_) => self.is_unreadable = true,
            }
        }
        rest.drain(..read);
        self.rest = rest;
    }

    /// In versions 0 and 1, capabilities follow the first name.
    fn read_line(&mut self, line: &[u8]) {
        let Some(want) = line.strip_prefix(b"want ") else { return };
        let end = want.iter().position(|byte| !byte.is_ascii_hexdigit()).unwrap_or(want.len());
        match ObjectId::from_hex(&want[..end].to_ascii_lowercase()) {
            Some(object) => drop(self.wants.insert(object)),
            None => self.is_unreadable = true,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{push_flush, push_packet};

    #[test]
    fn wants_are_found_however_the_request_is_cut() {
        let [one, two, other] = ["1", "2", "3"].map(|digit| digit.repeat(40));
        let mut request = Vec::new();
        for line in [
            "command=fetch".to_owned(),
            format!("want {one} ofs-delta agent=git"),
            format!("want {two}\n"),
            format!("have {other}\n"),
        ] {
            push_packet(&mut request, &[line.as_bytes()]);
        }
        push_flush(&mut request);
        for length in [1, 7, 70, request.len()] {
            let mut passing = PassingWants::default();
            for piece in request.chunks(length) {
                passing.adds_nothing(piece);
            }
            let found: Vec<_> = passing.wants().expect("readable").iter().map(ObjectId::as_str).collect();
            assert_eq!(found, [one.as_str(), two.as_str()]);
            assert!(passing.adds_nothing(&request), "the same once more");
            let mut later = Vec::new();
            push_packet(&mut later, &[b"want ", other.as_bytes()]);
            assert!(!passing.adds_nothing(&later));
        }
    }

    #[test]
    fn what_cannot_be_read_is_told() {
        for rubbish in [&b"rubbish"[..], b"000awant x", b"0012want 12345678\n"] {
            let mut passing = PassingWants::default();
            assert!(!passing.adds_nothing(rubbish) && passing.wants().is_none());
        }
    }
}
