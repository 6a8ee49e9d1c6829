//! What carries the bytes of a connection: TCP as it is, or TLS inside it, by this process or by the kernel.

use std::io::{self, IoSlice, Write as _};
use std::pin::Pin;
use std::task::{Context, Poll};

use hyper::rt::{Read, ReadBufCursor, Write};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use tokio_rustls::server::TlsStream;

use super::tls::{KernelStream, Records};

/// A connection whose handshake, if it has one, is over.
pub enum Transport {
    /// The bytes go as they are.
    Plain(TokioIo<TcpStream>),
    /// The bytes are encrypted in this process.
    Encrypted(Box<TokioIo<TlsStream<Records>>>),
    /// The kernel encrypts what is written to the socket.
    Kernel(KernelStream),
}

impl Transport {
    /// Over TCP as it is.
    pub fn plain(stream: TcpStream) -> Self {
        Self::Plain(TokioIo::new(stream))
    }

    /// After a handshake.
    pub fn encrypted(stream: TlsStream<Records>) -> Self {
        Self::Encrypted(Box::new(TokioIo::new(stream)))
    }

    /// The socket, if what is sent over it need not pass through this process; [`Transport::sent`] counts that.
    pub fn socket(&self) -> Option<&TcpStream> {
        match self {
            Self::Plain(stream) => Some(stream.inner()),
            Self::Encrypted(_) => None,
            Self::Kernel(stream) => Some(stream.socket()),
        }
    }

    /// So much was sent over the socket at once.
    pub fn sent(&mut self, bytes: usize) -> io::Result<usize> {
        match self {
            Self::Plain(_) | Self::Encrypted(_) => Ok(bytes),
            Self::Kernel(stream) => stream.sent(bytes),
        }
    }

    /// Reads what the client has sent.
    pub fn poll_read(
        &mut self,
        context: &mut Context<'_>,
        buffer: ReadBufCursor<'_>,
    ) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_read(context, buffer),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_read(context, buffer),
            Self::Kernel(stream) => stream.poll_read(context, buffer),
        }
    }

    /// Writes from memory.
    pub fn poll_write(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_write_vectored(context, slices),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_write_vectored(context, slices),
            Self::Kernel(stream) => stream.poll_write(context, slices),
        }
    }

    /// Writes from memory what is followed at once by more, and may wait for that.
    pub fn poll_write_before_more(
        &mut self,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if let Self::Encrypted(stream) = self {
            let (_, session) = stream.inner_mut().get_mut();
            match session.writer().write_vectored(slices)? {
                // There is no room before something was sent.
                0 => {}
                taken => return Poll::Ready(Ok(taken)),
            }
        }
        self.poll_write(context, slices)
    }

    /// Writes what was taken and is still here.
    pub fn poll_flush(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_flush(context),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_flush(context),
            // The kernel has it all.
            Self::Kernel(_) => Poll::Ready(Ok(())),
        }
    }

    /// Says that nothing more comes.
    pub fn poll_shutdown(&mut self, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        match self {
            Self::Plain(stream) => Pin::new(stream).poll_shutdown(context),
            Self::Encrypted(stream) => Pin::new(stream.as_mut()).poll_shutdown(context),
            Self::Kernel(stream) => stream.poll_shutdown(context),
        }
    }
}
