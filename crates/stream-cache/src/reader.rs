//! One reader of one entry: what it has not taken yet, as regions of a file or as bytes in memory.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use tokio::sync::watch;

use crate::counters::Counters;
use crate::entry::{Begun, Entry, Next};
use crate::response_stream::Progress;

/// A part of an answer.
#[derive(Debug, Clone)]
pub enum Piece {
    /// A region of a file that holds nothing but answers; it can go from the file to the socket without a copy.
    File {
        /// The open file.
        file: Arc<File>,
        /// Where the region begins.
        offset: u64,
        /// How long it is, in bytes; never 0.
        length: u64,
    },
    /// Bytes that are in no file.
    Memory(Bytes),
}

impl Piece {
    /// How long it is, in bytes.
    pub fn length(&self) -> u64 {
        match self {
            Self::File { length, .. } => *length,
            Self::Memory(bytes) => bytes.len() as u64,
        }
    }
}

/// Reads an entry from its beginning, also while it is still growing. The computation of an entry that grows ends
/// when its last reader is dropped.
#[derive(Debug)]
pub struct EntryReader {
    source: Source,
    offset: u64,
    counters: Arc<Counters>,
}

#[derive(Debug)]
enum Source {
    /// All of it is in a file.
    Whole { file: Arc<File>, length: u64 },
    /// It was not whole when this reader last looked.
    Growing { entry: Arc<Entry>, slot: u64 },
}

impl EntryReader {
    /// Reads an answer that is whole.
    pub(crate) fn of_file(file: Arc<File>, length: u64, counters: Arc<Counters>) -> Self {
        Self { source: Source::Whole { file, length }, offset: 0, counters }
    }

    /// Reads an answer in the making; the entry knows the reader by its slot.
    pub(crate) fn of_entry(entry: Arc<Entry>, slot: u64, counters: Arc<Counters>) -> Self {
        Self { source: Source::Growing { entry, slot }, offset: 0, counters }
    }

    /// How long the whole answer is; `None` while that is not known.
    pub fn total_bytes(&self) -> Option<u64> {
        match &self.source {
            Source::Whole { length, .. } => Some(*length),
            Source::Growing { entry, .. } => entry.total_bytes(),
        }
    }

    /// Whether it was still growing when this reader last looked.
    pub fn is_growing(&self) -> bool {
        matches!(self.source, Source::Growing { .. })
    }

    /// How far its computation is, while it goes on and if it tells.
    pub fn progress(&self) -> Option<watch::Receiver<Progress>> {
        match &self.source {
            Source::Whole { .. } => None,
            Source::Growing { entry, .. } => entry.progress(),
        }
    }

    /// The next piece of at most `limit_bytes`; `None` at the end. Pending while the entry grows. After an error the
    /// answer is incomplete and will stay so.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        // A limit of 0 would look like the end.
        let limit_bytes = limit_bytes.max(1);
        loop {
            let piece = match &self.source {
                Source::Whole { file, length } => {
                    let length = limit_bytes.min(length - self.offset);
                    if length == 0 {
                        return Poll::Ready(None);
                    }
                    Piece::File { file: Arc::clone(file), offset: self.offset, length }
                }
                Source::Growing { entry, slot } => match entry.poll_next(*slot, limit_bytes, context) {
                    Poll::Pending => return Poll::Pending,
                    Poll::Ready(Next::Piece(piece)) => piece,
                    Poll::Ready(Next::End) => return Poll::Ready(None),
                    Poll::Ready(Next::Broken(error)) => return Poll::Ready(Some(Err(error.to_io_error()))),
                    Poll::Ready(Next::Settled { file, length }) => {
                        entry.leave(*slot);
                        self.source = Source::Whole { file, length };
                        continue;
                    }
                },
            };
            self.offset += piece.length();
            self.counters.served(piece.length());
            return Poll::Ready(Some(Ok(piece)));
        }
    }

    /// Whether there is something to read, or why there never will be. Takes nothing.
    pub(crate) fn poll_begun(&mut self, context: &mut Context<'_>) -> Poll<Begun> {
        match &self.source {
            Source::Whole { .. } => Poll::Ready(Begun::Flowing),
            Source::Growing { entry, slot } => entry.poll_begun(*slot, context),
        }
    }
}

impl Drop for EntryReader {
    fn drop(&mut self) {
        if let Source::Growing { entry, slot } = &self.source {
            entry.leave(*slot);
        }
    }
}
