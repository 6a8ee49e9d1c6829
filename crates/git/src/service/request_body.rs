//! A request body as the client meant it: clients compress what they send.

use std::io;

use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use thiserror::Error;
use tokio_util::io::{ReaderStream, StreamReader};

use crate::process::ByteStream;

/// Most that a compressed body may unpack to. Clients compress lists of wants and haves, never packs.
const MAX_INFLATED_BYTES: u64 = 256 * 1024 * 1024;

/// Size of the pieces in which an unpacked body is handed on.
const INFLATED_CHUNK_BYTES: usize = 16 * 1024;

/// An encoding that no Git client uses.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("content encoding {0:?} is not supported; use gzip or none")]
pub struct UnsupportedEncoding(String);

/// The body without its `Content-Encoding`.
pub fn decode_request_body(
    content_encoding: Option<&str>,
    body: impl Stream<Item = io::Result<Bytes>> + Send + 'static,
) -> Result<ByteStream, UnsupportedEncoding> {
    let encoding = content_encoding.unwrap_or_default().trim().to_ascii_lowercase();
    match encoding.as_str() {
        "" | "identity" => Ok(body.boxed()),
        "gzip" | "x-gzip" => {
            let decoder = GzipDecoder::new(StreamReader::new(body.boxed()));
            let inflated = ReaderStream::with_capacity(decoder, INFLATED_CHUNK_BYTES);
            Ok(bounded(inflated, MAX_INFLATED_BYTES).boxed())
        }
        _ => Err(UnsupportedEncoding(encoding.chars().take(40).collect())),
    }
}

/// The same bytes, and an error in place of the first piece that goes beyond the limit.
pub(crate) fn bounded(
    body: impl Stream<Item = io::Result<Bytes>>,
    limit_bytes: u64,
) -> impl Stream<Item = io::Result<Bytes>> {
    let mut total = 0;
    body.map(move |chunk| {
        let chunk = chunk?;
        total += chunk.len() as u64;
        if total > limit_bytes {
            let message = format!("the request body is larger than {limit_bytes} bytes");
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, message));
        }
        Ok(chunk)
    })
}

#[cfg(test)]
mod tests {
    use async_compression::tokio::write::GzipEncoder;
    use futures_util::{TryStreamExt, stream};
    use tokio::io::AsyncWriteExt;

    use super::*;

    fn body(pieces: Vec<Bytes>) -> ByteStream {
        stream::iter(pieces.into_iter().map(Ok)).boxed()
    }

    async fn collected(body: ByteStream) -> io::Result<Vec<u8>> {
        body.try_fold(Vec::new(), |mut all, piece| async move {
            all.extend_from_slice(&piece);
            Ok(all)
        })
        .await
    }

    #[tokio::test]
    async fn compressed_and_plain_bodies_read_the_same() {
        let plain = b"0032want ".repeat(5000);
        let mut encoder = GzipEncoder::new(Vec::new());
        encoder.write_all(&plain).await.expect("memory");
        encoder.shutdown().await.expect("memory");
        let compressed: Vec<_> = encoder.into_inner().chunks(7).map(Bytes::copy_from_slice).collect();
        for encoding in ["gzip", "X-GZIP"] {
            let decoded = decode_request_body(Some(encoding), body(compressed.clone())).expect("supported");
            assert_eq!(collected(decoded).await.expect("whole"), plain);
        }
        let decoded = decode_request_body(None, body(vec![Bytes::from(plain.clone())])).expect("supported");
        assert_eq!(collected(decoded).await.expect("whole"), plain);
        let cut = decode_request_body(Some("gzip"), body(compressed[..3].to_vec())).expect("supported");
        assert!(collected(cut).await.is_err());
    }

    #[tokio::test]
    async fn other_encodings_are_refused() {
        assert!(decode_request_body(Some("br"), body(Vec::new())).is_err());
    }

    #[tokio::test]
    async fn a_body_ends_at_its_limit() {
        let pieces = vec![Bytes::from_static(b"123"), Bytes::from_static(b"45")];
        assert!(collected(bounded(body(pieces.clone()), 5).boxed()).await.is_ok());
        let error = collected(bounded(body(pieces), 4).boxed()).await.expect_err("too long");
        assert_eq!(error.kind(), io::ErrorKind::FileTooLarge);
    }
}
