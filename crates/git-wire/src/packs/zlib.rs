//! Compressed bytes, in memory: each stream begins anew with what the one before has left of tables and buffers.

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

/// The least room for what comes out of a stream.
const MIN_ROOM_BYTES: usize = 256;

/// What a stream takes besides the content, whatever that is; what does not fit makes room.
const STREAM_OVERHEAD_BYTES: usize = 64;

pub(super) struct Inflater(Decompress);

impl Inflater {
    pub(super) fn new() -> Self {
        Self(Decompress::new(true))
    }

    /// The content of the stream that begins here, which must have exactly this size, and the length of the stream. The
    /// caller bounds the size.
    pub(super) fn exactly(&mut self, input: &[u8], size: usize) -> Option<(Vec<u8>, usize)> {
        self.0.reset(true);
        // One byte more shows a content that is longer.
        let mut output = Vec::with_capacity(size + 1);
        let status = self.0.decompress_vec(input, &mut output, FlushDecompress::Finish).ok()?;
        let length = usize::try_from(self.0.total_in()).ok()?;
        (status == Status::StreamEnd && output.len() == size).then_some((output, length))
    }

    /// The content of the stream that begins here, at most so many bytes.
    pub(super) fn at_most(&mut self, input: &[u8], limit: usize) -> Option<Vec<u8>> {
        self.0.reset(true);
        let mut output = Vec::with_capacity(input.len().saturating_mul(4).min(limit).max(MIN_ROOM_BYTES));
        loop {
            let (read, written) = (self.0.total_in(), output.len());
            let rest = input.get(usize::try_from(read).ok()?..)?;
            let status = self.0.decompress_vec(rest, &mut output, FlushDecompress::None).ok()?;
            if output.len() > limit {
                return None;
            }
            if status == Status::StreamEnd {
                return Some(output);
            }
            if output.len() == output.capacity() {
                output.reserve(output.len());
            } else if output.len() == written && self.0.total_in() == read {
                return None;
            }
        }
    }
}

pub(super) struct Deflater(Compress);

impl Deflater {
    /// One that is quick: housekeeping packs anew what stays for long.
    pub(super) fn new() -> Self {
        Self(Compress::new(Compression::fast(), true))
    }

    /// Appends a stream with this content.
    pub(super) fn append(&mut self, content: &[u8], output: &mut Vec<u8>) {
        self.0.reset();
        loop {
            let read = usize::try_from(self.0.total_in()).unwrap_or(content.len()).min(content.len());
            output.reserve((content.len() - read) / 2 + STREAM_OVERHEAD_BYTES);
            let status = self.0.compress_vec(&content[read..], output, FlushCompress::Finish);
            if status.expect("what is compressed is in memory") == Status::StreamEnd {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_compressed_is_read_again_and_nothing_else() {
        let (mut deflater, mut inflater) = (Deflater::new(), Inflater::new());
        let long: Vec<u8> = (0..200_000_u32).flat_map(u32::to_be_bytes).collect();
        for content in [&b""[..], b"x", &[b'a'; 100_000], &long] {
            let mut output = b"before".to_vec();
            deflater.append(content, &mut output);
            let stream = &output[6..];
            let length = stream.len();
            assert_eq!(inflater.at_most(stream, content.len()).as_deref(), Some(content));
            let followed = [stream, b"rest"].concat();
            assert_eq!(inflater.exactly(&followed, content.len()), Some((content.to_vec(), length)));
            assert_eq!(inflater.exactly(stream, content.len() + 1), None);
            if !content.is_empty() {
                assert_eq!(inflater.exactly(stream, content.len() - 1), None);
                assert_eq!(inflater.at_most(stream, content.len() - 1), None);
            }
            assert_eq!(inflater.at_most(&stream[..length - 1], content.len()), None, "cut");
        }
        assert_eq!(inflater.at_most(b"no stream", 100), None);
    }
}
