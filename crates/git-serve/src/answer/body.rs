//! What goes back to a client that reads, and from where its bytes come.

use std::io;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use heliostat_git::{ByteStream, GitOutput};
use heliostat_stream_cache::{EntryReader, Piece};

use super::awaited::AwaitedAnswer;
use crate::beside_answer::BesideAnswer;
use crate::piece_bytes::{COPY_BYTES, read};

/// An answer that is stored or being stored, and what one client is told beside it.
#[derive(Debug)]
pub struct StoredAnswer {
    entry: EntryReader,
    beside: Option<BesideAnswer>,
}

impl StoredAnswer {
    pub(crate) fn new(entry: EntryReader, beside: Option<BesideAnswer>) -> Self {
        Self { entry, beside }
    }

    /// How long it is; `None` while that is not known.
    pub fn total_bytes(&self) -> Option<u64> {
        self.entry.total_bytes().filter(|_| self.beside.is_none())
    }

    /// Whether all of it was stored when it was last looked at.
    pub fn is_complete(&self) -> bool {
        !self.entry.is_growing()
    }

    /// The next piece of at most `limit_bytes`; `None` at the end. After an error the answer is incomplete.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        let entry = &mut self.entry;
        match &mut self.beside {
            None => entry.poll_piece(context, limit_bytes),
            Some(beside) => {
                beside.poll_piece(context, limit_bytes, |context, limit| entry.poll_piece(context, limit))
            }
        }
    }
}

/// The body of an answer to a client that reads.
#[derive(Debug)]
pub enum Answer {
    /// It is in memory.
    Whole(Bytes),
    /// It is stored, or being stored while it is computed.
    Stored(StoredAnswer),
    /// `git` makes it for this client alone.
    Streamed(GitOutput),
    /// It is not there yet, and its client is told so meanwhile.
    Awaited(AwaitedAnswer),
}

impl Answer {
    /// How long it is, if that is known.
    pub fn total_bytes(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Stored(answer) => answer.total_bytes(),
            Self::Streamed(_) | Self::Awaited(_) => None,
        }
    }

    /// The next piece, of at most `limit_bytes` where it comes from a file; `None` at the end.
    pub(super) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        match self {
            Self::Whole(bytes) if bytes.is_empty() => Poll::Ready(None),
            Self::Whole(bytes) => Poll::Ready(Some(Ok(Piece::Memory(std::mem::take(bytes))))),
            Self::Stored(answer) => answer.poll_piece(context, limit_bytes),
            Self::Streamed(output) => {
                output.poll_next_unpin(context).map(|piece| piece.map(|piece| piece.map(Piece::Memory)))
            }
            Self::Awaited(answer) => answer.poll_piece(context, limit_bytes),
        }
    }

    /// The bytes one after the other, copied through memory.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Whole(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Self::Streamed(output) => output.boxed(),
            Self::Stored(_) | Self::Awaited(_) => copied(self).boxed(),
        }
    }
}

fn copied(answer: Answer) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(answer, |mut answer| async move {
        let piece = std::future::poll_fn(|context| answer.poll_piece(context, COPY_BYTES)).await?;
        let bytes = match piece {
            Ok(piece) => read(piece).await,
            Err(error) => Err(error),
        };
        Some((bytes, answer))
    })
}
