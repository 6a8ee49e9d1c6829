//! Whose move it is on a connection, and since when: what tells a client that dawdles from one that waits for us.

use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::task::{Context, Poll};
use std::time::Instant;

use bytes::Bytes;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use poem::http::{HeaderMap, header};

use super::request_record::RequestRecord;

/// What stands for "the server has to do something".
const SERVER: u64 = 0;

/// Times of all connections are told from here, so that they can be compared without asking for the time.
static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);

/// Since when the server waits for a client, if it does. Clones are about the same connection.
#[derive(Debug, Clone)]
pub struct ClientWait(Arc<AtomicU64>);

impl ClientWait {
    /// Waits for the client from now on.
    pub fn begin() -> Self {
        Self(Arc::new(AtomicU64::new(now_ms())))
    }

    /// The client has to do something: send a request or more of one, or take more of its answer. If it had to before, it
    /// has had to since then.
    pub fn for_client(&self) {
        // Only an answer to the question who goes first if there is no room: order among threads does not matter.
        let _ = self.0.compare_exchange(SERVER, now_ms(), Ordering::Relaxed, Ordering::Relaxed);
    }

    /// The client has done something, and has more to do.
    pub fn client_moved(&self) {
        if self.0.load(Ordering::Relaxed) != SERVER {
            self.0.store(now_ms(), Ordering::Relaxed);
        }
    }

    /// The server has to do something.
    pub fn for_server(&self) {
        self.0.store(SERVER, Ordering::Relaxed);
    }

    /// Since when the server has waited, to be compared with others; `None` while the client waits.
    pub fn since_ms(&self) -> Option<u64> {
        Some(self.0.load(Ordering::Relaxed)).filter(|since_ms| *since_ms != SERVER)
    }
}

fn now_ms() -> u64 {
    u64::try_from(BEGAN.elapsed().as_millis()).unwrap_or(u64::MAX).saturating_add(1)
}

/// The body of an answer. While it has nothing to send, its client waits; after its end the client has the next move.
pub struct WatchedAnswer {
    body: BoxBody<Bytes, io::Error>,
    wait: ClientWait,
    record: Option<Arc<RequestRecord>>,
    /// What is not taken yet, where the length of the whole is known: then the server does not poll the body again
    /// after the last byte.
    left: Option<u64>,
}

impl WatchedAnswer {
    /// Notes what becomes of this answer, in the record of its request as well. A stream that cannot tell how long it is
    /// may have a length by its `headers`.
    pub fn new(
        body: BoxBody<Bytes, io::Error>,
        headers: &HeaderMap,
        wait: ClientWait,
        record: Option<Arc<RequestRecord>>,
    ) -> Self {
        let told = || headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse::<u64>().ok();
        let left = body.size_hint().exact().or_else(told);
        Self { body, wait, record, left }
    }

    /// Notes that bytes were taken.
    fn sent(&mut self, bytes: usize) {
        self.left = self.left.map(|left| left.saturating_sub(bytes as u64));
        if let Some(record) = &self.record {
            record.sent(bytes);
            if self.left == Some(0) {
                record.ended();
            }
        }
    }
}

impl Body for WatchedAnswer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let frame = Pin::new(&mut self.body).poll_frame(context);
        match &frame {
            Poll::Pending => self.wait.for_server(),
            Poll::Ready(Some(Ok(frame))) => {
                let bytes = frame.data_ref().map_or(0, Bytes::len);
                self.sent(bytes);
            }
            Poll::Ready(Some(Err(_))) => {}
            Poll::Ready(None) => {
                if let Some(record) = &self.record {
                    record.ended();
                }
            }
        }
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl Drop for WatchedAnswer {
    fn drop(&mut self) {
        self.wait.for_client();
        // A body that knows its end is not asked again after its last byte, and an empty one never.
        if let Some(record) = self.record.as_ref().filter(|_| self.body.is_end_stream()) {
            record.ended();
        }
    }
}
