//! How a document is sent: with an ETag, so that it is sent once; compressed, to those who can read that; and to pages of
//! every site, because nothing in it is secret and portals show it.

use std::io::{Read, Write};

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;
use poem::http::{StatusCode, header};
use poem::{Request, Response};
use sha2::{Digest, Sha256};

/// How much of its hash names a document, in bytes.
const TAG_BYTES: usize = 16;

/// Whose pages may read documents.
const EVERY_SITE: &str = "*";

/// A document, ready to be sent in both forms.
pub(super) struct Delivery {
    media_type: &'static str,
    plain: Bytes,
    compressed: Bytes,
    /// Without quotes.
    tag: String,
}

impl Delivery {
    /// For a text.
    pub(super) fn of(media_type: &'static str, text: Vec<u8>) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(&text).expect("memory takes what is written");
        let compressed = encoder.finish().expect("memory takes what is written");
        Self { media_type, tag: tag_of(&text), plain: text.into(), compressed: compressed.into() }
    }

    /// For a file that was compressed when it was put here.
    pub(super) fn of_compressed(media_type: &'static str, compressed: &'static [u8]) -> Self {
        let mut plain = Vec::new();
        GzDecoder::new(compressed).read_to_end(&mut plain).expect("the file is a whole one");
        Self {
            media_type,
            tag: tag_of(&plain),
            plain: plain.into(),
            compressed: Bytes::from_static(compressed),
        }
    }

    /// The answer to a request for it.
    pub(super) fn answer(&self, request: &Request) -> Response {
        let compressed = request.header(header::ACCEPT_ENCODING).is_some_and(takes_gzip);
        let tag = if compressed { format!("\"{}-gzip\"", self.tag) } else { format!("\"{}\"", self.tag) };
        let answer = Response::builder()
            .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, EVERY_SITE)
            .header(header::ACCESS_CONTROL_EXPOSE_HEADERS, "ETag")
            .header(header::CACHE_CONTROL, "no-cache")
            .header(header::VARY, "Accept-Encoding")
            .header(header::ETAG, &tag);
        if request.header(header::IF_NONE_MATCH).is_some_and(|known| is_known(known, &tag)) {
            return answer.status(StatusCode::NOT_MODIFIED).finish();
        }
        let answer = answer.content_type(self.media_type);
        if compressed {
            answer.header(header::CONTENT_ENCODING, "gzip").body(self.compressed.clone())
        } else {
            answer.body(self.plain.clone())
        }
    }
}

/// The answer to a browser that asks whether a page of another site may ask whether a document has changed.
pub(super) fn preflight() -> Response {
    Response::builder()
        .status(StatusCode::NO_CONTENT)
        .header(header::ACCESS_CONTROL_ALLOW_ORIGIN, EVERY_SITE)
        .header(header::ACCESS_CONTROL_ALLOW_METHODS, "GET, HEAD")
        .header(header::ACCESS_CONTROL_ALLOW_HEADERS, "If-None-Match")
        .header(header::ACCESS_CONTROL_MAX_AGE, "86400")
        .finish()
}

fn tag_of(text: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(&Sha256::digest(text)[..TAG_BYTES])
}

/// Whether one of these is the tag; a proxy may have weakened it.
fn is_known(known: &str, tag: &str) -> bool {
    known.split(',').map(str::trim).any(|one| one == "*" || one.strip_prefix("W/").unwrap_or(one) == tag)
}

/// Whether `Accept-Encoding` allows gzip (RFC 9110, 12.5.3).
fn takes_gzip(accepted: &str) -> bool {
    let weight_of = |coding: &str| {
        accepted.split(',').find_map(|entry| {
            let mut parts = entry.split(';').map(str::trim);
            let named = parts.next()?.eq_ignore_ascii_case(coding);
            let weight = parts.find_map(|part| part.strip_prefix("q=").or_else(|| part.strip_prefix("Q=")));
            named.then(|| weight.and_then(|weight| weight.parse::<f32>().ok()).unwrap_or(1.0))
        })
    };
    weight_of("gzip").or_else(|| weight_of("*")).is_some_and(|weight| weight > 0.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_sent_to_those_who_take_it() {
        for accepted in ["gzip", "deflate, GZIP;q=0.5", "*", "br, *;q=0.1"] {
            assert!(takes_gzip(accepted), "{accepted}");
        }
        for accepted in ["", "br", "gzip;q=0", "*;q=0, gzip;q=0.0", "gzip;q=0, *"] {
            assert!(!takes_gzip(accepted), "{accepted}");
        }
    }

    #[test]
    fn a_known_tag_is_recognised_among_others() {
        assert!(is_known("\"a\", W/\"b\"", "\"b\"") && is_known("*", "\"b\""));
        assert!(!is_known("\"b-gzip\"", "\"b\""));
    }
}
