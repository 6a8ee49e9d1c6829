//! A connection that is read record by record until its handshake is over.
//!
//! The kernel goes on at the border between two records. What TLS in this process had read beyond it would be lost.

use std::io::{self, IoSlice};
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::TcpStream;

/// What each record begins with: its kind, a version, and in two bytes how much follows.
const HEADER_BYTES: usize = 5;

/// A connection, and where in a record it stands.
#[derive(Debug)]
pub struct Records {
    stream: TcpStream,
    reading: Reading,
    /// The header of the record, as far as it was read.
    header: [u8; HEADER_BYTES],
    header_bytes: usize,
    /// How much is left of what follows it.
    left: usize,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Reading {
    /// As much as there is.
    Freely,
    /// Never from two records at once.
    ByRecord,
    /// To the end of the record that has begun.
    ToItsEnd,
}

impl Records {
    /// Record by record.
    pub fn new(stream: TcpStream) -> Self {
        Self { stream, reading: Reading::ByRecord, header: [0; HEADER_BYTES], header_bytes: 0, left: 0 }
    }

    /// Records do not matter any more.
    pub fn read_freely(&mut self) {
        self.reading = Reading::Freely;
    }

    /// The next border between two records looks like the end.
    pub fn end_with_this_record(&mut self) {
        self.reading = Reading::ToItsEnd;
    }

    /// The connection below.
    pub fn stream(&self) -> &TcpStream {
        &self.stream
    }

    /// The connection alone.
    pub fn into_stream(self) -> TcpStream {
        self.stream
    }

    /// How much may be read now.
    fn wanted(&self) -> usize {
        match (self.reading, self.left, self.header_bytes) {
            (Reading::Freely, ..) => usize::MAX,
            (Reading::ToItsEnd, 0, 0) => 0,
            (_, 0, header_bytes) => HEADER_BYTES - header_bytes,
            (_, left, _) => left,
        }
    }

    /// Goes on behind what was read.
    fn pass(&mut self, read: &[u8]) {
        if self.left > 0 {
            self.left -= read.len();
        } else {
            self.header[self.header_bytes..][..read.len()].copy_from_slice(read);
            self.header_bytes += read.len();
            if self.header_bytes < HEADER_BYTES {
                return;
            }
            self.left = usize::from(u16::from_be_bytes([self.header[3], self.header[4]]));
        }
        if self.left == 0 {
            self.header_bytes = 0;
        }
    }
}

impl AsyncRead for Records {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let records = self.get_mut();
        if records.reading == Reading::Freely {
            return Pin::new(&mut records.stream).poll_read(context, buffer);
        }
        let wanted = records.wanted().min(buffer.remaining());
        if wanted == 0 {
            return Poll::Ready(Ok(()));
        }
        let mut part = ReadBuf::new(buffer.initialize_unfilled_to(wanted));
        ready!(Pin::new(&mut records.stream).poll_read(context, &mut part))?;
        let read = part.filled();
        records.pass(read);
        let length = read.len();
        buffer.advance(length);
        Poll::Ready(Ok(()))
    }
}

impl AsyncWrite for Records {
    fn poll_write(self: Pin<&mut Self>, context: &mut Context<'_>, bytes: &[u8]) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write(context, bytes)
    }

    fn poll_write_vectored(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().stream).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;

    async fn two_ends() -> (TcpStream, Records) {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let (client, accepted) = tokio::join!(TcpStream::connect(address), listener.accept());
        (client.expect("it listens"), Records::new(accepted.expect("it has come").0))
    }

    #[tokio::test]
    async fn it_ends_at_the_border_after_the_record_that_has_begun() {
        let (mut client, mut records) = two_ends().await;
        // Two records, one without content, and the beginning of another one.
        client
            .write_all(b"\x16\x03\x01\x00\x03abc\x17\x03\x03\x00\x00\x17\x03\x03\x00\x02de\x17")
            .await
            .expect("sent");
        let mut first = [0; 7];
        records.read_exact(&mut first).await.expect("read");
        assert_eq!(&first, b"\x16\x03\x01\x00\x03ab");
        records.end_with_this_record();
        let mut rest = Vec::new();
        records.read_to_end(&mut rest).await.expect("an end");
        assert_eq!(rest, b"c");
        records.read_freely();
        let mut after = [0; 13];
        records.read_exact(&mut after).await.expect("nothing is lost");
        assert_eq!(&after, b"\x17\x03\x03\x00\x00\x17\x03\x03\x00\x02de\x17");
    }

    #[tokio::test]
    async fn nothing_is_read_beyond_a_record() {
        let (mut client, mut records) = two_ends().await;
        client
            .write_all(b"\x17\x03\x03\x00\x02ab\x17\x03\x03\x00\x00\x17\x03\x03\x00\x01c")
            .await
            .expect("sent");
        let mut pieces: Vec<Vec<u8>> = Vec::new();
        while pieces.concat().len() < 18 {
            let mut piece = [0; 64];
            let length = records.read(&mut piece).await.expect("read");
            pieces.push(piece[..length].to_vec());
        }
        let expected: [&[u8]; 5] =
            [b"\x17\x03\x03\x00\x02", b"ab", b"\x17\x03\x03\x00\x00", b"\x17\x03\x03\x00\x01", b"c"];
        assert_eq!(pieces, expected);
    }
}
