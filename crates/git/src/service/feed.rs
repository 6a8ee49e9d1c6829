//! Moves a request into the `git` that answers it, as it comes.

use std::io;

use futures_util::StreamExt;
use futures_util::future::{self, BoxFuture};
use tokio::io::AsyncWriteExt;
use tokio::process::ChildStdin;

use crate::process::ByteStream;

/// What a future gives that may be over already; then it never gives anything.
pub(super) async fn pending_when_none<T>(future: &mut Option<BoxFuture<'static, T>>) -> T {
    match future {
        Some(future) => future.await,
        None => future::pending().await,
    }
}

/// Moves the request into the process. When that stops reading, its output tells why, and the rest of the request is
/// read and dropped: a client that is still sending would not see the answer. How long a client may take is bounded by
/// the connection.
pub(super) async fn feed(stdin: ChildStdin, mut request: ByteStream) -> io::Result<()> {
    let mut stdin = Some(stdin);
    while let Some(piece) = request.next().await {
        let piece = piece?;
        if let Some(input) = &mut stdin
            && input.write_all(&piece).await.is_err()
        {
            stdin = None;
        }
    }
    Ok(())
}
