//! What a computation yields, and what a computation that nobody asked for yet can learn.

use std::fmt;
use std::io;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::sync::watch;

use crate::request_body::ByteStream;
use crate::serving::Turn;

/// A running computation of an answer. Dropping it ends the computation.
pub struct Production {
    /// The answer in pieces. An error says that it is incomplete: it is never stored then.
    pub output: ByteStream,
    /// The processor time that it took; asked once, after the end of the output.
    pub cost: Box<dyn FnOnce() -> Duration + Send>,
    /// Let go of when only readers that are slow hold the computation up.
    pub turn: Option<Turn>,
}

impl Production {
    /// The same, in this turn.
    pub(crate) fn holding(self, turn: Turn) -> Self {
        Self { turn: Some(turn), ..self }
    }
}

impl fmt::Debug for Production {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Production(..)")
    }
}

/// Why there is no answer at all. Nothing of it has reached anybody.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Unanswered<E> {
    /// The computation says why.
    #[error(transparent)]
    Failed(E),
    /// Its output broke before the first piece.
    #[error("the output of the computation broke before its first byte")]
    Broken(#[source] BrokenOutput),
}

/// An output error that several askers are told.
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

/// Tells an answer that is prepared that somebody now waits for it, so that it need not stand back any longer.
#[derive(Debug, Clone)]
pub struct Demand(pub(super) watch::Receiver<bool>);

impl Demand {
    /// Returns as soon as somebody asks for the answer; never, if nobody does.
    pub async fn wanted(mut self) {
        if self.0.wait_for(|wanted| *wanted).await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}
