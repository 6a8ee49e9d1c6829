//! An answer that begins before it is there: what is wanted comes from another server first, which may take minutes.
//!
//! ```text
//!   lines before the pack | how far it is, and that the server lives | packets of the pack
//!   which are certain       until the answer is there                  of the answer
//!
//!                           how far it is, and that the server lives | all lines of the answer,
//!                           until the answer is there                  each in its band
//! ```
//!
//! The first is for answers of which it is known how they begin, the second for clients that read all lines in bands.
//!
//! What was sent cannot be taken back. So it begins only after a while, until which every failure is told as ever; later
//! ones are told in the band for what ends a client. Nothing that is told here becomes part of the answer.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use heliostat_git::GitError;
use heliostat_git_wire::{
    AllInBands, KEEP_ALIVE, KEEP_ALIVE_IN_BANDS, PacketLine, RemoteMessage, decode_packet, fatal_packet,
};
use heliostat_stream_cache::Piece;
use tokio::time::{Instant, Sleep, sleep};

use super::body::Answer;
use crate::beside_answer::ShownProgress;
use crate::piece_bytes::read;

/// How long an answer is waited for before its client is told something.
pub(crate) const TELL_AFTER: Duration = Duration::from_secs(3);

/// After so long without a byte the client is told that the server lives.
const KEEP_ALIVE_AFTER: Duration = Duration::from_secs(5);

/// How much is read from a file at once until the pack begins.
const HEAD_BYTES: u64 = 8 * 1024;

/// An answer on its way.
pub(crate) type Waited = BoxFuture<'static, Result<Answer, GitError>>;

/// What makes room for words before the answer.
pub(crate) enum Framing {
    /// This stands before the pack, and is sent at once.
    Head(Bytes),
    /// Every line names its band.
    InBands(AllInBands),
}

impl Framing {
    /// For a client that reads all lines in bands.
    pub(crate) fn in_bands() -> Self {
        Self::InBands(AllInBands::default())
    }

    pub(crate) fn is_head(&self) -> bool {
        matches!(self, Self::Head(_))
    }

    /// An answer that was not long in coming.
    pub(crate) fn of_answer(self, answer: Answer) -> Answer {
        match self {
            Self::Head(_) => answer,
            Self::InBands(_) => Answer::Awaited(AwaitedAnswer::at(Stage::begun(answer), self, None)),
        }
    }

    /// What tells a client that the server lives.
    fn keep_alive(&self) -> Bytes {
        match self {
            Self::Head(_) => KEEP_ALIVE,
            Self::InBands(_) => KEEP_ALIVE_IN_BANDS,
        }
    }
}

/// An answer that is not there yet, or comes in another framing than it is stored in.
pub struct AwaitedAnswer {
    framing: Framing,
    /// How far it is, for a client that shows it.
    progress: Option<ShownProgress>,
    /// What goes to the client next.
    ready: VecDeque<Bytes>,
    silence: Pin<Box<Sleep>>,
    stage: Stage,
}

/// How far the client has come.
enum Stage {
    Waiting(Waited),
    /// The answer is there, and its beginning is not sent as it is.
    Begun(Box<Begun>),
    Passing(Box<Answer>),
    Ended,
}

struct Begun {
    answer: Answer,
    /// The beginning of it, as far as the client has that already.
    beginning: BytesMut,
    reading: Option<BoxFuture<'static, io::Result<Bytes>>>,
}

impl Stage {
    fn begun(answer: Answer) -> Self {
        Self::Begun(Box::new(Begun { answer, beginning: BytesMut::new(), reading: None }))
    }
}

impl AwaitedAnswer {
    /// Its client has been waiting for a while.
    pub(crate) fn new(waited: Waited, framing: Framing, progress: Option<ShownProgress>) -> Self {
        Self::at(Stage::Waiting(waited), framing, progress)
    }

    fn at(stage: Stage, framing: Framing, progress: Option<ShownProgress>) -> Self {
        let ready = match &framing {
            Framing::Head(head) => VecDeque::from([head.clone()]),
            Framing::InBands(_) => VecDeque::new(),
        };
        let silence = Box::pin(sleep(KEEP_ALIVE_AFTER));
        Self { framing, progress, ready, silence, stage }
    }

    /// The next piece, of at most `limit_bytes` where it comes from a file; `None` at the end. After an error the answer
    /// is incomplete.
    pub fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limit_bytes: u64,
    ) -> Poll<Option<io::Result<Piece>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                self.silence.as_mut().reset(Instant::now() + KEEP_ALIVE_AFTER);
                return Poll::Ready(Some(Ok(Piece::Memory(bytes))));
            }
            match &mut self.stage {
                Stage::Waiting(waited) => match waited.as_mut().poll(context) {
                    Poll::Ready(outcome) => self.take(outcome),
                    Poll::Pending => ready!(self.poll_told(context)),
                },
                Stage::Begun(begun) => match &mut self.framing {
                    Framing::Head(head) => match ready!(begun.poll_beginning(context, head.len())) {
                        Ok(()) => self.take_beginning(),
                        Err(error) => return Poll::Ready(Some(Err(error))),
                    },
                    Framing::InBands(bands) => match ready!(begun.poll_bytes(context, HEAD_BYTES)) {
                        None => self.stage = Stage::Ended,
                        Some(Ok(bytes)) => {
                            let framed = bands.take(&bytes);
                            if bands.is_in_pack() {
                                self.pass();
                            }
                            if !framed.is_empty() {
                                self.ready.push_back(framed);
                            }
                        }
                        Some(Err(error)) => return Poll::Ready(Some(Err(error))),
                    },
                },
                Stage::Passing(answer) => return answer.poll_piece(context, limit_bytes),
                Stage::Ended => return Poll::Ready(None),
            }
        }
    }

    /// Ready when there is something to tell while the answer is waited for.
    fn poll_told(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if let Some(progress) = &mut self.progress
            && let Poll::Ready(lines) = progress.poll_lines(context)
        {
            self.ready.extend(lines.iter().map(RemoteMessage::packet));
            // It may be nothing; then it is to wake this task later.
            return Poll::Ready(());
        }
        ready!(self.silence.as_mut().poll(context));
        self.ready.push_back(self.framing.keep_alive());
        Poll::Ready(())
    }

    /// What was waited for has come.
    fn take(&mut self, outcome: Result<Answer, GitError>) {
        let last = self.progress.take().map(ShownProgress::last_lines).unwrap_or_default();
        self.ready.extend(last.iter().map(RemoteMessage::packet));
        match outcome {
            Ok(answer) => self.stage = Stage::begun(answer),
            Err(error) => {
                if !matches!(error, GitError::Refused { .. }) {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        "cannot answer a client that has been waiting"
                    );
                }
                self.fail(&words_of(&error));
            }
        }
    }

    /// As much of the answer is there as the client has of it already.
    fn take_beginning(&mut self) {
        let (Stage::Begun(begun), Framing::Head(head)) = (&mut self.stage, &self.framing) else { return };
        let beginning = std::mem::take(&mut begun.beginning).freeze();
        if beginning.starts_with(head) {
            let rest = beginning.slice(head.len()..);
            if !rest.is_empty() {
                self.ready.push_back(rest);
            }
            self.pass();
            return;
        }
        match refusal_in(&beginning) {
            Some(words) => self.fail(&words),
            None => {
                tracing::error!("an answer does not begin as its client was told");
                self.fail("the answer is another one than was expected: try again");
            }
        }
    }

    /// The rest of the answer goes to the client as it is.
    fn pass(&mut self) {
        if let Stage::Begun(begun) = std::mem::replace(&mut self.stage, Stage::Ended) {
            self.stage = Stage::Passing(Box::new(begun.answer));
        }
    }

    /// There will be no answer.
    fn fail(&mut self, words: &str) {
        self.ready.push_back(fatal_packet(words));
        self.stage = Stage::Ended;
    }
}

impl fmt::Debug for AwaitedAnswer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AwaitedAnswer").finish_non_exhaustive()
    }
}

impl Begun {
    /// Ready when so many bytes of the answer are there, or all of it.
    fn poll_beginning(&mut self, context: &mut Context<'_>, wanted: usize) -> Poll<io::Result<()>> {
        while self.beginning.len() < wanted {
            match ready!(self.poll_bytes(context, (wanted - self.beginning.len()) as u64)) {
                None => break,
                Some(bytes) => self.beginning.extend_from_slice(&bytes?),
            }
        }
        Poll::Ready(Ok(()))
    }

    /// The next bytes of the answer, read from where they lie; not more than this, where that is a file.
    fn poll_bytes(&mut self, context: &mut Context<'_>, limit_bytes: u64) -> Poll<Option<io::Result<Bytes>>> {
        loop {
            if let Some(reading) = &mut self.reading {
                let bytes = ready!(reading.as_mut().poll(context));
                self.reading = None;
                return Poll::Ready(Some(bytes));
            }
            match ready!(self.answer.poll_piece(context, limit_bytes)) {
                None => return Poll::Ready(None),
                Some(Ok(Piece::Memory(bytes))) => return Poll::Ready(Some(Ok(bytes))),
                Some(Ok(piece)) => self.reading = Some(read(piece).boxed()),
                Some(Err(error)) => return Poll::Ready(Some(Err(error))),
            }
        }
    }
}

/// Why there is no answer, for its client.
fn words_of(error: &GitError) -> String {
    match error {
        GitError::Refused { message, .. } => message.clone(),
        error if error.fault().is_some() => {
            "this server cannot read its copy of the repository at the moment: try again later".to_owned()
        }
        _ => "this server has failed to answer, and its log says why: try again later".to_owned(),
    }
}

/// What an answer says that is nothing but a refusal.
fn refusal_in(answer: &[u8]) -> Option<String> {
    match decode_packet(answer) {
        Ok(Some((PacketLine::Data(line), _))) => {
            Some(String::from_utf8_lossy(line.strip_prefix(b"ERR ")?.trim_ascii_end()).into_owned())
        }
        _ => None,
    }
}

#[cfg(test)]
#[path = "awaited_tests.rs"]
mod tests;
