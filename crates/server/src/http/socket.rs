//! The socket that hyper reads from and writes to. It sends regions of files in place of the bytes that stand for them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::sendfile_queue::{SendfileQueue, stands_for_a_region};
use super::write_pace::WritePace;

/// A connection's socket and what is to be sent over it from files.
pub struct Socket {
    stream: TokioIo<TcpStream>,
    queue: SendfileQueue,
    pace: WritePace,
}

impl Socket {
    /// A socket over which the regions in `queue` go, at this pace or faster.
    pub fn new(stream: TcpStream, queue: SendfileQueue, pace: WritePace) -> Self {
        Socket { stream: TokioIo::new(stream), queue, pace }
    }

    /// Tries until the socket takes something, or is full.
    fn poll_send(
        &self,
        context: &mut Context<'_>,
        mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
    ) -> Poll<io::Result<usize>> {
        let stream = self.stream.inner();
        loop {
            ready!(stream.poll_write_ready(context))?;
            match stream.try_io(Interest::WRITABLE, || send(stream)) {
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                outcome => return Poll::Ready(outcome),
            }
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let sent = match slices.iter().position(|slice| stands_for_a_region(slice)) {
            None => Pin::new(&mut self.stream).poll_write_vectored(context, slices),
            Some(0) => {
                let (queue, expected) = (&self.queue, slices[0].len());
                self.poll_send(context, |stream| queue.send_to(stream, expected))
            }
            // A region follows at once, so that a response's head need not travel alone.
            Some(region) => self.poll_send(context, |stream| {
                let nothing = &mut SendAncillaryBuffer::default();
                let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
                Ok(sendmsg(stream, &slices[..region], nothing, flags)?)
            }),
        };
        match sent {
            Poll::Pending => self.pace.poll_full(context).map(Err),
            Poll::Ready(sent) => Poll::Ready(sent.inspect(|bytes| self.pace.took(*bytes))),
        }
    }

    /// Makes hyper keep a body's pieces as they are instead of copying them, without which no piece would be
    /// recognised.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        if !self.queue.is_empty() {
            let reason = "a region of a file was not sent where it belongs";
            return Poll::Ready(Err(io::Error::other(reason)));
        }
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}
