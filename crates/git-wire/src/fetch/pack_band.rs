//! The pack in the answer to a fetch in version 2 of the protocol, freed from its side band while it comes.

use thiserror::Error;

use crate::packets::{PacketLine, PacketLineError, RequestError, decode_packet};

/// Side band of the pack itself.
const PACK_BAND: u8 = 1;

/// Side band of what is for people.
const PROGRESS_BAND: u8 = 2;

/// Side band of why there is no more.
const FATAL_BAND: u8 = 3;

/// Why an answer brings no pack.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum NoPack {
    /// The framing is broken.
    #[error(transparent)]
    Framing(#[from] PacketLineError),
    /// The server says why there is none, or not all of it.
    #[error("it says: {0}")]
    Refused(String),
    /// Something else stands in its place.
    #[error("there is something else where a pack was expected")]
    Unexpected,
}

/// What has come of an answer, as far as it is to be kept for the next piece: less than a packet.
#[derive(Debug, Default)]
pub struct PackBand {
    rest: Vec<u8>,
    /// What the last piece has brought for people.
    said: Vec<u8>,
    has_begun: bool,
    has_ended: bool,
}

impl PackBand {
    /// Takes the next piece of the answer, and gives what it brings of the pack.
    pub fn take(&mut self, piece: &[u8]) -> Result<Vec<u8>, NoPack> {
        self.rest.extend_from_slice(piece);
        self.said.clear();
        let mut pack = Vec::with_capacity(piece.len());
        let mut read = 0;
        while let Some((packet, length)) = decode_packet(&self.rest[read..])? {
            if self.has_ended {
                return Err(NoPack::Unexpected);
            }
            match packet {
                PacketLine::Data(line) if !self.has_begun => match line.strip_prefix(b"ERR ") {
                    Some(said) => return Err(NoPack::Refused(RequestError::quoted(said.trim_ascii()))),
                    None if line.trim_ascii_end() == b"packfile" => self.has_begun = true,
                    None => return Err(NoPack::Unexpected),
                },
                PacketLine::Data([PACK_BAND, bytes @ ..]) => pack.extend_from_slice(bytes),
                PacketLine::Data([PROGRESS_BAND, said @ ..]) => self.said.extend_from_slice(said),
                PacketLine::Data([FATAL_BAND, said @ ..]) => {
                    return Err(NoPack::Refused(RequestError::quoted(said.trim_ascii())));
                }
                PacketLine::Flush if self.has_begun => self.has_ended = true,
                _ => return Err(NoPack::Unexpected),
            }
            read += length;
        }
        self.rest.drain(..read);
        Ok(pack)
    }

    /// What the last piece has brought that is for people. Lines need not end where it does.
    pub fn said(&self) -> &[u8] {
        &self.said
    }

    /// Whether the answer has come to its end.
    pub fn has_ended(&self) -> bool {
        self.has_ended && self.rest.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::error_packet;

    const WHOLE: &[u8] = b"000dpackfile\n0009\x01PACK0007\x02a\n0006\x01x0000";

    #[test]
    fn a_pack_is_the_same_however_its_answer_is_cut() {
        for length in 1..=WHOLE.len() {
            let (mut band, mut pack, mut said) = (PackBand::default(), Vec::new(), Vec::new());
            for piece in WHOLE.chunks(length) {
                assert!(!band.has_ended());
                pack.extend(band.take(piece).expect("a pack"));
                said.extend_from_slice(band.said());
            }
            assert_eq!((pack.as_slice(), band.has_ended()), (&b"PACKx"[..], true), "in pieces of {length}");
            assert_eq!(said, b"a\n", "in pieces of {length}");
        }
    }

    #[test]
    fn what_is_no_pack_says_why() {
        let of = |answer: &[u8]| PackBand::default().take(answer).expect_err("no pack");
        let refused = NoPack::Refused("not our ref".to_owned());
        assert_eq!(of(&error_packet("not our ref")), refused);
        assert_eq!(of(b"000dpackfile\n0009\x01PACK0009\x03dead"), NoPack::Refused("dead".to_owned()));
        assert_eq!(of(&[WHOLE, b"0000"].concat()), NoPack::Unexpected);
        assert_eq!(of(b"0014acknowledgments\n"), NoPack::Unexpected);
        assert_eq!(of(b"0000"), NoPack::Unexpected);
        assert!(matches!(of(b"<html>"), NoPack::Framing(_)));
    }
}
