//! The body of a response that is stored in a file, or is being stored there while it is sent.

use std::fs::File;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use heliostat_git_serve::{AwaitedAnswer, Piece, StoredAnswer};
use http_body_util::BodyExt;
use hyper::body::{Body, Frame, SizeHint};
use parking_lot::Mutex;
use poem::{Response, ResponseBuilder};
use tokio::task::JoinHandle;

use super::answer_memory::NotInMemory;
use super::page_cache;
use super::sendfile_queue::{MAX_REGION_BYTES, SendfileQueue};

/// Regions shorter than this are copied: a call that writes them together with what is around them is cheaper than
/// one more call.
const MIN_REGION_BYTES: usize = 16 * 1024;

/// Where the parts of a stored answer come from.
pub trait Pieces: Send + Unpin + 'static {
    /// How long the whole answer is; `None` while that is not known.
    fn total_bytes(&self) -> Option<u64>;

    /// The next piece of at most `limit_bytes`; `None` at the end.
    fn poll_piece(&mut self, context: &mut Context<'_>, limit_bytes: u64) -> Poll<Option<io::Result<Piece>>>;
}

impl Pieces for StoredAnswer {
    fn total_bytes(&self) -> Option<u64> {
        StoredAnswer::total_bytes(self)
    }

    fn poll_piece(&mut self, context: &mut Context<'_>, limit_bytes: u64) -> Poll<Option<io::Result<Piece>>> {
        StoredAnswer::poll_piece(self, context, limit_bytes)
    }
}

impl Pieces for AwaitedAnswer {
    fn total_bytes(&self) -> Option<u64> {
        None
    }

    fn poll_piece(&mut self, context: &mut Context<'_>, limit_bytes: u64) -> Poll<Option<io::Result<Piece>>> {
        AwaitedAnswer::poll_piece(self, context, limit_bytes)
    }
}

/// Completes a response with the bytes of `entry`, for the connection that sends what is in `queue`.
pub fn stored_response<P: Pieces>(response: ResponseBuilder, entry: P, queue: SendfileQueue) -> Response {
    // What stands for regions of files must reach the connection as it is.
    response.extension(NotInMemory).body(poem::Body::from(StoredBody::new(entry, queue).boxed()))
}

/// Gives an entry's bytes to the connection whose queue it holds, and to no other.
struct StoredBody<P> {
    /// Never locked: it makes the body one that threads may share, as bodies must be.
    entry: Mutex<P>,
    queue: SendfileQueue,
    /// What is not sent yet, where the length of the whole is known.
    left: Option<u64>,
    waiting: Waiting,
    /// Why there is no more, as soon as what came before is on its way.
    broken: Option<io::Error>,
}

/// What must come from the disk first.
enum Waiting {
    Nothing,
    Bytes(JoinHandle<io::Result<Bytes>>),
    Region { file: Arc<File>, offset: u64, length: usize, loading: JoinHandle<io::Result<()>> },
}

impl<P: Pieces> StoredBody<P> {
    fn new(entry: P, queue: SendfileQueue) -> Self {
        let left = entry.total_bytes();
        StoredBody { entry: Mutex::new(entry), queue, left, waiting: Waiting::Nothing, broken: None }
    }

    fn poll_bytes(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        if let Some(outcome) = ready!(self.poll_waiting(context)) {
            return Poll::Ready(Some(outcome));
        }
        if let Some(error) = self.broken.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let entry = self.entry.get_mut();
        match ready!(entry.poll_piece(context, MAX_REGION_BYTES as u64)) {
            None => Poll::Ready(None),
            // An error ends the connection, and with it what it holds: words for the client. It sends them while it waits.
            Some(Err(error)) => {
                self.broken = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            Some(Ok(Piece::Memory(bytes))) => Poll::Ready(Some(Ok(bytes))),
            Some(Ok(Piece::File { file, offset, length })) => {
                let length = usize::try_from(length).map_err(io::Error::other)?;
                match self.take_region(file, offset, length) {
                    Some(outcome) => Poll::Ready(Some(outcome)),
                    None => self.poll_waiting(context),
                }
            }
        }
    }

    /// The bytes that stand for a region, or the bytes themselves; `None` when they must come from the disk first.
    fn take_region(&mut self, file: Arc<File>, offset: u64, length: usize) -> Option<io::Result<Bytes>> {
        if length < MIN_REGION_BYTES {
            let outcome = page_cache::read_at_once(&file, offset, length).transpose();
            if outcome.is_none() {
                self.waiting = Waiting::Bytes(page_cache::read_in_background(file, offset, length));
            }
            return outcome;
        }
        if page_cache::is_resident(&file, offset, length) {
            return Some(Ok(self.queue.put(file, offset, length)));
        }
        let loading = page_cache::load_in_background(file.clone(), offset, length);
        self.waiting = Waiting::Region { file, offset, length, loading };
        None
    }

    /// Waits for the disk; `None` when there was nothing to wait for.
    fn poll_waiting(&mut self, context: &mut Context<'_>) -> Poll<Option<io::Result<Bytes>>> {
        let outcome = match &mut self.waiting {
            Waiting::Nothing => return Poll::Ready(None),
            Waiting::Bytes(reading) => ready!(Pin::new(reading).poll(context)).map_err(io::Error::other),
            Waiting::Region { file, offset, length, loading } => {
                let loaded = ready!(Pin::new(loading).poll(context)).map_err(io::Error::other);
                loaded.map(|loaded| loaded.map(|()| self.queue.put(file.clone(), *offset, *length)))
            }
        };
        self.waiting = Waiting::Nothing;
        Poll::Ready(Some(outcome.flatten()))
    }

    /// Notes what is sent; more or less than was promised is an error.
    fn account_for(&mut self, outcome: Option<io::Result<Bytes>>) -> Option<io::Result<Bytes>> {
        let Some(left) = &mut self.left else {
            return outcome;
        };
        let fault = match &outcome {
            Some(Err(_)) => None,
            Some(Ok(bytes)) => match left.checked_sub(bytes.len() as u64) {
                Some(less) => {
                    *left = less;
                    None
                }
                None => Some("a stored answer is longer than was promised"),
            },
            None => (*left > 0).then_some("a stored answer is shorter than was promised"),
        };
        fault.map_or(outcome, |reason| Some(Err(io::Error::other(reason))))
    }
}

impl<P: Pieces> Body for StoredBody<P> {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let body = self.get_mut();
        let outcome = ready!(body.poll_bytes(context));
        Poll::Ready(body.account_for(outcome).map(|outcome| outcome.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.left == Some(0)
    }

    fn size_hint(&self) -> SizeHint {
        self.left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}
