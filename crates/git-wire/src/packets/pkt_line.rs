//! The framing of Git's wire protocol: four hex digits of length, then the payload. No I/O.

use bytes::Bytes;
use thiserror::Error;

/// Longest packet including its four length digits.
pub const MAX_PACKET_LINE_BYTES: usize = 65_520;

/// Digits that say how long a packet is, themselves included.
pub(crate) const LENGTH_DIGITS: usize = 4;

/// One packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PacketLine<'a> {
    /// `0000`: the end of a list or of a message.
    Flush,
    /// `0001`: the end of a section (version 2).
    Delimiter,
    /// `0002`: the end of a response on a stateless connection (version 2).
    ResponseEnd,
    /// The payload.
    Data(&'a [u8]),
}

/// What is wrong with packets that were received or are to be sent.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[non_exhaustive]
pub enum PacketLineError {
    /// The first four bytes are not hex digits.
    #[error("packet length {0:?} is not four hex digits")]
    BadLength(String),
    /// The length is one that no packet has.
    #[error("packet length {0} is not allowed")]
    ForbiddenLength(usize),
    /// The payload does not fit into a packet.
    #[error("a payload of {0} bytes does not fit into a packet")]
    TooLong(usize),
}

/// Reads the packet at the start of `input`, and how many bytes it takes. `None`: more input is needed. A length is
/// refused before anything would have to be held for it.
pub fn decode_packet(input: &[u8]) -> Result<Option<(PacketLine<'_>, usize)>, PacketLineError> {
    let Some(digits) = input.get(..LENGTH_DIGITS) else {
        return Ok(None);
    };
    let length = match read_length(digits) {
        Some(length) => length,
        None => {
            return Err(PacketLineError::BadLength(String::from_utf8_lossy(digits).into_owned()));
        }
    };
    match length {
        0 => Ok(Some((PacketLine::Flush, LENGTH_DIGITS))),
        1 => Ok(Some((PacketLine::Delimiter, LENGTH_DIGITS))),
        2 => Ok(Some((PacketLine::ResponseEnd, LENGTH_DIGITS))),
        LENGTH_DIGITS..=MAX_PACKET_LINE_BYTES => {
            Ok(input.get(LENGTH_DIGITS..length).map(|payload| (PacketLine::Data(payload), length)))
        }
        _ => Err(PacketLineError::ForbiddenLength(length)),
    }
}

/// Appends a packet to `output`.
pub fn encode_packet(packet: PacketLine<'_>, output: &mut Vec<u8>) -> Result<(), PacketLineError> {
    match packet {
        PacketLine::Flush => output.extend_from_slice(b"0000"),
        PacketLine::Delimiter => output.extend_from_slice(b"0001"),
        PacketLine::ResponseEnd => output.extend_from_slice(b"0002"),
        PacketLine::Data(payload) if payload.len() > MAX_PACKET_LINE_BYTES - LENGTH_DIGITS => {
            return Err(PacketLineError::TooLong(payload.len()));
        }
        PacketLine::Data(payload) => {
            output.extend_from_slice(format!("{:04x}", payload.len() + LENGTH_DIGITS).as_bytes());
            output.extend_from_slice(payload);
        }
    }
    Ok(())
}

/// A packet that makes a client stop and show `message`. Cut when it is too long for a packet.
pub fn error_packet(message: &str) -> Bytes {
    let room = MAX_PACKET_LINE_BYTES - LENGTH_DIGITS - "ERR ".len();
    let mut packet = Vec::new();
    let payload = format!("ERR {}", &message[..message.floor_char_boundary(room)]);
    encode_packet(PacketLine::Data(payload.as_bytes()), &mut packet).expect("the message was cut to fit");
    packet.into()
}

/// Whether the last packet in `output` is an error that the client will show.
pub fn ends_with_error_packet(output: &[u8]) -> bool {
    let starts = output.windows(LENGTH_DIGITS).enumerate().rev().filter(|(_, window)| *window == b"ERR ");
    starts.map(|(index, _)| index).any(|index| {
        let digits = index.checked_sub(LENGTH_DIGITS).map(|start| &output[start..index]);
        digits.and_then(read_length) == Some(output.len() - index + LENGTH_DIGITS)
    })
}

/// Watches an answer for the packet that tells of a failure in its middle, in the band for that. Git writes such a packet
/// in two parts, and nothing after it.
#[derive(Debug, Default)]
pub struct FatalErrorWatch {
    /// The end of what has come so far.
    recent: Vec<u8>,
}

impl FatalErrorWatch {
    /// Takes the next piece, and says whether such a packet ends with it.
    pub fn ends_with(&mut self, piece: &[u8]) -> bool {
        const FATAL_BAND: u8 = 3;
        // Git's texts for it are short.
        const LONGEST_PACKET_BYTES: usize = 1024;
        self.recent.extend_from_slice(&piece[piece.len().saturating_sub(LONGEST_PACKET_BYTES)..]);
        self.recent.drain(..self.recent.len().saturating_sub(LONGEST_PACKET_BYTES));
        self.recent.windows(LENGTH_DIGITS + 1).enumerate().any(|(index, start)| {
            start[LENGTH_DIGITS] == FATAL_BAND
                && read_length(&start[..LENGTH_DIGITS]) == Some(self.recent.len() - index)
        })
    }
}

/// The length that these four digits tell.
pub(crate) fn read_length(digits: &[u8]) -> Option<usize> {
    let mut bytes = [0; 2];
    hex::decode_to_slice(digits, &mut bytes).ok()?;
    Some(u16::from_be_bytes(bytes).into())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn encoded(packet: PacketLine<'_>) -> Vec<u8> {
        let mut output = Vec::new();
        encode_packet(packet, &mut output).expect("fits");
        output
    }

    #[test]
    fn decoding_reads_what_encoding_wrote() {
        let longest = vec![b'x'; MAX_PACKET_LINE_BYTES - 4];
        let packets = [
            PacketLine::Flush,
            PacketLine::Delimiter,
            PacketLine::ResponseEnd,
            PacketLine::Data(b""),
            PacketLine::Data(b"want\n"),
            PacketLine::Data(&longest),
        ];
        for packet in packets {
            let mut bytes = encoded(packet);
            let length = bytes.len();
            bytes.extend_from_slice(b"rest");
            assert_eq!(decode_packet(&bytes), Ok(Some((packet, length))));
            assert_eq!(decode_packet(&bytes[..length - 1]), Ok(None));
        }
        assert_eq!(encoded(PacketLine::Data(b"a\n")), b"0006a\n");
    }

    #[test]
    fn impossible_lengths_are_refused_at_once() {
        assert_eq!(decode_packet(b"0003"), Err(PacketLineError::ForbiddenLength(3)));
        assert_eq!(decode_packet(b"fff1"), Err(PacketLineError::ForbiddenLength(0xfff1)));
        assert_eq!(decode_packet(b"00g0"), Err(PacketLineError::BadLength("00g0".into())));
        assert_eq!(decode_packet(b"+004"), Err(PacketLineError::BadLength("+004".into())));
        assert_eq!(decode_packet(b"00"), Ok(None));
        let too_long = vec![0; MAX_PACKET_LINE_BYTES];
        let refused = encode_packet(PacketLine::Data(&too_long), &mut Vec::new());
        assert_eq!(refused, Err(PacketLineError::TooLong(MAX_PACKET_LINE_BYTES)));
    }

    #[test]
    fn an_error_always_fits() {
        assert_eq!(&error_packet("no")[..], b"000aERR no");
        let long = error_packet(&"ü".repeat(MAX_PACKET_LINE_BYTES));
        assert!(
            matches!(decode_packet(&long), Ok(Some((PacketLine::Data(_), length))) if length == long.len())
        );
    }

    #[test]
    fn an_error_at_the_end_is_found() {
        assert!(ends_with_error_packet(&error_packet("no")));
        assert!(ends_with_error_packet(&[b"0008NAK\n".as_slice(), &error_packet("ERR ERR ")].concat()));
        assert!(!ends_with_error_packet(&[&error_packet("no")[..], b"0000"].concat()));
        assert!(!ends_with_error_packet(b"ERR no"));
        assert!(!ends_with_error_packet(b""));
    }

    #[test]
    fn failures_in_the_middle_of_an_answer_are_found() {
        let fatal = encoded(PacketLine::Data(b"\x03aborting"));
        let pack = encoded(PacketLine::Data(b"\x01PACK 0fff\x03more"));
        let answer = [&pack.repeat(100)[..], &fatal].concat();
        for piece_bytes in [1, 5, 7, answer.len()] {
            let mut watch = FatalErrorWatch::default();
            let found = answer.chunks(piece_bytes).map(|piece| watch.ends_with(piece));
            let found: Vec<bool> = found.collect();
            assert_eq!(found.iter().filter(|found| **found).count(), 1, "in pieces of {piece_bytes}");
            assert_eq!(found.last(), Some(&true));
            assert!(!watch.ends_with(b"0000"));
        }
        for other in [&pack[..], b"", b"\x03", b"0008\x03"] {
            assert!(!FatalErrorWatch::default().ends_with(other), "{other:?}");
        }
    }
}
