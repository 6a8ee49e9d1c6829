//! One reader of one entry: what it has not taken yet, as regions of a file or as bytes in memory.

use std::fs::File;
use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;

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

/// Reads an entry from its beginning, also while it is still growing.
#[derive(Debug)]
pub struct EntryReader {
    file: Arc<File>,
    offset: u64,
    end: u64,
}

impl EntryReader {
    /// How long the whole answer is; `None` while that is not known.
    pub fn total_bytes(&self) -> Option<u64> {
        Some(self.end)
    }

    /// The next piece of at most `limit_bytes`; `None` at the end. Pending while the entry grows.
    pub fn poll_piece(
        &mut self,
        _context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        let length = limit_bytes.min(self.end - self.offset);
        if length == 0 {
            return Poll::Ready(None);
        }
        let piece = Piece::File { file: Arc::clone(&self.file), offset: self.offset, length };
        self.offset += length;
        Poll::Ready(Some(Ok(piece)))
    }
}
