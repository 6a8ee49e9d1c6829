//! What one client is told beside an answer: messages for its people, and how far the computation is while it waits.
//!
//! An answer is the same for all who ask, and may be stored. So nothing that one client is told may become part of it:
//!
//! ```text
//!   lines of the protocol | messages | progress, while nothing comes | packets of the pack
//!   of the answer           beside     beside                          of the answer
//! ```
//!
//! There is room only where the pack begins: before it a client expects nothing else, and within it only one who has
//! read all of it knows where a packet ends. An answer without a pack in packets has no room at all.

use std::collections::VecDeque;
use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_util::future::BoxFuture;
use futures_util::{FutureExt, StreamExt, stream};
use heliostat_git::{ByteStream, GitOutput};
use heliostat_git_wire::{FetchRequest, KEEP_ALIVE, PackStart, RemoteMessage};
use heliostat_stream_cache::{Piece, Progress};
use tokio::sync::watch;
use tokio::time::{Instant, Sleep, sleep_until};

use crate::piece_bytes::{COPY_BYTES, read};

/// How much is read at once until the pack begins.
const HEAD_BYTES: u64 = 8 * 1024;

/// After so long without a byte of the pack, and then each time after so long, a client is told how far it is.
const PROGRESS_INTERVAL: Duration = Duration::from_secs(1);

/// What a client is told beside one answer.
#[derive(Debug)]
pub(crate) struct BesideAnswer {
    place: Place,
    messages: Vec<RemoteMessage>,
    progress: Option<ShownProgress>,
    /// What goes to the client next.
    ready: VecDeque<Bytes>,
    /// What is being read from the disk, to be looked at.
    reading: Option<Reading>,
}

/// A part of the answer on its way from the disk.
struct Reading(BoxFuture<'static, io::Result<Bytes>>);

impl std::fmt::Debug for Reading {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Reading(..)")
    }
}

/// How far the client has come.
#[derive(Debug)]
enum Place {
    Before(PackStart),
    /// All before the pack has been sent, and nothing of the pack.
    Start,
    Within,
}

impl BesideAnswer {
    /// What is told beside the answer to this request; `None` when there is nothing to tell, or no room for it.
    pub(crate) fn of(
        request: &FetchRequest,
        messages: Vec<RemoteMessage>,
        progress: Option<ShownProgress>,
    ) -> Option<Self> {
        let start = request.pack_start();
        let is_silent = messages.is_empty() && progress.is_none();
        if is_silent || start.is_nowhere() || !request.is_side_band() {
            return None;
        }
        let place = Place::Before(start);
        Some(Self { place, messages, progress, ready: VecDeque::new(), reading: None })
    }

    /// The next piece for the client; `next` gives the next one of the answer. Each of at most `limit_bytes`.
    pub(crate) fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
        limit_bytes: u64,
        mut next: impl FnMut(&mut Context<'_>, u64) -> Poll<Option<io::Result<Piece>>>,
    ) -> Poll<Option<io::Result<Piece>>> {
        loop {
            if let Some(bytes) = self.ready.pop_front() {
                return Poll::Ready(Some(Ok(Piece::Memory(bytes))));
            }
            if let Some(Reading(reading)) = &mut self.reading {
                let bytes = ready!(reading.as_mut().poll(context));
                self.reading = None;
                match bytes {
                    Ok(bytes) => self.take(bytes),
                    Err(error) => return Poll::Ready(Some(Err(error))),
                }
                continue;
            }
            if let Place::Within = self.place {
                return next(context, limit_bytes);
            }
            match next(context, limit_bytes.min(HEAD_BYTES)) {
                Poll::Ready(Some(Ok(Piece::Memory(bytes)))) => self.take(bytes),
                Poll::Ready(Some(Ok(piece))) => self.reading = Some(Reading(read(piece).boxed())),
                Poll::Ready(end) => return Poll::Ready(end),
                Poll::Pending => match (&self.place, &mut self.progress) {
                    (Place::Start, Some(progress)) => {
                        let lines = ready!(progress.poll_lines(context));
                        self.ready.extend(lines.iter().map(RemoteMessage::packet));
                    }
                    _ => return Poll::Pending,
                },
            }
        }
    }

    /// Takes the next part of the answer, which goes to the client together with what is told at this place.
    fn take(&mut self, mut bytes: Bytes) {
        if let Place::Before(start) = &mut self.place {
            let found = start.find(&bytes);
            if found.is_none() && start.is_nowhere() {
                self.place = Place::Within;
            }
            let Some(at) = found else {
                self.ready.push_back(bytes);
                return;
            };
            self.ready.push_back(bytes.split_to(at));
            self.ready.extend(self.messages.drain(..).map(|message| message.packet()));
            self.place = Place::Start;
        }
        // Between packets that only keep the connection alive there is room as well.
        if !bytes.chunks(KEEP_ALIVE.len()).all(|packet| packet == KEEP_ALIVE) {
            self.place = Place::Within;
            let last = self.progress.take().map(ShownProgress::last_lines).unwrap_or_default();
            self.ready.extend(last.iter().map(RemoteMessage::packet));
        }
        if !bytes.is_empty() {
            self.ready.push_back(bytes);
        }
    }
}

/// An answer that is made for one client, with what that one is told beside it.
pub(crate) fn with_beside(mut output: ByteStream, beside: Option<BesideAnswer>) -> GitOutput {
    let Some(mut beside) = beside else { return GitOutput::new(output) };
    let told = stream::poll_fn(move |context| {
        let next = |context: &mut Context<'_>, _| {
            output.poll_next_unpin(context).map(|piece| piece.map(|piece| piece.map(Piece::Memory)))
        };
        beside.poll_piece(context, COPY_BYTES, next)
    });
    let bytes = told.then(|piece| async move {
        match piece {
            Ok(piece) => read(piece).await,
            Err(error) => Err(error),
        }
    });
    GitOutput::new(bytes.boxed())
}

/// Progress as one client has been shown it.
#[derive(Debug)]
pub(crate) struct ShownProgress {
    /// What the computation tells; `None` when it tells nothing of itself.
    told: Option<watch::Receiver<Progress>>,
    /// In which words it is said how long it has been waited for, while nothing is told.
    timed: Option<&'static str>,
    /// How many steps that are done have been shown.
    steps: usize,
    /// The line that the next one takes the place of.
    passing: Option<String>,
    since: Instant,
    pause: Pin<Box<Sleep>>,
}

impl ShownProgress {
    /// Of a computation that tells this of itself, if it tells anything.
    pub(crate) fn new(told: Option<watch::Receiver<Progress>>) -> Self {
        let timed = told.is_none().then_some("Preparing the pack");
        Self::timed(told, timed)
    }

    /// Of what has to come from elsewhere first, which may tell this of itself.
    pub(crate) fn awaiting(told: Option<watch::Receiver<Progress>>) -> Self {
        Self::timed(told, Some("Waiting for what is wanted"))
    }

    fn timed(told: Option<watch::Receiver<Progress>>, timed: Option<&'static str>) -> Self {
        let since = Instant::now();
        let pause = Box::pin(sleep_until(since + PROGRESS_INTERVAL));
        Self { told, timed, steps: 0, passing: None, since, pause }
    }

    /// What is new, once in a while; there may be nothing.
    pub(crate) fn poll_lines(&mut self, context: &mut Context<'_>) -> Poll<Vec<RemoteMessage>> {
        ready!(self.pause.as_mut().poll(context));
        self.pause.as_mut().reset(Instant::now() + PROGRESS_INTERVAL);
        let mut lines = self.steps_done();
        let told = self.told.as_ref().map(|told| told.borrow().clone()).unwrap_or_default();
        let current = match self.timed {
            Some(words) if told == Progress::default() => {
                Some(format!("{words}: {} s", self.since.elapsed().as_secs()))
            }
            _ => told.current,
        };
        let is_new = current != self.passing || !lines.is_empty();
        if let Some(current) = current.filter(|_| is_new) {
            lines.push(RemoteMessage::passing(&current));
            self.passing = Some(current);
        } else if !lines.is_empty() {
            self.passing = None;
        }
        Poll::Ready(lines)
    }

    fn steps_done(&mut self) -> Vec<RemoteMessage> {
        let Some(told) = &self.told else { return Vec::new() };
        let told = told.borrow();
        let new = told.done.get(self.steps..).unwrap_or_default();
        let lines: Vec<_> = new.iter().map(|step| RemoteMessage::line(step)).collect();
        self.steps = told.done.len();
        lines
    }

    /// When it goes on: nothing, if nothing was shown before; and no line stays half said.
    pub(crate) fn last_lines(mut self) -> Vec<RemoteMessage> {
        if self.steps == 0 && self.passing.is_none() {
            return Vec::new();
        }
        let mut lines = self.steps_done();
        if let Some(passing) = self.passing.filter(|_| lines.is_empty()) {
            let end = if self.told.is_none() { ", done." } else { "" };
            lines.push(RemoteMessage::line(&(passing + end)));
        }
        lines
    }
}

#[cfg(test)]
#[path = "beside_answer_tests.rs"]
mod tests;
