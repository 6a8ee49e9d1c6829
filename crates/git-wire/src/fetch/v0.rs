//! A request to fetch in protocol version 0 or 1: wants with capabilities, a flush, haves, and how they end.

use crate::fetch::{FetchDraft, FetchRequest, MultiAck, ProtocolVersion, RequestEnding, SideBand};
use crate::packets::{PacketLine, PacketReader, RequestError};

/// What the capabilities after the wants say.
#[derive(Debug, Default)]
struct Capabilities {
    side_band: SideBand,
    multi_ack: MultiAck,
    no_done: bool,
    filter: bool,
}

impl FetchRequest {
    /// Reads a request. Over HTTP each round is a request of its own, which repeats what was said before.
    pub fn parse_v0(request: &[u8]) -> Result<Self, RequestError> {
        let mut packets = PacketReader::new(request);
        let mut draft = FetchDraft::new(None);
        let mut capabilities = Capabilities::default();
        while let PacketLine::Data(line) = packets.expect("a want or a flush")? {
            if let Some(filter) = line.strip_prefix(b"filter ") {
                if !capabilities.filter {
                    return Err(RequestError::Contradiction("it has a filter without the capability"));
                }
                draft.filter(filter)?;
            } else if let Some(want) = line.strip_prefix(b"want ") {
                let end = want.iter().position(|byte| *byte == b' ').unwrap_or(want.len());
                draft.want(&want[..end])?;
                capabilities.take(&want[end..], &mut draft);
            } else if !draft.takes_history_line(line)? {
                return Err(unexpected("a want or a flush", line));
            }
        }
        let ending = read_haves(&mut packets, &mut draft)?;
        let Capabilities { side_band, multi_ack, no_done, filter: _ } = capabilities;
        draft.finish(ProtocolVersion::V0 { side_band, multi_ack, no_done }, ending)
    }
}

fn read_haves(packets: &mut PacketReader<'_>, draft: &mut FetchDraft) -> Result<RequestEnding, RequestError> {
    // A client that deepens asks first where its history will be cut, and says no more in that request.
    let Some(mut packet) = packets.next()? else {
        return Ok(RequestEnding::Boundary);
    };
    loop {
        let PacketLine::Data(line) = packet else {
            return Ok(RequestEnding::Negotiate);
        };
        if let Some(name) = line.strip_prefix(b"have ") {
            draft.have(name)?;
        } else if line == b"done" {
            return Ok(RequestEnding::Pack);
        } else {
            return Err(unexpected("a have, a flush or \"done\"", line));
        }
        packet = packets.expect("a have, a flush or \"done\"")?;
    }
}

impl Capabilities {
    fn take(&mut self, words: &[u8], draft: &mut FetchDraft) {
        let words = words.split(|byte| byte.is_ascii_whitespace());
        for word in words {
            match word {
                b"side-band-64k" => self.side_band = SideBand::Large,
                b"side-band" if self.side_band == SideBand::None => self.side_band = SideBand::Small,
                b"multi_ack_detailed" => self.multi_ack = MultiAck::Detailed,
                b"multi_ack" if self.multi_ack == MultiAck::None => {
                    self.multi_ack = MultiAck::Basic;
                }
                b"no-done" => self.no_done = true,
                b"filter" => self.filter = true,
                b"thin-pack" => draft.thin_pack = true,
                b"ofs-delta" => draft.ofs_delta = true,
                b"include-tag" => draft.include_tag = true,
                b"deepen-relative" => draft.deepen_relative = true,
                // The client's name, its session, progress, and what no server needs to know.
                _ => {}
            }
        }
    }
}

fn unexpected(expected: &'static str, found: &[u8]) -> RequestError {
    RequestError::UnexpectedPacket { expected, found: RequestError::quoted(found) }
}
