//! What goes back to a client that reads, and from where its bytes come.

use std::io;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use heliostat_git::{ByteStream, ClientKey, GitOutput};
use heliostat_git_wire::RemoteMessage;
use heliostat_stream_cache::{EntryReader, Piece};

use crate::beside_answer::BesideAnswer;
use crate::elsewhere::Elsewhere;
use crate::piece_bytes::{COPY_BYTES, read};

/// A client that reads, and what its people are told beside its answer.
#[derive(Debug, Clone)]
pub struct GitReader {
    pub(crate) key: ClientKey,
    pub(crate) messages: Vec<RemoteMessage>,
    /// Where to ask about what the references here do not lead to.
    pub(crate) elsewhere: Option<Arc<dyn Elsewhere>>,
}

impl GitReader {
    /// One who is told this beside the answer, where the answer has room for it: before its pack, if that comes in
    /// packets. What is stored is the same for all.
    pub fn told(key: ClientKey, messages: Vec<RemoteMessage>) -> Self {
        Self { key, messages, elsewhere: None }
    }

    /// Tells this beside the answer, and nothing else.
    pub fn tell(&mut self, messages: Vec<RemoteMessage>) {
        self.messages = messages;
    }

    /// Among whom computing time is shared.
    pub fn key(&self) -> ClientKey {
        self.key
    }

    /// The same, who may have what this gives as well.
    #[must_use]
    pub fn asking(self, elsewhere: Arc<dyn Elsewhere>) -> Self {
        Self { elsewhere: Some(elsewhere), ..self }
    }
}

impl From<ClientKey> for GitReader {
    fn from(key: ClientKey) -> Self {
        Self::told(key, Vec::new())
    }
}

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
}

impl Answer {
    /// How long it is, if that is known.
    pub fn total_bytes(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.len() as u64),
            Self::Stored(answer) => answer.total_bytes(),
            Self::Streamed(_) => None,
        }
    }

    /// The bytes one after the other, copied through memory.
    pub fn into_stream(self) -> ByteStream {
        match self {
            Self::Whole(bytes) => stream::iter([Ok(bytes)]).boxed(),
            Self::Stored(answer) => copied(answer).boxed(),
            Self::Streamed(output) => output.boxed(),
        }
    }
}

fn copied(answer: StoredAnswer) -> impl Stream<Item = io::Result<Bytes>> + Send {
    stream::unfold(answer, |mut answer| async move {
        let piece = std::future::poll_fn(|context| answer.poll_piece(context, COPY_BYTES)).await?;
        let bytes = match piece {
            Ok(piece) => read(piece).await,
            Err(error) => Err(error),
        };
        Some((bytes, answer))
    })
}
