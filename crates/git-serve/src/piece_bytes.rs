//! The bytes of an answer that must pass through memory, read from where they lie.

use std::io;

use bytes::Bytes;
use heliostat_stream_cache::Piece;
use tokio::task::spawn_blocking;

/// Most that is read at once.
pub(crate) const COPY_BYTES: u64 = 256 * 1024;

/// The bytes of a piece.
pub(crate) async fn read(piece: Piece) -> io::Result<Bytes> {
    use std::os::unix::fs::FileExt;

    match piece {
        Piece::Memory(bytes) => Ok(bytes),
        Piece::File { file, offset, length } => spawn_blocking(move || {
            let mut buffer = vec![0; usize::try_from(length).map_err(io::Error::other)?];
            file.read_exact_at(&mut buffer, offset)?;
            Ok(Bytes::from(buffer))
        })
        .await
        .map_err(io::Error::other)?,
    }
}
