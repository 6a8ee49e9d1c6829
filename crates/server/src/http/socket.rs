//! The connection that hyper reads from and writes to. It sends regions of files in place of the bytes that stand for them.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use hyper::rt::{Read, ReadBufCursor, Write};
use rustix::net::{SendAncillaryBuffer, SendFlags, sendmsg};
use tokio::io::Interest;
use tokio::net::TcpStream;

use super::sendfile_queue::{CopiedRegion, SendfileQueue, stands_for_a_region};
use super::transport::Transport;
use super::write_pace::WritePace;

/// A connection and what is to be sent over it from files.
pub struct Socket {
    transport: Transport,
    queue: SendfileQueue,
    /// What was read of a region to be encrypted.
    copied: CopiedRegion,
    pace: WritePace,
}

impl Socket {
    /// A connection over which the regions in `queue` go, at this pace or faster.
    pub fn new(transport: Transport, queue: SendfileQueue, pace: WritePace) -> Self {
        Socket { transport, queue, copied: CopiedRegion::default(), pace }
    }

    /// Sends from the region that `expected` bytes stand for.
    fn poll_region(&mut self, context: &mut Context<'_>, expected: usize) -> Poll<io::Result<usize>> {
        if let Some(stream) = self.transport.socket() {
            let sent = poll_send(stream, context, |stream| self.queue.send_to(stream, expected));
            return Poll::Ready(self.transport.sent(ready!(sent)?));
        }
        let bytes = self.queue.copy(&mut self.copied, expected)?;
        let taken = ready!(self.transport.poll_write(context, &[IoSlice::new(bytes)]))?;
        self.queue.passed(&mut self.copied, taken);
        Poll::Ready(Ok(taken))
    }

    /// Sends what comes before a region. That follows at once, so that a response's head need not travel alone.
    fn poll_before_region(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let Some(stream) = self.transport.socket() else {
            return self.transport.poll_write_before_more(context, slices);
        };
        let sent = poll_send(stream, context, |stream| {
            let flags = SendFlags::MORE | SendFlags::NOSIGNAL;
            Ok(sendmsg(stream, slices, &mut SendAncillaryBuffer::default(), flags)?)
        });
        Poll::Ready(self.transport.sent(ready!(sent)?))
    }
}

/// Tries until the socket takes something, or is full.
fn poll_send(
    stream: &TcpStream,
    context: &mut Context<'_>,
    mut send: impl FnMut(&TcpStream) -> io::Result<usize>,
) -> Poll<io::Result<usize>> {
    loop {
        ready!(stream.poll_write_ready(context))?;
        match stream.try_io(Interest::WRITABLE, || send(stream)) {
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            outcome => return Poll::Ready(outcome),
        }
    }
}

impl Read for Socket {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        self.transport.poll_read(context, buffer)
    }
}

impl Write for Socket {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        self.poll_write_vectored(context, &[IoSlice::new(bytes)])
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let socket = self.get_mut();
        let sent = match slices.iter().position(|slice| stands_for_a_region(slice)) {
            None => socket.transport.poll_write(context, slices),
            Some(0) => socket.poll_region(context, slices[0].len()),
            Some(region) => socket.poll_before_region(context, &slices[..region]),
        };
        match sent {
            Poll::Pending => socket.pace.poll_full(context).map(Err),
            Poll::Ready(sent) => Poll::Ready(sent.inspect(|bytes| socket.pace.took(*bytes))),
        }
    }

    /// Makes hyper keep a body's pieces as they are instead of copying them, without which no piece would be
    /// recognised.
    fn is_write_vectored(&self) -> bool {
        true
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        if !socket.queue.is_empty() {
            let reason = "a region of a file was not sent where it belongs";
            return Poll::Ready(Err(io::Error::other(reason)));
        }
        match socket.transport.poll_flush(context) {
            // What is encrypted and not taken yet waits here.
            Poll::Pending => socket.pace.poll_full(context).map(Err),
            flushed => flushed,
        }
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let socket = self.get_mut();
        match socket.transport.poll_shutdown(context) {
            Poll::Pending => socket.pace.poll_full(context).map(Err),
            ended => ended,
        }
    }
}
