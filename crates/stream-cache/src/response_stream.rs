//! What a computation yields, and what a computation that no client asked for yet can learn.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use thiserror::Error;
use tokio::sync::watch;

/// Bytes that arrive in pieces.
pub type ByteStream = BoxStream<'static, io::Result<Bytes>>;

/// A running computation of an answer. Dropping it ends the computation.
pub struct ResponseStream {
    /// The answer in pieces. An error says that it is incomplete: it is never stored then.
    pub output: ByteStream,
    /// The processor time that it took; asked once, after the end of the output.
    pub cost: Box<dyn FnOnce() -> Duration + Send>,
    /// Let go of when only readers that are slow hold the computation up.
    pub permit: Option<Box<dyn Send>>,
    /// What it tells of itself while it goes on, if it does; no part of the answer.
    pub progress: Option<watch::Receiver<Progress>>,
    /// Who holds it up.
    pub pace: Pace,
}

/// Who holds a computation up.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Pace {
    /// Readers: it is never far ahead of the furthest.
    #[default]
    Readers,
    /// Nothing, as long as the disk has room for what it yields: others wait for its end. What is longer than an entry
    /// may be is written to the disk too, and not kept. It ends with its last reader.
    Own,
}

/// How far a computation is, in lines for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Progress {
    /// The steps that are done, the first one first.
    pub done: Vec<String>,
    /// The step that is under way.
    pub current: Option<String>,
}

impl ResponseStream {
    /// The same, with this permit to compute.
    pub fn with_permit(self, permit: impl Send + 'static) -> Self {
        Self { permit: Some(Box::new(permit)), ..self }
    }
}

impl fmt::Debug for ResponseStream {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ResponseStream(..)")
    }
}

/// Why there is no answer at all. Nothing of it has reached a client.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ResponseError<E> {
    /// The computation says why.
    #[error(transparent)]
    Failed(E),
    /// Its output broke before the first piece.
    #[error("the output of the computation broke before its first byte")]
    Broken(#[source] BrokenOutput),
}

/// An output error that several clients are told.
#[derive(Debug, Clone, Error)]
#[error(transparent)]
pub struct BrokenOutput(pub Arc<io::Error>);

impl PartialEq for BrokenOutput {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for BrokenOutput {}

impl BrokenOutput {
    /// The same as an error of its own.
    pub fn to_io_error(&self) -> io::Error {
        io::Error::new(self.0.kind(), self.clone())
    }
}

/// Tells an answer that is prepared that a client now waits for it, so that it need not stand back any longer.
#[derive(Debug, Clone)]
pub struct Interest(pub(crate) watch::Receiver<bool>);

impl Interest {
    /// Returns as soon as a client asks for the answer; never, if none does.
    pub async fn wanted(mut self) {
        if self.0.wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
