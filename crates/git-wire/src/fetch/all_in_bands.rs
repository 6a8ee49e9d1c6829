//! An answer of version 2 in which every line names its side band, and not those of the pack alone (`sideband-all`).
//!
//! Between all of its lines people can be told something, and be told that the server lives, as between those of the
//! pack. Only what stands before the pack is framed in another way.

use bytes::Bytes;

use crate::fetch::fatal_packet;
use crate::packets::{PacketLine, decode_packet, push_packet};

/// Side band of what the client itself reads.
const PRIMARY: &[u8] = &[1];

/// The last line before the pack.
const PACK_SECTION: &[u8] = b"packfile";

/// A packet with nothing for people: it keeps the connection alive, wherever it stands. `git` sends the same.
pub const KEEP_ALIVE_IN_BANDS: Bytes = Bytes::from_static(b"0005\x02");

/// Puts the lines of an answer into bands while it comes.
#[derive(Debug, Default)]
pub struct AllInBands {
    /// A line that has not come whole.
    held: Vec<u8>,
    is_in_pack: bool,
}

impl AllInBands {
    /// Whether the rest of the answer stays as it is.
    pub fn is_in_pack(&self) -> bool {
        self.is_in_pack
    }

    /// Takes the next piece of the answer, and gives what it becomes.
    pub fn take(&mut self, piece: &[u8]) -> Bytes {
        if self.is_in_pack {
            return Bytes::copy_from_slice(piece);
        }
        self.held.extend_from_slice(piece);
        let (mut framed, mut read) = (Vec::with_capacity(self.held.len() + 64), 0);
        while !self.is_in_pack {
            match decode_packet(&self.held[read..]) {
                Ok(Some((packet, length))) => {
                    match packet {
                        PacketLine::Data(line) => match line.strip_prefix(b"ERR ") {
                            Some(words) => {
                                framed.extend_from_slice(&fatal_packet(&String::from_utf8_lossy(words)));
                            }
                            None => {
                                push_packet(&mut framed, &[PRIMARY, line]);
                                self.is_in_pack = line.trim_ascii_end() == PACK_SECTION;
                            }
                        },
                        _ => framed.extend_from_slice(&self.held[read..read + length]),
                    }
                    read += length;
                }
                Ok(None) => break,
                // Whatever it is, it stays so.
                Err(_) => self.is_in_pack = true,
            }
        }
        if self.is_in_pack {
            framed.extend_from_slice(&self.held[read..]);
            self.held = Vec::new();
        } else {
            self.held.drain(..read);
        }
        framed.into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::packets::{error_packet, spelled};

    fn framed(answer: &[u8], length: usize) -> Vec<u8> {
        let mut bands = AllInBands::default();
        answer.chunks(length).flat_map(|piece| bands.take(piece)).collect()
    }

    #[test]
    fn lines_before_the_pack_are_framed_and_the_pack_stays() {
        let pack = b"0009\x01PACK0008\x02abc0000";
        let head = b"0010shallow-info0008a b\n0001000dpackfile\n";
        let answer = [&head[..], &pack[..]].concat();
        let head = b"0011\x01shallow-info0009\x01a b\n0001000e\x01packfile\n";
        let expected = [&head[..], &pack[..]].concat();
        for length in 1..=answer.len() {
            assert_eq!(framed(&answer, length), expected, "in pieces of {length}");
        }
        let round = spelled(&["acknowledgments", "NAK", "."]);
        assert_eq!(framed(&round, 5), b"0015\x01acknowledgments\n0009\x01NAK\n0000");
        assert_eq!(framed(&error_packet("no"), 3), b"0008\x03no\n");
        assert_eq!(framed(b"rubbish", 3), b"rubbish");
    }
}
