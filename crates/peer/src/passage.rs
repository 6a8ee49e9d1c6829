//! A request of a client that goes on to another server, and the answer as it comes.
//!
//! Nothing is signed: the other server judges what the client itself has shown. Nothing is held: the answer is read as
//! fast as it is taken. How long it takes as a whole is not bounded; one that stands still is broken off.

use std::io;

use bytes::Bytes;
use futures_util::stream::BoxStream;
use futures_util::{StreamExt, TryStreamExt};
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use reqwest::{Body, Method, Response, StatusCode};
use url::Url;

use crate::call::{CallError, PeerClient, under_current_names, unreachable};

/// A request before it goes on.
#[derive(Debug)]
pub struct Passage {
    method: Method,
    url: Url,
    headers: HeaderMap,
    body: Option<Body>,
}

/// What the other server answers, whatever its status.
#[derive(Debug)]
pub struct PassedAnswer(Response);

impl Passage {
    /// A question for what is at this address.
    pub fn get(url: Url) -> Self {
        Self { method: Method::GET, url, headers: HeaderMap::new(), body: None }
    }

    /// This for what is at this address.
    pub fn post(url: Url, body: BoxStream<'static, io::Result<Bytes>>) -> Self {
        let body = Some(Body::wrap_stream(body));
        Self { method: Method::POST, body, ..Self::get(url) }
    }

    /// Adds a header, unless its value cannot stand in one.
    #[must_use]
    pub fn header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(value) = HeaderValue::from_str(value) {
            self.headers.insert(name, value);
        }
        self
    }

    /// Adds a header that nothing shows.
    #[must_use]
    pub fn secret_header(mut self, name: HeaderName, value: &str) -> Self {
        if let Ok(mut value) = HeaderValue::from_str(value) {
            value.set_sensitive(true);
            self.headers.insert(name, value);
        }
        self
    }
}

impl PassedAnswer {
    /// Its status.
    pub fn status(&self) -> StatusCode {
        self.0.status()
    }

    /// Whether it is a success of exactly this type.
    pub fn is_of(&self, content_type: &str) -> bool {
        let found = self.0.headers().get(CONTENT_TYPE).map(HeaderValue::as_bytes);
        self.status() == StatusCode::OK && found == Some(content_type.as_bytes())
    }

    /// Its bytes as they come.
    pub fn into_stream(self) -> BoxStream<'static, io::Result<Bytes>> {
        self.0.bytes_stream().map_err(io::Error::other).boxed()
    }
}

impl PeerClient {
    /// Lets a request go on. Returns when the answer has begun.
    pub async fn pass(&self, passage: Passage) -> Result<PassedAnswer, CallError> {
        let Passage { method, url, headers, body } = passage;
        self.check_address(&url)?;
        let mut request = under_current_names(self.http.request(method, url.clone()).headers(headers));
        if let Some(body) = body {
            request = request.body(body);
        }
        request.send().await.map(PassedAnswer).map_err(|error| unreachable(&url, &error))
    }
}

#[cfg(test)]
mod tests {
    use futures_util::stream;
    use reqwest::header::AUTHORIZATION;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;

    use super::*;
    use crate::clock::Clock;
    use crate::http::Destinations;

    #[tokio::test]
    async fn a_request_goes_on_and_its_answer_comes_back_in_pieces() {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let url = format!("http://{}/x", listener.local_addr().expect("bound"));
        let serving = tokio::spawn(async move {
            let (mut connection, _) = listener.accept().await.expect("a call");
            let mut seen = Vec::new();
            while !seen.ends_with(b"0\r\n\r\n") {
                let mut buffer = [0; 4096];
                let count = connection.read(&mut buffer).await.expect("readable");
                seen.extend_from_slice(&buffer[..count]);
            }
            let answer = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nTransfer-Encoding: chunked\r\n\r\n";
            connection.write_all(answer).await.expect("writable");
            for chunk in ["3\r\none\r\n", "3\r\ntwo\r\n", "0\r\n\r\n"] {
                connection.write_all(chunk.as_bytes()).await.expect("writable");
            }
            String::from_utf8(seen).expect("text")
        });
        let client = PeerClient::new("tests", Destinations::Configured, Clock::system()).expect("a client");
        let body = stream::iter([Ok(Bytes::from("want")), Ok(Bytes::from("done"))]).boxed();
        let passage = Passage::post(Url::parse(&url).expect("a URL"), body);
        let passage = passage.header(CONTENT_TYPE, "c/d").secret_header(AUTHORIZATION, "Basic YTpi");
        assert!(!format!("{passage:?}").contains("YTpi"));
        let answer = client.pass(passage.header(CONTENT_TYPE, "a\nb")).await.expect("answered");
        assert!(answer.is_of("a/b") && !answer.is_of("a/c"));
        let bytes: Vec<Bytes> = answer.into_stream().try_collect().await.expect("all of it");
        assert_eq!(bytes.concat(), b"onetwo");
        let seen = serving.await.expect("it does not panic").to_lowercase();
        assert!(seen.contains("content-type: c/d") && seen.contains("authorization: basic ytpi"), "{seen}");
        assert!(seen.contains("want") && seen.contains("done"), "{seen}");
    }
}
