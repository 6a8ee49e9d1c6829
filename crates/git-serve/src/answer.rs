//! What goes back to a client that reads, and from where its bytes come.

use std::hash::{DefaultHasher, Hash, Hasher};
use std::io;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use heliostat_git::{ByteStream, GitOutput};
use heliostat_stream_cache::{EntryReader, Piece};
use tokio::task::spawn_blocking;

/// Most that is read from an entry at once when it must pass through memory.
pub(crate) const COPY_BYTES: u64 = 256 * 1024;

/// A key for sharing computing time fairly among clients. Never part of what an answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ClientKey(u64);

impl ClientKey {
    /// The same for the same text, such as a user's name or an address.
    pub fn named(name: &str) -> Self {
        let mut hasher = DefaultHasher::new();
        name.hash(&mut hasher);
        Self(hasher.finish())
    }
}

/// The body of an answer to a client that reads.
#[derive(Debug)]
pub enum Answer {
    /// It is in memory.
    Whole(Bytes),
    /// It is stored, or being stored while it is computed.
    Stored(EntryReader),
    /// `git` makes it for this client alone.
    Streamed(GitOutput),
}

impl Answer {
    /// How long it is, if that is known.
    pub fn total_bytes(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Stored(entry) => entry.total_bytes(),
            Self::Streamed(_) => None,
        }
    }

    /// The bytes one after the other, copied through memory.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Whole(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Self::Stored(entry) => copied(entry).boxed(),
            Self::Streamed(output) => output.boxed(),
        }
    }
}

fn copied(entry: EntryReader) -> impl futures_util::Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(entry, |mut entry| async move {
        let piece = std::future::poll_fn(|context| entry.poll_piece(context, COPY_BYTES)).await?;
        let bytes = match piece {
            Ok(piece) => read(piece).await,
            Err(error) => Err(error),
        };
        Some((bytes, entry))
    })
}

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
