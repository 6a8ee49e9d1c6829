//! Data as zlib has compressed it, of which is known how long it is.

use flate2::{Decompress, FlushDecompress, Status};

/// The data at the start of `input`, and how many bytes of it that takes; `None` unless it is exactly this long. The caller
/// has made sure that there is room for so much.
pub(super) fn inflate(input: &[u8], length: usize) -> Option<(Vec<u8>, usize)> {
    // One byte more, so that too much is noticed.
    let mut data = Vec::with_capacity(length + 1);
    let mut stream = Decompress::new(true);
    let status = stream.decompress_vec(input, &mut data, FlushDecompress::Finish).ok()?;
    let taken = usize::try_from(stream.total_in()).ok()?;
    (status == Status::StreamEnd && data.len() == length).then_some((data, taken))
}
