//! Moves a request into the `git` that answers it, as it comes.

use std::io;

use futures_util::StreamExt;
use futures_util::future::{self, BoxFuture};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use crate::process::ByteStream;
use crate::service::REQUEST_STALL_LIMIT;

/// What a future gives that may be over already; then it never gives anything.
pub(super) async fn pending_when_none<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => future::pending().await,
    }
}

/// Moves the request into the process. When that stops reading, its output tells why, and the rest of the request is
/// read and dropped: a client that is still sending would not see the answer.
pub(super) async fn feed(stdin: ChildStdin, mut request: ByteStream) -> io::Result<()> {
    let mut stdin = Some(stdin);
    loop {
        let piece = tokio::time::timeout(REQUEST_STALL_LIMIT, request.next()).await;
        let piece = match piece {
            Ok(Some(piece)) => piece?,
            Ok(None) => return Ok(()),
            Err(_) => {
                return Err(io::Error::new(
                    io::ErrorKind::TimedOut,
                    "the client stopped sending its request",
                ));
            }
        };
        if let Some(input) = &mut stdin
            && input.write_all(&piece).await.is_err()
        {
            stdin = None;
        }
    }
}
