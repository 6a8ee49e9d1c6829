//! Reading the packets of a request that is in memory, one after the other and without copying them.

use crate::packets::{PacketLine, RequestError, decode_packet};

/// What has not been read yet.
#[derive(Debug, Clone, Copy)]
pub struct PacketReader<'a> {
    rest: &'a [u8],
}

impl<'a> PacketReader<'a> {
    pub fn new(request: &'a [u8]) -> Self {
        Self { rest: request }
    }

    /// What has not been read yet.
    pub fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// The next packet, without the line break at its end; `None` at the end of the request.
    pub fn next(&mut self) -> Result<Option<PacketLine<'a>>, RequestError> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let (packet, length) =
            decode_packet(self.rest)?.ok_or(RequestError::Truncated { expected: "the rest of a packet" })?;
        self.rest = &self.rest[length..];
        Ok(Some(match packet {
            PacketLine::Data(line) => PacketLine::Data(line.strip_suffix(b"\n").unwrap_or(line)),
            special => special,
        }))
    }

    /// The next packet of a request that must not end here.
    pub fn expect(&mut self, expected: &'static str) -> Result<PacketLine<'a>, RequestError> {
        self.next()?.ok_or(RequestError::Truncated { expected })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_lines_and_ends_where_the_request_ends() {
        let mut packets = PacketReader::new(b"0006a\n0006\n\n00010000");
        assert_eq!(packets.next(), Ok(Some(PacketLine::Data(b"a"))));
        assert_eq!(
            packets.next(),
            Ok(Some(PacketLine::Data(b"\n"))),
            "one line break belongs to the framing"
        );
        assert_eq!(packets.next(), Ok(Some(PacketLine::Delimiter)));
        assert_eq!(packets.expect("a flush"), Ok(PacketLine::Flush));
        assert_eq!(packets.next(), Ok(None));
        let missing = RequestError::Truncated { expected: "a flush" };
        assert_eq!(packets.expect("a flush"), Err(missing));
    }

    #[test]
    fn a_cut_packet_is_no_end() {
        for cut in [b"0006a".as_slice(), b"00", b"fff0"] {
            assert!(matches!(PacketReader::new(cut).next(), Err(RequestError::Truncated { .. })), "{cut:?}");
        }
        assert!(matches!(PacketReader::new(b"0003").next(), Err(RequestError::MalformedPacket(_))));
    }
}
