//! How much memory answers take that wait for their readers.
//!
//! An answer that is made in memory, such as a list of very many references, stays there until its client has taken it.
//! When clients are many and slow, further answers go to disk and are sent from there.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use bytes::Bytes;
use heliostat_peer::AddressPrefix;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};

use super::problem::Problem;
use super::shared_room::{SharedRoom, TakenRoom};
use super::spool::Spool;

/// Answers up to this length are bounded by the number of connections alone.
const MAX_SMALL_ANSWER_BYTES: u64 = 64 * 1024;
/// Most memory that longer ones take together.
const MAX_ANSWER_MEMORY_BYTES: u64 = 128 * 1024 * 1024;
/// The pieces in which a long answer is handed to the connection, so that it ends when nearly all of it was sent.
const PIECE_BYTES: usize = 256 * 1024;

/// Says of a response that its body does not lie in memory.
#[derive(Debug, Clone, Copy)]
pub(super) struct NotInMemory;

/// Bounds the memory of answers. Cloning is cheap and shares it.
#[derive(Debug, Clone)]
pub struct AnswerMemory {
    room: SharedRoom,
    spool: Spool,
}

impl AnswerMemory {
    /// Puts on disk what there is no memory for.
    pub fn new(spool: Spool) -> Self {
        Self { room: SharedRoom::new(MAX_ANSWER_MEMORY_BYTES), spool }
    }

    /// The body of a response, in memory if there is room for it.
    pub async fn bounded(
        &self,
        response: hyper::Response<BoxBody<Bytes, io::Error>>,
        client: AddressPrefix,
    ) -> hyper::Response<BoxBody<Bytes, io::Error>> {
        let length = response.body().size_hint().exact().unwrap_or(0);
        if length <= MAX_SMALL_ANSWER_BYTES || response.extensions().get::<NotInMemory>().is_some() {
            return response;
        }
        let (head, body) = response.into_parts();
        let mut room = self.room.place(client);
        let body = if room.grow(length) {
            HeldAnswer { body, piece: Bytes::new(), left: length, _room: room }.boxed()
        } else {
            match self.spool.receive(body.into(), client, u64::MAX).await {
                Ok(stored) => stored.into_body().into(),
                Err(error) => return Problem::from(error).response().into(),
            }
        };
        hyper::Response::from_parts(head, body)
    }
}

/// An answer in memory that has room there.
struct HeldAnswer {
    body: BoxBody<Bytes, io::Error>,
    /// What was taken from the body and is not handed on yet.
    piece: Bytes,
    left: u64,
    _room: TakenRoom,
}

impl Body for HeldAnswer {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        if self.piece.is_empty() {
            match ready!(Pin::new(&mut self.body).poll_frame(context)) {
                Some(Ok(frame)) => match frame.into_data() {
                    Ok(piece) => self.piece = piece,
                    Err(frame) => return Poll::Ready(Some(Ok(frame))),
                },
                end => return Poll::Ready(end),
            }
        }
        let length = self.piece.len().min(PIECE_BYTES);
        let piece = self.piece.split_to(length);
        self.left = self.left.saturating_sub(length as u64);
        Poll::Ready(Some(Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};

    use super::*;

    const LONG_BYTES: usize = 20 * 1024 * 1024;

    fn response(length: usize) -> hyper::Response<BoxBody<Bytes, io::Error>> {
        hyper::Response::new(poem::Body::from(vec![7; length]).into())
    }

    async fn length_of(response: hyper::Response<BoxBody<Bytes, io::Error>>) -> usize {
        response.into_body().collect().await.expect("it comes whole").to_bytes().len()
    }

    #[tokio::test]
    async fn what_one_network_leaves_unread_goes_to_disk() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = AnswerMemory::new(Spool::in_folder(folder.path()));
        let client = |third| AddressPrefix::from(IpAddr::from(Ipv4Addr::new(192, 0, third, 1)));
        let first = memory.bounded(response(LONG_BYTES), client(1)).await;
        let second = memory.bounded(response(LONG_BYTES), client(1)).await;
        let other = memory.bounded(response(LONG_BYTES), client(2)).await;
        let small = memory.bounded(response(100), client(1)).await;
        assert_eq!(memory.room.used_bytes(), 2 * LONG_BYTES as u64, "the second one lies on disk");
        assert_eq!(first.body().size_hint().exact(), Some(LONG_BYTES as u64));
        for answer in [first, second, other] {
            assert_eq!(length_of(answer).await, LONG_BYTES);
        }
        assert_eq!((length_of(small).await, memory.room.used_bytes()), (100, 0));
    }

    #[tokio::test]
    async fn an_answer_that_is_in_a_file_takes_no_memory() {
        let folder = tempfile::tempdir().expect("a folder");
        let memory = AnswerMemory::new(Spool::in_folder(folder.path()));
        let mut stored = response(LONG_BYTES);
        stored.extensions_mut().insert(NotInMemory);
        let client = AddressPrefix::from(IpAddr::from(Ipv4Addr::LOCALHOST));
        let stored = memory.bounded(stored, client).await;
        assert_eq!(memory.room.used_bytes(), 0);
        drop(stored);
    }
}
