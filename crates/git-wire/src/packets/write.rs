//! Writing many packets into one buffer, without an allocation for each.

use crate::packets::MAX_PACKET_LINE_BYTES;

/// What stands before the payload.
const LENGTH_DIGITS: usize = 4;

const HEX_DIGITS: &[u8; 16] = b"0123456789abcdef";

/// Appends a packet whose payload are these pieces, one after the other. The caller knows that they fit.
pub fn push_packet(output: &mut Vec<u8>, pieces: &[&[u8]]) {
    let length = LENGTH_DIGITS + pieces.iter().map(|piece| piece.len()).sum::<usize>();
    debug_assert!(length <= MAX_PACKET_LINE_BYTES, "{length}");
    let digit = |shift: usize| HEX_DIGITS[(length >> shift) & 0xf];
    output.extend_from_slice(&[digit(12), digit(8), digit(4), digit(0)]);
    for piece in pieces {
        output.extend_from_slice(piece);
    }
}

/// Appends the packet that ends a message.
pub fn push_flush(output: &mut Vec<u8>) {
    output.extend_from_slice(b"0000");
}

/// The packets of a request as tests spell it: `|` is a delimiter, `.` a flush, everything else a line.
#[cfg(any(test, feature = "testing"))]
pub fn spelled(lines: &[impl AsRef<str>]) -> Vec<u8> {
    let mut output = Vec::new();
    for line in lines {
        match line.as_ref() {
            "|" => output.extend_from_slice(b"0001"),
            "." => output.extend_from_slice(b"0000"),
            line => push_packet(&mut output, &[line.as_bytes(), b"\n"]),
        }
    }
    output
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{PacketLine, encode_packet};

    #[test]
    fn writes_what_the_framing_says() {
        let (mut pieces, mut whole) = (Vec::new(), Vec::new());
        let long = vec![b'x'; MAX_PACKET_LINE_BYTES - LENGTH_DIGITS - 2];
        for payload in [&[b"a".as_slice(), b"\n"], &[&long, b"yz"]] {
            push_packet(&mut pieces, payload);
            encode_packet(PacketLine::Data(&payload.concat()), &mut whole).expect("fits");
        }
        push_flush(&mut pieces);
        encode_packet(PacketLine::Flush, &mut whole).expect("fits");
        assert_eq!(pieces, whole);
    }
}
