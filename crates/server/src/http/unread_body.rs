//! What a handler leaves unread of a request's body is read and thrown away, so that its answer arrives.
//!
//! A request that is refused is answered before its body is read. If the connection were closed then, while bytes of
//! the body are still on their way, the kernel would reset it, and many clients would see the reset instead of the
//! 401, 413 or 429. So the rest is read, up to a limit, and the connection is good for another request afterwards.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http_body_util::BodyExt;
use http_body_util::combinators::BoxBody;
use hyper::body::{Body, Frame, SizeHint};
use hyper::header;
use poem::Request;
use tokio::runtime::Handle;

/// Most that is read of a body that its handler did not want.
const MAX_DISCARDED_BYTES: usize = 8 * 1024 * 1024;
/// Longest time that is spent on reading it.
const DISCARD_TIME_LIMIT: Duration = Duration::from_secs(10);

/// Makes sure that the body of a request is read, whatever its handler does.
pub fn read_to_its_end(request: &mut Request) {
    // A client that waits for leave sends nothing when it is refused.
    if request.headers().contains_key(header::EXPECT) {
        return;
    }
    let body: BoxBody<Bytes, io::Error> = request.take_body().into();
    if body.is_end_stream() {
        request.set_body(poem::Body::from(body));
    } else {
        request.set_body(poem::Body::from(RequestBody { rest: Some(body) }.boxed()));
    }
}

/// A body whose rest is discarded when it is dropped.
struct RequestBody {
    /// What may still come.
    rest: Option<BoxBody<Bytes, io::Error>>,
}

impl Body for RequestBody {
    type Data = Bytes;
    type Error = io::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<io::Result<Frame<Bytes>>>> {
        let Some(rest) = &mut self.rest else { return Poll::Ready(None) };
        let frame = ready!(Pin::new(rest).poll_frame(context));
        if !matches!(frame, Some(Ok(_))) {
            self.rest = None;
        }
        Poll::Ready(frame)
    }

    fn is_end_stream(&self) -> bool {
        self.rest.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.rest.as_ref().map_or_else(|| SizeHint::with_exact(0), Body::size_hint)
    }
}

impl Drop for RequestBody {
    fn drop(&mut self) {
        let Some(rest) = self.rest.take().filter(|rest| !rest.is_end_stream()) else { return };
        // A connection that has ended gives an error at once.
        if let Ok(runtime) = Handle::try_current() {
            runtime.spawn(tokio::time::timeout(DISCARD_TIME_LIMIT, discard(rest)));
        }
    }
}

async fn discard(mut body: BoxBody<Bytes, io::Error>) {
    let mut left = MAX_DISCARDED_BYTES;
    while let Some(Ok(frame)) = body.frame().await {
        let length = frame.data_ref().map_or(0, Bytes::len);
        let Some(less) = left.checked_sub(length) else { return };
        left = less;
    }
}

#[cfg(test)]
mod tests {
    use poem::Response;
    use poem::endpoint::make_sync;
    use poem::http::StatusCode;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio_util::sync::CancellationToken;

    use super::*;
    use crate::http::{ClientRoom, ConnectionOptions, TrustedProxies};

    /// How long anything here may take.
    const PATIENCE: Duration = Duration::from_mins(4);

    /// A connection to a server that refuses everything unread.
    async fn refusing() -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("loopback has free ports");
        let address = listener.local_addr().expect("it is bound");
        let endpoint = make_sync(|_| Response::builder().status(StatusCode::UNAUTHORIZED).body("no"));
        tokio::spawn(crate::http::serve(
            listener,
            endpoint,
            ClientRoom::new(ConnectionOptions::default(), TrustedProxies::default(), &std::env::temp_dir()),
            CancellationToken::new(),
        ));
        TcpStream::connect(address).await.expect("it listens")
    }

    async fn begin(stream: &mut TcpStream, length: usize) {
        let head = format!("POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n");
        stream.write_all(head.as_bytes()).await.expect("the server reads");
    }

    async fn answer(stream: &mut TcpStream) -> String {
        let mut read = Vec::new();
        let reading = async {
            while !read.ends_with(b"\r\n\r\nno") {
                read.push(stream.read_u8().await.expect("the answer comes whole"));
            }
        };
        tokio::time::timeout(PATIENCE, reading).await.expect("the answer comes");
        String::from_utf8(read).expect("is text")
    }

    #[tokio::test]
    async fn an_answer_arrives_though_its_request_was_still_under_way() {
        let mut stream = refusing().await;
        for _ in 0..2 {
            let body = vec![b'x'; 3_000_000];
            begin(&mut stream, body.len()).await;
            // The server has answered long before this.
            stream.readable().await.expect("the answer comes");
            stream.write_all(&body).await.expect("the server reads on");
            assert!(answer(&mut stream).await.starts_with("HTTP/1.1 401 "));
        }
    }

    #[tokio::test]
    async fn a_body_without_end_is_not_read_for_ever() {
        let mut stream = refusing().await;
        begin(&mut stream, usize::MAX / 4).await;
        assert!(answer(&mut stream).await.starts_with("HTTP/1.1 401 "));
        let sending = async {
            let piece = vec![b'x'; 64 * 1024];
            while stream.write_all(&piece).await.is_ok() {}
        };
        tokio::time::timeout(PATIENCE, sending).await.expect("the server turns away");
    }
}
